/*
 * segment_options.h: how an image is segmented, the same for all that segments.
 */
#ifndef LESIONSEG_PG_SEGMENT_LOOKS_SEGMENT_OPTIONS_H
#define LESIONSEG_PG_SEGMENT_LOOKS_SEGMENT_OPTIONS_H

#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "core/options.h"
#include "enhance/enhance.h"
#include "image/codec/codec.h"
#include "infer/window.h"
#include "pg/models/model_store.h"

/* How to segment. */
typedef struct SegmentOptions
{
	double		threshold;		/* 0 < threshold < 1 */
	bool		tta;			/* test-time augmentation */
	EnhanceMode enhance;		/* of the image at network size */
	bool		as_trained;		/* rather: as each version's training did */
	bool		refine;			/* a second look at the lesion, see infer/refine.h */
	Window		box;			/* a person's, around the lesion, see infer/hint.h; without pixels: none */
	OptionPoints inside;		/* a person's, see infer/points.h */
	OptionPoints outside;
	bool		largest_component;	/* of the mask alone */
	bool		fill_holes;		/* of the mask */
	ImageTurn	turn;			/* of the image, and so of the mask */
} SegmentOptions;

/* What the argument `options` may set of them, as a table. */
extern const OptionTable segment_option_table;

/* Set the keys of the argument `options`; an unknown one is an error that
 * lists those that exist. */
void		segment_options_apply(Jsonb *json, SegmentOptions *options);

/* Set the mode of that name; NULL is what training did. */
void		segment_options_enhance(const char *mode, const ModelVersion *version, SegmentOptions *options);

/* Set the mode that argument `n` names. */
void		argument_enhance(FunctionCallInfo fcinfo, int n, const ModelVersion *version, SegmentOptions *options);

/* The options that differ from their defaults, as an object for the row of an
 * evaluation. The threshold is left out: it has a column of its own. */
Jsonb	   *segment_options_jsonb(const SegmentOptions *options);

#endif

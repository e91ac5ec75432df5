/*
 * augment.h: the random variations of training images.
 *
 * A variation is first drawn, from a generator that belongs to (seed, epoch,
 * place in the epoch), and then applied. So a run repeats exactly with any
 * number of threads.
 */
#ifndef LESIONSEG_LEARN_AUGMENT_H
#define LESIONSEG_LEARN_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/options.h"
#include "core/rng.h"
#include "core/status.h"
#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"

typedef struct AugmentOptions
{
	bool		flip;			/* horizontally and vertically, each with probability 1/2 */
	double		rotate;			/* degrees: any angle in +- rotate (180 = any) */
	double		scale;			/* factor e^(+- scale) */
	double		shift;			/* share of the size, +- */
	double		brightness;		/* +- share */
	double		contrast;		/* +- share, about mid-grey */
	double		colour;			/* per-channel gain, +- share */
	double		degrade;		/* share of the images that get one degradation */
	double		degrade_severity;	/* highest severity, a whole number; all from 1 on are equally likely */
	double		degrade_weight[DEGRADE_KINDS];	/* how often each kind, among the others */
	EnhanceMode enhance;		/* last step: the same enhancement that segmentation will use */
} AugmentOptions;

/* One drawn variation. */
typedef struct Variation
{
	bool		flip_x;			/* left to right */
	bool		flip_y;			/* top to bottom */
	double		angle;			/* degrees, clockwise as seen */
	double		scale;			/* > 1 enlarges */
	double		shift_x;		/* shares of the size, to the right */
	double		shift_y;		/* and down */
	double		brightness;		/* factor */
	double		contrast;		/* factor, about mid-grey */
	double		gain[3];		/* factor per channel */
	int			severity;		/* of the degradation; 0 = none */
	DegradeKind kind;
	Rng			degrade_rng;	/* generator of the degradation */
	EnhanceMode enhance;
} Variation;

/*
 * The default recipe: flips, any rotation, scale 0.25, shift 0.10, brightness
 * 0.20, contrast 0.20, colour 0.10; half of the images get one degradation of
 * any kind, severity 1 to 5.
 */
AugmentOptions augment_default(void);

/* The table of all options but enhance; values are an AugmentOptions. */
extern const OptionTable augment_option_table;

/* Options that change nothing. */
AugmentOptions augment_none(void);

/* All options but enhance as numbers, in the order of the struct, to compare
 * and store. */
#define AUGMENT_VALUES (9 + DEGRADE_KINDS)
void		augment_values(const AugmentOptions *options, double values[AUGMENT_VALUES]);

/* Draw a variation; always takes the same number of values from rng. */
Variation	augment_draw(const AugmentOptions *options, Rng *rng);

/*
 * Apply a variation to a (size, size, 3) image and its (size, size) mask of
 * 0/255, `rgb`/`mask` into `out_rgb`/`out_mask` (different memory): flip,
 * scale and turn about the centre, then shift, as one warp with reflected
 * borders (bilinear; a mask pixel is lesion where more than half of it is);
 * then colour: v -> (v * gain * brightness - 127.5) * contrast + 127.5; then
 * the degradation, and last enhancement of what that left. A variation that
 * changes nothing copies exactly. Only degrading and enhancing allocate and
 * can fail. Safe on any thread with a call of call_on_thread.
 */
Status		augment_apply(const Call *call, const Variation *variation, int size,
						  const uint8_t *rgb, const uint8_t *mask,
						  uint8_t *out_rgb, uint8_t *out_mask);

#endif

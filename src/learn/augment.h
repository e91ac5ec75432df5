/*
 * augment.h: the random variations of training images.
 *
 * A variation is drawn first, from an Rng of its own for each (seed, epoch,
 * place in the epoch), and applied after, so a run repeats exactly whatever
 * the number of threads.
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
	bool		flip;			/* horizontally and vertically, each with p = 1/2 */
	double		rotate;			/* degrees: any angle in +- rotate (180 = any) */
	double		scale;			/* factor e^(+- scale) */
	double		shift;			/* share of the size, +- */
	double		brightness;		/* +- share */
	double		contrast;		/* +- share, about mid-grey */
	double		colour;			/* per-channel gain, +- share */
	double		degrade;		/* share of the images that get one degradation */
	double		degrade_severity;	/* 1 to this one, each as often; whole */
	double		degrade_weight[DEGRADE_KINDS];	/* how often each kind, among the others */
	EnhanceMode enhance;		/* of what came of all that, as segmentation enhances what it is given */
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
	Rng			degrade_rng;	/* what it draws from */
	EnhanceMode enhance;
} Variation;

/* The recipe of DESIGN: flips, any rotation, 0.25, 0.10, 0.20, 0.20, 0.10;
 * one degradation of any kind, severity 1 to 5, on half of the images. */
AugmentOptions augment_default(void);

/* All options but enhance as a table, of an AugmentOptions. */
extern const OptionTable augment_option_table;

/* Nothing is changed. */
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
 * the degradation, and last enhancement of what that left. The variation that
 * changes nothing copies exactly. Degrading and enhancing allocate: the status
 * is theirs, and without them always LS_OK. Safe on any thread with
 * a call of call_on_thread.
 */
Status		augment_apply(const Call *call, const Variation *variation, int size,
						  const uint8_t *rgb, const uint8_t *mask,
						  uint8_t *out_rgb, uint8_t *out_mask);

#endif

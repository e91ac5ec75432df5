/*
 * augment.h: the random variations of training images.
 *
 * All are drawn from one Rng per (seed, epoch, image), so a run repeats
 * exactly whatever the number of threads.
 */
#ifndef LESIONSEG_LEARN_AUGMENT_H
#define LESIONSEG_LEARN_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/rng.h"

typedef struct AugmentOptions
{
	bool		flip;			/* horizontally and vertically, each with p = 1/2 */
	double		rotate;			/* degrees: any angle in +- rotate (180 = any) */
	double		scale;			/* factor e^(+- scale) */
	double		shift;			/* share of the size, +- */
	double		brightness;		/* +- share */
	double		contrast;		/* +- share */
	double		colour;			/* per-channel gain, +- share */
} AugmentOptions;

/* The recipe of DESIGN: flips, any rotation, 0.25, 0.10, 0.20, 0.20, 0.10. */
AugmentOptions augment_default(void);

/* Nothing is changed. */
AugmentOptions augment_none(void);

/* Vary one (size, size, 3) image and its (size, size) mask from `rgb`/`mask`
 * into `out_rgb`/`out_mask` (different memory): one affine warp with reflected
 * borders (bilinear; the mask is thresholded at half), then colour. */
void		augment_image(const AugmentOptions *options, Rng *rng, int size,
						  const uint8_t *rgb, const uint8_t *mask,
						  uint8_t *out_rgb, uint8_t *out_mask);

#endif

/*
 * dice_fit.h: the coefficients with which a version's predicted Dice follows
 * from the statistics of a mask (infer/mask_statistics.h).
 *
 * Ridge regression (Hoerl and Kennard, Technometrics 12, 1970) of what the
 * expected Dice is off: true Dice minus expected Dice, on the statistics, each
 * less its mean and over its standard deviation. The ridge counts as much as
 * DICE_FIT_RIDGE images, so with few images the prediction stays near the
 * expected Dice.
 */
#ifndef LESIONSEG_LEARN_DICE_FIT_H
#define LESIONSEG_LEARN_DICE_FIT_H

#include "infer/mask_statistics.h"

#define DICE_FIT_RIDGE 10

/* With fewer images than this, what is fitted foretells other images worse than
 * the expected Dice by itself (docs/metrics.md). */
#define DICE_FIT_MIN_IMAGES 100

/* An image: the statistics of its mask, and the Dice that it has. */
typedef struct DiceFitImage
{
	double		statistics[MASK_STATISTICS];
	double		dice;
} DiceFitImage;

/* Fit the coefficients, to six decimals. All are 0 with fewer than
 * DICE_FIT_MIN_IMAGES images. */
void		dice_fit(long count, const DiceFitImage *images, double coefficients[TRAITS_DICE_COEFFICIENTS]);

#endif

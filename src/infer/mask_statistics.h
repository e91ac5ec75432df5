/*
 * mask_statistics.h: how good a mask is likely to be, by five figures of it and
 * of the calibrated probabilities that it was made from.
 *
 * The expected Dice (calibration.h) takes each probability for what it says. A
 * network is wrong in whole regions, though, and then others of these figures
 * show it: a mask without a sure core, a wide zone of doubt, scattered parts. A
 * weighted sum of all five goes with the true Dice better than any of them. Its
 * coefficients are fitted on validation images (learn/dice_fit.h) and belong to
 * the version, since networks differ in how they err.
 *
 * None of the figures depends on the size in pixels.
 */
#ifndef LESIONSEG_INFER_MASK_STATISTICS_H
#define LESIONSEG_INFER_MASK_STATISTICS_H

#include "core/call.h"
#include "core/traits.h"
#include "image/image.h"

/* A pixel whose probability is above this belongs to the core. */
#define MASK_CORE_ABOVE 0.95

typedef enum MaskStatistic
{
	MASK_EXPECTED,				/* the expected Dice */
	MASK_CORE,					/* 2 min(a, b) / (a + b), a = pixels of the mask, b = those of the core */
	MASK_DOUBT,					/* mean entropy of all pixels, in nats, over the square root of the mask's share */
	MASK_AREA,					/* the mask's share of the image */
	MASK_SCATTERED,				/* share of the mask that is outside its largest component */
	MASK_STATISTICS
} MaskStatistic;

/*
 * Measure a mask of 0/255 and its map of 255 p, both of 1 channel and one size;
 * `table` calibrates (calibration_table). Of the mask the largest component is
 * left. Of an empty mask all but MASK_DOUBT are 0.
 */
Status		mask_statistics(const Call *call, const Image *map, Image *mask, const double table[256],
							double statistics[MASK_STATISTICS]);

/*
 * The Dice that the mask may expect, 0..1: coefficients[0] + sum of
 * coefficients[1 + i] statistics[i]. Where all coefficients are 0 it is the
 * expected Dice itself, and 0 where the mask is empty.
 */
double		mask_predicted_dice(const double coefficients[TRAITS_DICE_COEFFICIENTS],
								const double statistics[MASK_STATISTICS]);

#endif

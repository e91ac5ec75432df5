/*
 * fit.h: what is fitted to a network or an ensemble when its weights are
 * final: the threshold of its masks, the temperature of its probabilities, the
 * coefficients of the predicted Dice, and the review threshold.
 */
#ifndef LESIONSEG_LEARN_FIT_H
#define LESIONSEG_LEARN_FIT_H

#include <stdint.h>

#include "core/call.h"
#include "core/traits.h"

/* Images with predictions. */
typedef struct FitImages
{
	long		count;
	int			size;			/* pixels along each side of each image */

	/*
	 * Give the probabilities (size, size) predicted for image i, and its true mask
	 * of 0/255. Images are asked for in order, 0 to count - 1, twice. The
	 * memory belongs to the callee and is valid until the next call.
	 */
	Status		(*predict) (void *data, long i, const float **probabilities, const uint8_t **mask);
	void	   *data;
} FitImages;

/*
 * Fit threshold, temperature, dice_coefficients and review_below. threshold: a
 * fixed one, or 0 to find the best. With too few images the defaults are set.
 */
Status		fit_run(const Call *call, const FitImages *images, double threshold, Traits *traits);

#endif

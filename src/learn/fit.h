/*
 * fit.h: what is fitted to a predictor of masks once its weights are final,
 * be it one network or an ensemble: the threshold of its masks and how far its
 * probabilities can be trusted.
 */
#ifndef LESIONSEG_LEARN_FIT_H
#define LESIONSEG_LEARN_FIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/traits.h"

/* Images that predictions are known of. */
typedef struct FitImages
{
	long		count;
	size_t		pixels;			/* of every image */

	/*
	 * What is said of image i, as probabilities (pixels), and its true mask of
	 * 0/255. Images are asked for in order, 0 to count - 1, twice. Memory is
	 * the callee's, and good until the next call.
	 */
	Status		(*predict) (void *data, long i, const float **probabilities, const uint8_t **mask);
	void	   *data;
} FitImages;

/*
 * Fit threshold, temperature and review_below. threshold: the one that is
 * wanted, or 0 to have the best. With few images, or none, they become those
 * of a network that nothing was fitted to.
 */
Status		fit_run(const Call *call, const FitImages *images, double threshold, Traits *traits);

#endif

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

/* What was fitted. */
typedef struct Fit
{
	double		threshold;		/* learn/threshold.h */
	double		temperature;	/* infer/calibration.h */
	double		review_below;	/* expected Dice below which a mask is to be looked at */
} Fit;

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
 * Fit. threshold: the one that is wanted, or 0 to have the best. With few
 * images, and none, what results are the values of a network that nothing was
 * fitted to.
 */
Status		fit_run(const Call *call, const FitImages *images, double threshold, Fit *result);

#endif

/*
 * order.c: see order.h.
 *
 * Random streams of a run: epoch * 2^32 for the shuffle, epoch * 2^32 + 1 +
 * place for the variation of the image at that place, and epoch * 2^32 + 2^32
 * - 1 for how weights are rounded. They depend only on seed, epoch and place,
 * so a resumed run draws the same as an uninterrupted one.
 */
#include "learn/order.h"

#include <math.h>
#include <stddef.h>

long
epoch_batches(long images, int batch_size)
{
	return (images + batch_size - 1) / batch_size;
}

Status
epoch_check_weights(long images, const double *weights)
{
	double		total = 0;

	for (long i = 0; i < images; i++)
	{
		if (!(weights[i] >= 0) || isinf(weights[i]))
			return status_error(LS_INVALID_ARGUMENT, "weight %g of training image %ld is not a number of at least 0",
								weights[i], i);
		total += weights[i];
	}
	if (!(total > 0) || isinf(total))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the weights of the training images add up to %g",
											 total),
								"Give images that are to be seen a weight like 1.");
	return status_ok();
}

/* Choose the images of an epoch by their weights, in order. offset, in [0, 1),
 * is the position of the first place within its share of the weights. */
static void
choose_images(long images, const double *weights, double offset, int32_t *order)
{
	double		total = 0;
	double		end = weights[0];	/* sum of the weights up to this image */
	long		image = 0;

	for (long i = 0; i < images; i++)
		total += weights[i];
	for (long place = 0; place < images; place++)
	{
		double		at = ((double) place + offset) * (total / (double) images);

		/* rounding must not lead past the last image with a weight */
		while (at >= end && end < total)
			end += weights[++image];
		order[place] = (int32_t) image;
	}
}

void
epoch_order(int64_t seed, int epoch, long images, const double *weights, int batch_size, int32_t *order)
{
	long		places = epoch_batches(images, batch_size) * batch_size;
	Rng			rng;

	for (long i = 0; i < images; i++)
		order[i] = (int32_t) i;
	if (weights != NULL)
	{
		rng_seed(&rng, (uint64_t) seed, ((uint64_t) epoch << 32) + UINT32_MAX);
		choose_images(images, weights, rng_uniform(&rng), order);
	}
	rng_seed(&rng, (uint64_t) seed, (uint64_t) epoch << 32);
	for (long i = images - 1; i > 0; i--)
	{
		long		j = (long) rng_below(&rng, (uint64_t) i + 1);
		int32_t		swapped = order[i];

		order[i] = order[j];
		order[j] = swapped;
	}
	for (long i = images; i < places; i++)
		order[i] = order[i - images];
}

void
epoch_image_rng(Rng *rng, int64_t seed, int epoch, long place)
{
	rng_seed(rng, (uint64_t) seed, ((uint64_t) epoch << 32) + 1 + (uint64_t) place);
}

/*
 * order.c: see order.h.
 *
 * Random streams of a run: epoch * 2^32 for the shuffle and epoch * 2^32 + 1
 * + place for the variation of the image at that place. They depend on seed,
 * epoch and place alone, so a resumed run draws what an uninterrupted one
 * would.
 */
#include "learn/order.h"

long
epoch_batches(long images, int batch_size)
{
	return (images + batch_size - 1) / batch_size;
}

void
epoch_order(int64_t seed, int epoch, long images, int batch_size, int32_t *order)
{
	long		places = epoch_batches(images, batch_size) * batch_size;
	Rng			rng;

	rng_seed(&rng, (uint64_t) seed, (uint64_t) epoch << 32);
	for (long i = 0; i < images; i++)
		order[i] = (int32_t) i;
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

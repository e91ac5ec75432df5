/*
 * resize_kernels_template.h: the loops behind resize_kernels.h, included once
 * per instruction set with IMAGE_KERNELS, the name of its table, and with
 * OWN_... defined for each loop that the including file writes itself.
 */
#include "image/resize/resize_kernels.h"

#define STRIP 64				/* results that are summed up at a time */

#ifndef OWN_ACROSS
static void
widen(uint32_t *restrict out, const uint8_t *restrict in, int count)
{
	for (int i = 0; i < count; i++)
		out[i] = in[i];
}

static void
across(uint16_t *restrict out, const uint8_t *restrict row, int samples, uint32_t *restrict scratch,
					 const SampleFilter *filter)
{
	widen(scratch, row, samples);
	for (int begin = 0; begin < filter->count; begin += STRIP)
	{
		uint32_t	sums[STRIP];
		int			n = filter->count - begin < STRIP ? filter->count - begin : STRIP;

		for (int i = 0; i < STRIP; i++)
			sums[i] = 1 << (RESIZE_WEIGHT_BITS - RESIZE_FRACTION_BITS - 1);
		for (int k = 0; k < filter->pairs; k++)
		{
			const uint32_t *restrict w = filter->weights + (long) k * filter->count + begin;
			const uint32_t *restrict from = scratch + 2L * k * filter->step;
			const uint32_t *restrict next = from + filter->step;
			const int32_t *restrict at = filter->first + begin;

			for (int i = 0; i < n; i++)
				sums[i] += (w[i] & 0xFFFF) * from[at[i]] + (w[i] >> 16) * next[at[i]];
		}
		for (int i = 0; i < n; i++)
			out[begin + i] = (uint16_t) (sums[i] >> (RESIZE_WEIGHT_BITS - RESIZE_FRACTION_BITS));
	}
}
#endif

static void
add(uint32_t *restrict sums, const uint16_t *restrict row, uint32_t weight, int count)
{
	for (int i = 0; i < count; i++)
		sums[i] += weight * row[i];
}

static void
finish(uint8_t *restrict out, const uint32_t *restrict sums, int count)
{
	for (int i = 0; i < count; i++)
		out[i] = (uint8_t) (sums[i] >> (RESIZE_WEIGHT_BITS + RESIZE_FRACTION_BITS));
}

#ifndef OWN_BLEND
static void
blend(uint8_t *restrict out, const uint16_t *restrict a, uint32_t weight_a, const uint16_t *restrict b,
					uint32_t weight_b, int count)
{
	const int	bits = RESIZE_WEIGHT_BITS + RESIZE_FRACTION_BITS;

	for (int i = 0; i < count; i++)
		out[i] = (uint8_t) ((weight_a * a[i] + weight_b * b[i] + (1 << (bits - 1))) >> bits);
}
#endif

const ImageKernels IMAGE_KERNELS = {
	.across = across,
#ifdef OWN_ACROSS_PAIRS
	.across_pairs = across_pairs,
#endif
	.add = add,
	.finish = finish,
	.blend = blend,
};

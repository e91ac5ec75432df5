/*
 * resize_kernels_avx512.c: the loops of resize_kernels_template.h for AVX-512.
 * Those that take most of the time are written by hand: one gather of four
 * bytes loads two taps; when enlarging, one shuffle of words loads the taps of
 * sixteen results; and one instruction multiplies and adds such pairs.
 */
#include "image/resize/resize_kernels.h"

#include <string.h>

#include <immintrin.h>

static void
across(uint16_t *restrict out, const uint8_t *restrict row, int samples, uint32_t *restrict scratch,
			  const SampleFilter *filter)
{
	const int	shift = RESIZE_WEIGHT_BITS - RESIZE_FRACTION_BITS;
	__m512i		half = _mm512_set1_epi32(1 << (shift - 1));
	/* for each dword the two bytes that become words, counted within 128 bits;
	 * 0x80 gives zero */
	__m512i		taps = _mm512_add_epi32(_mm512_set1_epi32((int) (0x80008000u | (unsigned) filter->step << 16)),
										_mm512_set4_epi32(0x000C000C, 0x00080008, 0x00040004, 0));

	memcpy(scratch, row, (size_t) samples);
	for (int i = 0; i < filter->count; i += 16)
	{
		__mmask16	inside = filter->count - i >= 16 ? (__mmask16) 0xFFFF :
				(__mmask16) ((1 << (filter->count - i)) - 1);
		__m512i		first = _mm512_maskz_loadu_epi32(inside, filter->first + i);
		__m512i		sums = half;

		for (int k = 0; k < filter->pairs; k++)
		{
			const uint8_t *from = (const uint8_t *) scratch + (size_t) k * 2 * (size_t) filter->step;
			__m512i		pairs = _mm512_shuffle_epi8(_mm512_i32gather_epi32(first, from, 1), taps);
			__m512i		weights = _mm512_maskz_loadu_epi32(inside,
														   filter->weights + (size_t) k * (size_t) filter->count + i);

			sums = _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, weights));
		}
		_mm256_mask_storeu_epi16(out + i, inside, _mm512_cvtepi32_epi16(_mm512_srli_epi32(sums, shift)));
	}
}

static void
across_pairs(uint16_t *restrict out, const uint8_t *restrict row, int samples, const PairFilter *filter, int blocks)
{
	const int	shift = RESIZE_WEIGHT_BITS - RESIZE_FRACTION_BITS;
	__m512i		half = _mm512_set1_epi32(1 << (shift - 1));

	for (int b = 0; b < blocks; b++)
	{
		int			base = filter->bases[b];
		int			left = samples - base;
		__mmask32	inside = left >= PAIR_REACH ? ~(__mmask32) 0 : ((__mmask32) 1 << left) - 1;
		__m512i		window = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(inside, row + base));
		__m512i		places = _mm512_loadu_si512(filter->places + (size_t) b * 2 * PAIR_BLOCK);
		__m512i		weights = _mm512_loadu_si512(filter->weights + (size_t) b * 2 * PAIR_BLOCK);
		__m512i		sums = _mm512_madd_epi16(_mm512_permutexvar_epi16(places, window), weights);

		sums = _mm512_srli_epi32(_mm512_add_epi32(sums, half), shift);
		_mm256_storeu_si256((__m256i *) (out + (size_t) b * PAIR_BLOCK), _mm512_cvtepi32_epi16(sums));
	}
}

/*
 * Words are made signed by subtracting 2^15. The products' sum is then too
 * small by 2^15 times the sum of the weights, which is 1 <<
 * RESIZE_WEIGHT_BITS, and this is added again.
 */
static void
blend(uint8_t *restrict out, const uint16_t *restrict a, uint32_t weight_a, const uint16_t *restrict b,
			 uint32_t weight_b, int count)
{
	const int	shift = RESIZE_WEIGHT_BITS + RESIZE_FRACTION_BITS;
	__m512i		sign = _mm512_set1_epi16((short) 0x8000);
	__m512i		weights = _mm512_set1_epi32((int) (weight_b << 16 | weight_a));
	__m512i		add = _mm512_set1_epi32((1 << (RESIZE_WEIGHT_BITS + 15)) + (1 << (shift - 1)));

	for (int i = 0; i < count; i += 32)
	{
		__mmask32	inside = count - i >= 32 ? ~(__mmask32) 0 : ((__mmask32) 1 << (count - i)) - 1;
		__m512i		from_a = _mm512_xor_si512(_mm512_maskz_loadu_epi16(inside, a + i), sign);
		__m512i		from_b = _mm512_xor_si512(_mm512_maskz_loadu_epi16(inside, b + i), sign);
		__m512i		low = _mm512_madd_epi16(_mm512_unpacklo_epi16(from_a, from_b), weights);
		__m512i		high = _mm512_madd_epi16(_mm512_unpackhi_epi16(from_a, from_b), weights);

		low = _mm512_srli_epi32(_mm512_add_epi32(low, add), shift);
		high = _mm512_srli_epi32(_mm512_add_epi32(high, add), shift);
		_mm256_mask_storeu_epi8(out + i, inside, _mm512_cvtepi16_epi8(_mm512_packus_epi32(low, high)));
	}
}

#define OWN_ACROSS
#define OWN_ACROSS_PAIRS
#define OWN_BLEND
#define IMAGE_KERNELS image_kernels_avx512
#include "image/resize/resize_kernels_template.h"

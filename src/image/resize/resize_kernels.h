/*
 * resize_kernels.h: the loops of resizing. Private to this folder.
 *
 * Written once (resize_kernels_template.h) and compiled for each instruction
 * set; image_kernels() picks the table for this machine; where a compiler does
 * not find the best instruction, a loop is written by hand for that set
 * (resize_kernels_avx512.c). All arithmetic is in integers: every table gives
 * the same bytes.
 */
#ifndef LESIONSEG_IMAGE_KERNELS_H
#define LESIONSEG_IMAGE_KERNELS_H

#include <stdint.h>

#define RESIZE_WEIGHT_BITS 14	/* weights of one pixel sum to 1 << these */
#define RESIZE_FRACTION_BITS 8	/* of a row that was filtered across */

/* A filter across, laid out for the loop over samples: the same number of tap
 * pairs for each result, filled up with weight 0. */
typedef struct SampleFilter
{
	int			count;			/* number of results in a row */
	int			step;			/* from one tap to the next: the channels */
	int			pairs;
	int32_t    *first;			/* (count): sample of the first tap */
	uint32_t   *weights;		/* (pairs, count): of a tap, and of the next in the upper half */
} SampleFilter;

#define PAIR_BLOCK 16			/* results whose source samples are in one vector */
#define PAIR_REACH 32			/* samples of it */

/* A filter of one pair, laid out for shuffles: the samples of a block's results
 * stand within PAIR_REACH of its base. */
typedef struct PairFilter
{
	int32_t    *bases;			/* (blocks) */
	int16_t    *places;			/* (blocks, PAIR_BLOCK, 2): where each tap's sample stands after the base */
	int16_t    *weights;		/* (blocks, PAIR_BLOCK, 2); 0 beyond the last result */
} PairFilter;

typedef struct ImageKernels
{
	/* out[i] = the sum of filter's taps in a row of `samples` bytes, with
	 * RESIZE_FRACTION_BITS, rounded. scratch has room for the row and 2 * pairs
	 * * step samples more. */
	void		(*across) (uint16_t *out, const uint8_t *row, int samples, uint32_t *scratch,
						   const SampleFilter *filter);
	/* The same for one pair; whole blocks of out are written. NULL without the
	 * instruction for such shuffles: use across. */
	void		(*across_pairs) (uint16_t *out, const uint8_t *row, int samples, const PairFilter *filter, int blocks);
	/* sums[i] += weight * row[i]. */
	void		(*add) (uint32_t *sums, const uint16_t *row, uint32_t weight, int count);
	/* out[i] = sums[i] shifted down by the bits of weight and fraction; the
	 * caller starts sums at one half, to round. */
	void		(*finish) (uint8_t *out, const uint32_t *sums, int count);
	/* The same of two rows at once. */
	void		(*blend) (uint8_t *out, const uint16_t *a, uint32_t weight_a, const uint16_t *b, uint32_t weight_b,
						  int count);
} ImageKernels;

const ImageKernels *image_kernels(void);

extern const ImageKernels image_kernels_baseline;
extern const ImageKernels image_kernels_avx2;
extern const ImageKernels image_kernels_avx512;

#endif

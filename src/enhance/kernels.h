/*
 * kernels.h: the loops of the enhancement steps that take most of their time.
 *
 * Written once (kernels_template.h) and compiled for each instruction set;
 * enhance_kernels() picks the table for this machine. All arithmetic is in
 * integers or rounds the same everywhere, so every table gives the same
 * bytes.
 */
#ifndef LESIONSEG_ENHANCE_KERNELS_H
#define LESIONSEG_ENHANCE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* ---- non-local means (denoise.c) ---- */

#define NLM_TILE_WIDTH 128
#define NLM_TILE_ROWS 32
#define NLM_PATCH_MAX 3			/* half width of a patch */
#define NLM_SEARCH_MAX 10		/* half width of the search window */
#define NLM_MARGIN_MAX (NLM_PATCH_MAX + NLM_SEARCH_MAX)
#define NLM_STRIDE 192			/* of a plane of a tile and its margin */
#define NLM_PLANE_ROWS (NLM_TILE_ROWS + 2 * NLM_MARGIN_MAX)
#define NLM_UNIT 8				/* what one sigma is in the guide */
#define NLM_FAR 36				/* differences count as this much at most: 49 squares of it fit 16 bits */

typedef struct NlmSettings
{
	int			patch;			/* half widths */
	int			search;
	uint16_t	near;			/* patch distances up to this weigh most */
	uint16_t	far;			/* and from this nothing; >= near + 180 */
} NlmSettings;

/* One tile, what it reads and what it sums up. Pixel (x, y) of the tile stands
 * at (x + margin, y + margin) of a plane. */
typedef struct NlmTile
{
	int			width;			/* <= NLM_TILE_WIDTH */
	int			rows;			/* <= NLM_TILE_ROWS */
	int			channels;
	NlmSettings settings;
	uint16_t	guide[NLM_PLANE_ROWS * NLM_STRIDE];
	uint16_t	planes[3][NLM_PLANE_ROWS * NLM_STRIDE];
	uint16_t	weights[NLM_TILE_ROWS * NLM_TILE_WIDTH];	/* sums */
	uint32_t	sums[3][NLM_TILE_ROWS * NLM_TILE_WIDTH];	/* weight * value */
	uint16_t	squares[(2 * NLM_PATCH_MAX + 1) * NLM_STRIDE];	/* the last rows of a patch */
	uint16_t	columns[NLM_STRIDE];	/* their sums */
} NlmTile;

#define HAIR_DIRECTIONS 12
#define HAIR_SAMPLES_MAX 64		/* of a line */

typedef struct EnhanceKernels
{
	/* Fill weights and sums of a tile. */
	void		(*nlm_tile) (NlmTile *tile);
	/* Two tables of 256 interpolated, and two others beside them:
	 * pairs[v] = (top[0][v] * (256 - share) + bottom[0][v] * share) in the
	 * lower half, the same of top[1] and bottom[1] in the upper. */
	void		(*clahe_pairs) (const uint8_t *const top[2], const uint8_t *const bottom[2], uint32_t share,
								uint32_t *pairs);
	/* Replace each of count values by what its pair gives at at / 2^24 of the
	 * way from the lower to the upper half, rounded; at grows by step. */
	void		(*clahe_map) (const uint32_t *pairs, uint32_t at, uint32_t step, uint8_t *values, int count);
	/* The mean of a plane along the best line through each of count pixels,
	 * less once and a half the mean over all directions, 0 to 255. Samples of
	 * direction d stand lines[d][..] bytes away. */
	void		(*hair_lines) (const uint8_t *plane, ptrdiff_t lines[HAIR_DIRECTIONS][HAIR_SAMPLES_MAX], int samples,
							   int count,
							   uint8_t *out);
	/* sums[i] += weight * row[i]. */
	void		(*add_row) (uint32_t *sums, const uint8_t *row, uint32_t weight, int count);
} EnhanceKernels;

const EnhanceKernels *enhance_kernels(void);

extern const EnhanceKernels enhance_kernels_baseline;
extern const EnhanceKernels enhance_kernels_avx2;
extern const EnhanceKernels enhance_kernels_avx512;

#endif

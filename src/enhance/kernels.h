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
#define NLM_STRIDE 192			/* columns of a plane: a tile and its margin */
#define NLM_PLANE_ROWS (NLM_TILE_ROWS + 2 * NLM_MARGIN_MAX)
#define NLM_UNIT 8				/* one sigma of noise in the guide */
#define NLM_FAR 36				/* differences count as this much at most: 49 squares of it fit 16 bits */

typedef struct NlmSettings
{
	int			patch;			/* half widths */
	int			search;
	uint16_t	near;			/* patch distances up to this have the full weight */
	uint16_t	far;			/* and from this nothing; >= near + 180 */
} NlmSettings;

/* One tile, with its input and its sums. Pixel (x, y) of the tile is at (x +
 * margin, y + margin) of a plane. */
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
	uint16_t	squares[(2 * NLM_PATCH_MAX + 1) * NLM_STRIDE];	/* of the last rows */
	uint16_t	columns[NLM_STRIDE];	/* their sums */
} NlmTile;

#define HAIR_DIRECTIONS 12
#define HAIR_SAMPLES_MAX 64		/* of a line */

typedef struct EnhanceKernels
{
	/* Fill weights and sums of a tile. */
	void		(*nlm_tile) (NlmTile *tile);
	/*
	 * Interpolate two pairs of tables of 256: pairs[v] = (top[0][v] * (256 -
	 * share) + bottom[0][v] * share) in the lower half, and the same for
	 * top[1] and bottom[1] in the upper half.
	 */
	void		(*clahe_pairs) (const uint8_t *const top[2], const uint8_t *const bottom[2], uint32_t share,
								uint32_t *pairs);
	/*
	 * Replace each of count values v by the interpolation between the two
	 * halves of pairs[v], at / 2^24 of the way from the lower to the upper,
	 * rounded; at grows by step.
	 */
	void		(*clahe_map) (const uint32_t *pairs, uint32_t at, uint32_t step, uint8_t *values, int count);
	/*
	 * For each of count pixels: the mean along the best line through it, minus
	 * 1.5 times the mean over all directions, 0 to 255. The samples of
	 * direction d are at offsets lines[d][..], in bytes.
	 */
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

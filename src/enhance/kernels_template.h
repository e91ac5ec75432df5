/*
 * kernels_template.h: the loops behind kernels.h, included once per
 * instruction set with ENHANCE_KERNELS, the name of its table.
 * Plain loops over arrays that do not overlap, which the compiler turns into
 * vector code.
 */
#include "enhance/kernels.h"

#include <string.h>

/* Squares of the differences between a row of the guide and a shifted one. */
static inline void
squares_of(const uint16_t *restrict row, const uint16_t *restrict other, int count, uint16_t *restrict out)
{
	for (int x = 0; x < count; x++)
	{
		uint16_t	apart = row[x] > other[x] ? row[x] - other[x] : other[x] - row[x];

		apart = apart > NLM_FAR ? NLM_FAR : apart;
		out[x] = (uint16_t) (apart * apart);
	}
}

/* Advance the column sums by a row: add new squares, subtract old ones. */
static inline void
move_columns(uint16_t *restrict columns, const uint16_t *restrict in, const uint16_t *restrict out, int count)
{
	for (int x = 0; x < count; x++)
		columns[x] = (uint16_t) (columns[x] + in[x] - out[x]);
}

static inline void
add_columns(uint16_t *restrict columns, const uint16_t *restrict in, int count)
{
	for (int x = 0; x < count; x++)
		columns[x] = (uint16_t) (columns[x] + in[x]);
}

/*
 * The weight of each pixel of a row, from the sum d of 2 patch + 1 columns:
 * 127 if d <= near, 0 if d >= far, between them proportional to (far - d)^2.
 */
static inline __attribute__((always_inline)) void
weigh_patches(const uint16_t *restrict columns, int patch, uint16_t near, uint16_t far, uint16_t scale, int count,
							uint16_t *restrict weights)
{
	for (int x = 0; x < count; x++)
	{
		uint16_t	distance = 0;
		uint16_t	left;

		for (int k = 0; k < 2 * patch + 1; k++)
			distance = (uint16_t) (distance + columns[x + k]);
		distance = distance < near ? near : distance;
		left = distance < far ? far - distance : 0;
		left = (uint16_t) (((uint32_t) left * scale) >> 16);	/* 0 .. 180 */
		weights[x] = (uint16_t) ((uint16_t) (left * left) >> 8);
	}
}

/* Add a row's weights, and weights times values. */
static inline void
add_weights(uint16_t *restrict sums, const uint16_t *restrict weights, int count)
{
	for (int x = 0; x < count; x++)
		sums[x] = (uint16_t) (sums[x] + weights[x]);
}

static inline void
add_products(uint32_t *restrict sums, const uint16_t *restrict weights, const uint16_t *restrict values, int count)
{
	for (int x = 0; x < count; x++)
		sums[x] += (uint16_t) (weights[x] * values[x]);
}

/* Add the contributions of the pixels at one offset to a tile. */
static void
nlm_offset(NlmTile *tile, int dx, int dy)
{
	int			patch = tile->settings.patch;
	int			margin = patch + tile->settings.search;
	int			ring = 2 * patch + 1;
	int			wide = tile->width + 2 * patch;
	int			range = tile->settings.far - tile->settings.near;
	uint16_t	scale = (uint16_t) ((180 * 65536 + range / 2) / range);
	const uint16_t *guide = tile->guide + tile->settings.search * NLM_STRIDE + tile->settings.search;
	const uint16_t *shifted = guide + dy * NLM_STRIDE + dx;
	uint16_t	weights[NLM_TILE_WIDTH];

	memset(tile->columns, 0, sizeof tile->columns);
	for (int y = 0; y < tile->rows + 2 * patch; y++)
	{
		uint16_t   *slot = tile->squares + (y % ring) * NLM_STRIDE;
		int			row = y - 2 * patch;

		if (row > 0)
		{
			uint16_t	fresh[NLM_STRIDE];

			squares_of(guide + y * NLM_STRIDE, shifted + y * NLM_STRIDE, wide, fresh);
			move_columns(tile->columns, fresh, slot, wide);
			memcpy(slot, fresh, (size_t) wide * sizeof *slot);
		}
		else
		{
			squares_of(guide + y * NLM_STRIDE, shifted + y * NLM_STRIDE, wide, slot);
			add_columns(tile->columns, slot, wide);
		}
		if (row < 0)
			continue;
		if (patch == 3)
			weigh_patches(tile->columns, 3, tile->settings.near, tile->settings.far, scale, tile->width, weights);
		else if (patch == 2)
			weigh_patches(tile->columns, 2, tile->settings.near, tile->settings.far, scale, tile->width, weights);
		else
			weigh_patches(tile->columns, 1, tile->settings.near, tile->settings.far, scale, tile->width, weights);
		add_weights(tile->weights + row * NLM_TILE_WIDTH, weights, tile->width);
		for (int c = 0; c < tile->channels; c++)
			add_products(tile->sums[c] + row * NLM_TILE_WIDTH, weights,
									   tile->planes[c] + (row + margin + dy) * NLM_STRIDE + margin + dx, tile->width);
	}
}

static void
nlm_tile(NlmTile *tile)
{
	int			margin = tile->settings.patch + tile->settings.search;

	/* the pixel itself weighs as much as the most similar ones */
	for (int y = 0; y < tile->rows; y++)
	{
		for (int x = 0; x < tile->width; x++)
			tile->weights[y * NLM_TILE_WIDTH + x] = 126;
		for (int c = 0; c < tile->channels; c++)
			for (int x = 0; x < tile->width; x++)
				tile->sums[c][y * NLM_TILE_WIDTH + x] =
					126 * (uint32_t) tile->planes[c][(y + margin) * NLM_STRIDE + margin + x];
	}
	for (int dy = -tile->settings.search; dy <= tile->settings.search; dy++)
		for (int dx = -tile->settings.search; dx <= tile->settings.search; dx++)
			if (dx != 0 || dy != 0)
				nlm_offset(tile, dx, dy);
}

static void
add_row(uint32_t *restrict sums, const uint8_t *restrict row, uint32_t weight, int count)
{
	for (int i = 0; i < count; i++)
		sums[i] += weight * row[i];
}

static void
clahe_pairs(const uint8_t *const top[2], const uint8_t *const bottom[2], uint32_t share, uint32_t *restrict pairs)
{
	const uint8_t *restrict top0 = top[0];
	const uint8_t *restrict top1 = top[1];
	const uint8_t *restrict bottom0 = bottom[0];
	const uint8_t *restrict bottom1 = bottom[1];
	uint32_t	rest = 256 - share;

	for (int v = 0; v < 256; v++)
		pairs[v] = (top0[v] * rest + bottom0[v] * share) | (top1[v] * rest + bottom1[v] * share) << 16;
}

static void
clahe_map(const uint32_t *restrict pairs, uint32_t at, uint32_t step, uint8_t *restrict values, int count)
{
	for (int i = 0; i < count; i++)
	{
		uint32_t	share = (at + (uint32_t) i * step) >> 16 & 255;
		uint32_t	both = pairs[values[i]];

		values[i] = (uint8_t) (((both & 0xFFFF) * (256 - share) + (both >> 16) * share + 32768) >> 16);
	}
}

#define HAIR_BLOCK 128			/* pixels whose sums stay in the L1 */
#define HAIR_NET 3				/* halves of the mean over all directions that are taken off */

/* Add four samples of each pixel; sums are read and written once for all. Not inlined: gcc 12 exchanges this loop
 * with the one around it, and then makes no vector code of either. */
static __attribute__((noinline)) void
add_four(uint16_t *restrict sums, const uint8_t *restrict plane, const ptrdiff_t offsets[4], int count)
{
	const uint8_t *restrict a = plane + offsets[0];
	const uint8_t *restrict b = plane + offsets[1];
	const uint8_t *restrict c = plane + offsets[2];
	const uint8_t *restrict d = plane + offsets[3];

	for (int i = 0; i < count; i++)
		sums[i] = (uint16_t) (sums[i] + a[i] + b[i] + c[i] + d[i]);
}

/* The same for one sample. */
static __attribute__((noinline)) void
add_one(uint16_t *restrict sums, const uint8_t *restrict bytes, int count)
{
	for (int i = 0; i < count; i++)
		sums[i] = (uint16_t) (sums[i] + bytes[i]);
}

/* Update the best direction, and the sum over all, with the sums of one
 * direction. */
static inline void
take_direction(const uint16_t *restrict sums, uint16_t *restrict best, uint32_t *restrict all, int count)
{
	for (int i = 0; i < count; i++)
	{
		best[i] = best[i] > sums[i] ? best[i] : sums[i];
		all[i] += sums[i];
	}
}

static void
hair_lines(const uint8_t *plane, ptrdiff_t lines[HAIR_DIRECTIONS][HAIR_SAMPLES_MAX], int samples, int count,
						 uint8_t *out)
{
	for (int first = 0; first < count; first += HAIR_BLOCK)
	{
		int			block = count - first < HAIR_BLOCK ? count - first : HAIR_BLOCK;
		uint16_t	best[HAIR_BLOCK] = {0};
		uint32_t	all[HAIR_BLOCK] = {0};

		for (int d = 0; d < HAIR_DIRECTIONS; d++)
		{
			uint16_t	sums[HAIR_BLOCK] = {0};
			int			s = 0;

			for (; s + 4 <= samples; s += 4)
				add_four(sums, plane + first, lines[d] + s, block);
			for (; s < samples; s++)
				add_one(sums, plane + first + lines[d][s], block);
			take_direction(sums, best, all, block);
		}
		for (int i = 0; i < block; i++)
		{
			int			response = ((int) best[i] - (int) (all[i] * HAIR_NET / (2 * HAIR_DIRECTIONS))) / samples;

			out[first + i] = (uint8_t) (response < 0 ? 0 : response > 255 ? 255 : response);
		}
	}
}

const EnhanceKernels ENHANCE_KERNELS = {
	.hair_lines = hair_lines,
	.clahe_pairs = clahe_pairs,
	.clahe_map = clahe_map,
	.nlm_tile = nlm_tile,
	.add_row = add_row,
};

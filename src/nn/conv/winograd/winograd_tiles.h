/*
 * winograd_tiles.h: what the templates of this folder share: tiles of x and
 * their maps, and products of small blocks. Included once per instruction set.
 */
#include "nn/conv/winograd/winograd.h"
#include "nn/loops/vector.h"

/* Rows of a block of products: as many as leave registers for two vectors. */
#if defined(__AVX512F__)
#define ROWS 12
#else
#define ROWS 6
#endif

/* The place of a tile. */
typedef struct Tile
{
	int			image;
	int			top;			/* first row of y */
	int			left;			/* first column of y */
} Tile;

static Tile
find_tile(const WinogradTiles *tiles, long index)
{
	Tile		tile;

	tile.left = (int) (index % tiles->across) * WINOGRAD_OUT;
	index /= tiles->across;
	tile.top = (int) (index % tiles->down) * WINOGRAD_OUT;
	tile.image = (int) (index / tiles->down);
	return tile;
}

/* ---- x to its maps ---- */

/* Map six values along one axis. */
static inline __attribute__((always_inline)) void
map_x(const Vector *in, int step, Vector *out)
{
	Vector		a = in[4 * step] - 4.0f * in[2 * step];
	Vector		b = in[3 * step] - 4.0f * in[1 * step];
	Vector		c = in[4 * step] - in[2 * step];
	Vector		d = 2.0f * (in[3 * step] - in[1 * step]);

	out[0] = 4.0f * in[0] - 5.0f * in[2 * step] + in[4 * step];
	out[1] = a + b;
	out[2] = a - b;
	out[3] = c + d;
	out[4] = c - d;
	out[5] = 4.0f * in[1 * step] - 5.0f * in[3 * step] + in[5 * step];
}

/*
 * Map a vector of channels of a tile. rows are the tile's rows of x at these
 * channels, NULL outside the image. The tile begins at their column `left`;
 * its columns begin .. end are inside the image.
 */
static inline void
map_tile(const float *const rows[WINOGRAD_IN], int stride, int left, int begin, int end, int lanes, float *to,
		 size_t plane)
{
	Vector		x[WINOGRAD_PLANES];
	Vector		half[WINOGRAD_PLANES];
	Vector		mapped[WINOGRAD_IN];

	for (int i = 0; i < WINOGRAD_IN; i++)
		for (int j = 0; j < WINOGRAD_IN; j++)
		{
			Vector		value = {0};

			if (rows[i] != NULL && j >= begin && j < end)
				value = load_float(rows[i] + (long) (left + j) * stride, lanes);
			x[i * WINOGRAD_IN + j] = value;
		}
	for (int j = 0; j < WINOGRAD_IN; j++)
	{
		map_x(x + j, WINOGRAD_IN, mapped);
		for (int i = 0; i < WINOGRAD_IN; i++)
			half[i * WINOGRAD_IN + j] = mapped[i];
	}
	for (int i = 0; i < WINOGRAD_IN; i++)
	{
		map_x(half + i * WINOGRAD_IN, 1, mapped);
		for (int j = 0; j < WINOGRAD_IN; j++)
			store_float(to + (i * WINOGRAD_IN + j) * plane, lanes, mapped[j]);
	}
}

/* Map all channels of tile `index` to `maps`, its place in the first plane. */
static void
map_channels(const WinogradTiles *tiles, long index, float *maps, size_t plane)
{
	Tile		tile = find_tile(tiles, index);
	int			channels = tiles->shape.c;
	int			top = tile.top - tiles->padding;
	int			left = tile.left - tiles->padding;
	int			begin = left < 0 ? -left : 0;
	int			end = tiles->shape.w - left < WINOGRAD_IN ? tiles->shape.w - left : WINOGRAD_IN;

	for (int c = 0; c < channels; c += LANES)
	{
		const float *rows[WINOGRAD_IN];
		int			lanes = lanes_left(channels, c);

		for (int i = 0; i < WINOGRAD_IN; i++)
		{
			int			y = top + i;

			rows[i] = y < 0 || y >= tiles->shape.h ? NULL :
				tiles->x + ((long) tile.image * tiles->shape.h + y) * tiles->shape.w * tiles->stride + c;
		}
		if (begin == 0 && end == WINOGRAD_IN && lanes == LANES)
			map_tile(rows, tiles->stride, left, 0, WINOGRAD_IN, LANES, maps + c, plane);
		else
			map_tile(rows, tiles->stride, left, begin, end, lanes, maps + c, plane);
	}
}

/* ---- products ---- */

/*
 * A product of matrices, (rows, depth) by (depth, columns). `left` is read by
 * single values, with a step between its rows and one between its columns;
 * `right` and `to` by vectors.
 */
typedef struct Product
{
	const float *left;
	int			left_row;
	int			left_step;
	const float *right;
	int			right_step;
	int			depth;
	float	   *to;
	int			to_row;
	bool		add;			/* to what is there */
} Product;

/* The block of so many rows and vectors. */
static inline __attribute__((always_inline)) void
multiply_block(Product p, int rows, int vectors)
{
	Vector		sums[ROWS][2];

	for (int r = 0; r < rows; r++)
		sums[r][0] = sums[r][1] = (Vector) {0};
	for (int d = 0; d < p.depth; d++)
	{
		const float *left = p.left + (size_t) d * p.left_step;
		const float *right = p.right + (size_t) d * p.right_step;
		Vector		first = load_float(right, LANES);
		Vector		second = vectors == 1 ? first : load_float(right + LANES, LANES);

#pragma GCC unroll 12
		for (int r = 0; r < rows; r++)
		{
			Vector		x = splat(left[(size_t) r * p.left_row]);

			sums[r][0] += x * first;
			if (vectors == 2)
				sums[r][1] += x * second;
		}
	}
	for (int r = 0; r < rows; r++)
		for (int v = 0; v < vectors; v++)
		{
			float	   *to = p.to + (size_t) r * p.to_row + v * LANES;

			store_float(to, LANES, p.add ? load_float(to, LANES) + sums[r][v] : sums[r][v]);
		}
}

/* Call multiply_block with a constant number of rows. */
static inline __attribute__((always_inline)) void
multiply_rows(Product p, int rows, int vectors)
{
	switch (rows)
	{
#define CASE(n) case n: multiply_block(p, n, vectors); break
		CASE(1);
		CASE(2);
		CASE(3);
		CASE(4);
		CASE(5);
		CASE(6);
#if ROWS == 12
		CASE(7);
		CASE(8);
		CASE(9);
		CASE(10);
		CASE(11);
		CASE(12);
#endif
#undef CASE
	}
}

/*
 * winograd_tiles.h: what the templates of this folder share: tiles of x and
 * their maps, and products of small blocks. Included once per instruction set,
 * with STORED_BF16 as stored.h asks, and WINOGRAD_BF16_MAPS 1 for maps of bfloat16 (AVX-512 BF16 alone). Those are of
 * small tiles; WINOGRAD_SMALL_TILES 1 has them of float32, too.
 */
#include "nn/conv/winograd/winograd.h"
#include "nn/loops/stored.h"

/* A value of a map, a word of it, and how many of the former make one. */
#if WINOGRAD_BF16_MAPS
typedef uint16_t Mapped;
typedef int32_t Word;
#define WORD_VALUES 2
#else
typedef float Mapped;
typedef float Word;
#define WORD_VALUES 1
#endif

#ifndef WINOGRAD_SMALL_TILES
#define WINOGRAD_SMALL_TILES WINOGRAD_BF16_MAPS
#endif
#if WINOGRAD_SMALL_TILES
#define TILE_OUT WINOGRAD_OUT_SMALL
#else
#define TILE_OUT WINOGRAD_OUT
#endif

#define LINE_WORDS 16			/* words of a line of the cache */

#define TILE_IN (TILE_OUT + 2)
#define PLANES (TILE_IN * TILE_IN)

static inline void
store_mapped(Mapped *p, int n, Vector v)
{
#if WINOGRAD_BF16_MAPS
	store_bf16(p, n, v);
#else
	store_float(p, n, v);
#endif
}

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

	tile.left = (int) (index % tiles->across) * TILE_OUT;
	index /= tiles->across;
	tile.top = (int) (index % tiles->down) * TILE_OUT;
	tile.image = (int) (index / tiles->down);
	return tile;
}

/* ---- x to its maps ---- */

/* Map a tile's values along one axis. */
static inline __attribute__((always_inline)) void
map_x(const Vector *in, int step, Vector *out)
{
#if WINOGRAD_SMALL_TILES
	out[0] = in[0] - in[2 * step];
	out[1] = in[1 * step] + in[2 * step];
	out[2] = in[2 * step] - in[1 * step];
	out[3] = in[1 * step] - in[3 * step];
#else
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
#endif
}

/*
 * Map a vector of channels of a tile. rows are the tile's rows of x at these
 * channels, NULL outside the image. The tile begins at their column `left`;
 * its columns begin .. end are inside the image.
 */
static inline void
map_tile(const Stored *const rows[TILE_IN], int stride, int left, int begin, int end, int lanes, Mapped *to,
		 size_t plane)
{
	Vector		x[PLANES];
	Vector		half[PLANES];
	Vector		mapped[TILE_IN];

	for (int i = 0; i < TILE_IN; i++)
		for (int j = 0; j < TILE_IN; j++)
		{
			Vector		value = {0};

			if (rows[i] != NULL && j >= begin && j < end)
				value = load(rows[i] + (long) (left + j) * stride, lanes);
			x[i * TILE_IN + j] = value;
		}
	for (int j = 0; j < TILE_IN; j++)
	{
		map_x(x + j, TILE_IN, mapped);
		for (int i = 0; i < TILE_IN; i++)
			half[i * TILE_IN + j] = mapped[i];
	}
	for (int i = 0; i < TILE_IN; i++)
	{
		map_x(half + i * TILE_IN, 1, mapped);
		for (int j = 0; j < TILE_IN; j++)
			store_mapped(to + (i * TILE_IN + j) * plane, lanes, mapped[j]);
	}
}

/* Map all channels of tile `index` to `maps`, its place in the first plane; planes are so many words apart. */
static void
map_channels(const WinogradTiles *tiles, long index, Word *maps, size_t plane_words)
{
	const Stored *x = tiles->x;
	Mapped	   *to = (Mapped *) maps;
	size_t		plane = plane_words * WORD_VALUES;
	Tile		tile = find_tile(tiles, index);
	int			channels = tiles->shape.c;
	int			top = tile.top - tiles->padding;
	int			left = tile.left - tiles->padding;
	int			begin = left < 0 ? -left : 0;
	int			end = tiles->shape.w - left < TILE_IN ? tiles->shape.w - left : TILE_IN;

	for (int c = 0; c < channels; c += LANES)
	{
		const Stored *rows[TILE_IN];
		int			lanes = lanes_left(channels, c);

		for (int i = 0; i < TILE_IN; i++)
		{
			int			y = top + i;

			rows[i] = y < 0 || y >= tiles->shape.h ? NULL :
				x + ((long) tile.image * tiles->shape.h + y) * tiles->shape.w * tiles->stride + c;
		}
		if (begin == 0 && end == TILE_IN && lanes == LANES)
			map_tile(rows, tiles->stride, left, 0, TILE_IN, LANES, to + c, plane);
		else
			map_tile(rows, tiles->stride, left, begin, end, lanes, to + c, plane);
	}
}

/* ---- products ---- */

/*
 * A product of matrices, (rows, depth) by (depth, columns). `left` is read by
 * single words, with a step between its rows and one between its columns;
 * `right` and `to` by vectors.
 */
typedef struct Product
{
	const Word *left;
	int			left_row;
	int			left_step;
	const Word *right;
	int			right_step;
	const Word *ahead;			/* is fetched into the cache meanwhile, in the same steps; NULL = nothing */
	int			depth;
	float	   *to;
	int			to_row;
	bool		add;			/* to what is there */
} Product;

/* Lanes of a vector of words, and one word in all lanes. */
static inline Vector
load_words(const Word *p)
{
	return load_float((const float *) p, LANES);
}

static inline Vector
splat_word(Word word)
{
#if WINOGRAD_BF16_MAPS
	return (Vector) _mm512_set1_epi32(word);
#else
	return splat(word);
#endif
}

/* Add to the sums the products of words; of bfloat16 both products of each. */
static inline Vector
add_products(Vector sums, Vector a, Vector b)
{
#if WINOGRAD_BF16_MAPS
	return (Vector) _mm512_dpbf16_ps((__m512) sums, (__m512bh) a, (__m512bh) b);
#else
	return sums + a * b;
#endif
}

/* The block of so many rows and vectors. */
static inline __attribute__((always_inline)) void
multiply_block(Product p, int rows, int vectors)
{
	Vector		sums[ROWS][2];

	for (int r = 0; r < rows; r++)
		sums[r][0] = sums[r][1] = (Vector) {0};
	for (int d = 0; d < p.depth; d++)
	{
		const Word *left = p.left + (size_t) d * p.left_step;
		const Word *right = p.right + (size_t) d * p.right_step;
		Vector		first = load_words(right);
		Vector		second = vectors == 1 ? first : load_words(right + LANES);

		if (p.ahead != NULL)
			for (int line = 0; line < vectors * LANES; line += LINE_WORDS)
				__builtin_prefetch(p.ahead + (size_t) d * p.right_step + line);
#pragma GCC unroll 12
		for (int r = 0; r < rows; r++)
		{
			Vector		x = splat_word(left[(size_t) r * p.left_row]);

			sums[r][0] = add_products(sums[r][0], x, first);
			if (vectors == 2)
				sums[r][1] = add_products(sums[r][1], x, second);
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

/*
 * winograd_template.h: the loops behind winograd.h, included once per type, size
 * of tiles and instruction set with WINOGRAD_NAME, the name of its table,
 * STORED_BF16 as stored.h asks and WINOGRAD_SMALL_TILES (winograd_tiles.h).
 *
 * An item maps its tiles of x, multiplies plane by plane, and maps the
 * products to y. All intermediate values stay in a core's cache, and each
 * weight of the item's output channels is read once.
 */
#define WINOGRAD_BF16_MAPS STORED_BF16
#include "nn/conv/winograd/winograd_tiles.h"

/* ---- weights to their maps ---- */

/* Half as many lanes as a Vector has. Weights are mapped in double, once for
 * many products. */
typedef double VectorDouble __attribute__((vector_size(4 * LANES)));
typedef float VectorNarrow __attribute__((vector_size(2 * LANES)));
typedef uint32_t VectorNarrowBits __attribute__((vector_size(2 * LANES)));

/* Map three weights along one axis to a tile's values. */
static inline void
map_three_weights(const VectorDouble *in, int step, VectorDouble *out)
{
	VectorDouble even = in[0] + in[2 * step];
#if WINOGRAD_SMALL_TILES
	out[0] = in[0];
	out[1] = (even + in[step]) / 2;
	out[2] = (even - in[step]) / 2;
	out[3] = in[2 * step];
#else
	VectorDouble far_even = in[0] + 4 * in[2 * step];

	out[0] = in[0] / 4;
	out[1] = -(even + in[step]) / 6;
	out[2] = -(even - in[step]) / 6;
	out[3] = (far_even + 2 * in[step]) / 24;
	out[4] = (far_even - 2 * in[step]) / 24;
	out[5] = in[2 * step];
#endif
}

/* Write the mapped weights of a channel of x, the value-th of their words. */
static inline void
store_weights(VectorDouble weights, Word *to, int value)
{
	VectorNarrow narrow = __builtin_convertvector(weights, VectorNarrow);

#if WINOGRAD_BF16_MAPS
	VectorNarrowBits bits = (VectorNarrowBits) narrow;
	VectorNarrowBits nan = (VectorNarrowBits) (narrow != narrow);
	VectorNarrowBits before = {0};

	bits = ((bits + 0x7FFF + ((bits >> 16) & 1)) & ~nan) | ((bits | 0x400000) & nan);
	if (value > 0)
		memcpy(&before, to, sizeof before);
	bits = value > 0 ? before | (bits & 0xFFFF0000) : bits >> 16;
	memcpy(to, &bits, sizeof bits);
#else
	(void) value;
	memcpy(to, &narrow, sizeof narrow);
#endif
}

/* Map the weights of a channel of x to a block's channels, (9, WINOGRAD_BLOCK); planes are so many words apart. */
static void
map_block(const double *weights, Word *to, int value, size_t plane)
{
	for (int lane = 0; lane < WINOGRAD_BLOCK; lane += LANES / 2)
	{
		VectorDouble in[9];
		VectorDouble half[3 * TILE_IN];	/* (3, TILE_IN): rows of the weights' columns */
		VectorDouble mapped[TILE_IN];

		for (int i = 0; i < 9; i++)
			memcpy(&in[i], weights + i * WINOGRAD_BLOCK + lane, sizeof in[i]);
		for (int j = 0; j < 3; j++)
			map_three_weights(in + j, 3, half + j * TILE_IN);
		for (int i = 0; i < TILE_IN; i++)
		{
			map_three_weights(half + i, TILE_IN, mapped);
			for (int j = 0; j < TILE_IN; j++)
				store_weights(mapped[j], to + (i * TILE_IN + j) * plane + lane, value);
		}
	}
}

static void
map_weights(void *data, int worker, long begin, long end)
{
	const WinogradWeights *args = data;
	double		weights[9 * WINOGRAD_BLOCK] = {0};
	int			depth = args->depth;

	(void) worker;
	for (long item = begin; item < end; item++)
	{
		int			block = (int) (item / depth) * WINOGRAD_BLOCK;
		const float *from = args->plain + item % depth * WORD_VALUES * args->x_step;

		for (int value = 0; value < WORD_VALUES; value++, from += args->x_step)
		{
			for (int c = 0; c < WINOGRAD_BLOCK; c++)
				for (int i = 0; i < 9; i++)
					weights[i * WINOGRAD_BLOCK + c] = block + c >= args->y_channels ? 0 :
						from[(block + c) * args->y_step + (args->turned ? 8 - i : i)];
			map_block(weights, (Word *) args->mapped + item * WINOGRAD_BLOCK, value, args->plane);
		}
	}
}

/* ---- products ---- */

/* The weights of a plane from an output channel on. */
static inline const Word *
weights_at(const WinogradArgs *args, int plane, int c)
{
	return (const Word *) args->weights + plane * args->weights_plane +
		(size_t) (c / WINOGRAD_BLOCK) * args->depth * WINOGRAD_BLOCK + c % WINOGRAD_BLOCK;
}

/* Compute the products of all planes for an item's tiles and its output
 * channels begin .. end. */
static void
multiply_planes(const WinogradArgs *args, int tiles, int begin, int end, const Word *maps, float *products)
{
	int			depth = args->depth;
	int			teams = (tiles + ROWS - 1) / ROWS;	/* groups of tiles side by side */

	for (int plane = 0; plane < PLANES; plane++)
		for (int c = begin; c < end; c += 2 * LANES)
		{
			const Word *weights = weights_at(args, plane, c);
			const Word *next = c + 2 * LANES < end ? weights_at(args, plane, c + 2 * LANES) :
				plane + 1 < PLANES ? weights_at(args, plane + 1, begin) : NULL;

			for (int t = 0; t < teams; t++)
			{
				int			first = tiles * t / teams;
				int			last = tiles * (t + 1) / teams;
				Product		product = {
					.left = maps + plane * args->x_plane + (size_t) first * depth,
					.left_row = depth,.left_step = 1,
					.right = weights,.right_step = WINOGRAD_BLOCK,.depth = depth,
					.ahead = t == 0 ? next : NULL,
					.to = products + plane * args->product_plane + (size_t) first * args->width + c - begin,
					.to_row = args->width,
				};

				multiply_rows(product, last - first, 2);
			}
		}
}

/* ---- products to y ---- */

/* Map a tile's products along one axis to its pixels of y. */
static inline __attribute__((always_inline)) void
map_products(const Vector *in, int step, Vector *out)
{
#if WINOGRAD_SMALL_TILES
	out[0] = in[0] + in[1 * step] + in[2 * step];
	out[1] = in[1 * step] - in[2 * step] - in[3 * step];
#else
	Vector		sum = in[1 * step] + in[2 * step];
	Vector		difference = in[1 * step] - in[2 * step];
	Vector		far_sum = in[3 * step] + in[4 * step];
	Vector		far_difference = in[3 * step] - in[4 * step];

	out[0] = in[0] + sum + far_sum;
	out[1] = difference + 2.0f * far_difference;
	out[2] = sum + 4.0f * far_sum;
	out[3] = difference + 8.0f * far_difference + in[5 * step];
#endif
}

/* Compute and write tile `index` of y for output channels begin .. end; its
 * products are row `at` of the planes. */
static void
write_tile(const WinogradArgs *args, long index, int at, int begin, int end, const float *products)
{
	Tile		tile = find_tile(&args->tiles, index);
	int			rows = args->y_shape.h - tile.top < TILE_OUT ? args->y_shape.h - tile.top : TILE_OUT;
	int			columns = args->y_shape.w - tile.left < TILE_OUT ? args->y_shape.w - tile.left : TILE_OUT;
	long		first = ((long) tile.image * args->y_shape.h + tile.top) * args->y_shape.w + tile.left;

	for (int c = begin; c < end; c += LANES)
	{
		const float *from = products + (size_t) at * args->width + c - begin;
		int			lanes = lanes_left(end, c);
		Vector		bias = load_float(args->bias + c, LANES);
		Vector		in[PLANES];
		Vector		half[TILE_OUT * TILE_IN];
		Vector		mapped[TILE_OUT];

		for (int plane = 0; plane < PLANES; plane++)
			in[plane] = load_float(from + plane * args->product_plane, LANES);
		for (int j = 0; j < TILE_IN; j++)
		{
			map_products(in + j, TILE_IN, mapped);
			for (int i = 0; i < TILE_OUT; i++)
				half[i * TILE_IN + j] = mapped[i];
		}
		for (int i = 0; i < rows; i++)
		{
			long		pixel = first + (long) i * args->y_shape.w;
			Stored	   *to = (Stored *) args->y + pixel * args->y_stride + c;
			const Stored *residual = args->residual_stride == 0 ? NULL :
				(const Stored *) args->residual + pixel * args->residual_stride + c;

			map_products(half + i * TILE_IN, 1, mapped);
			for (int j = 0; j < columns; j++, to += args->y_stride)
			{
				Vector		value = mapped[j] + bias;

				if (residual != NULL)
				{
					value = args->relu_before ? positive_part(value) : value;
					value += load(residual + (long) j * args->residual_stride, lanes);
				}
				if (args->relu)
					value = positive_part(value);
				store(to, lanes, value);
			}
		}
	}
}

static void
convolve_items(void *data, int worker, long begin, long end)
{
	const WinogradArgs *args = data;
	float	   *products = args->scratch + (size_t) worker * args->scratch_size;
	Word	   *maps = (Word *) (products + PLANES * args->product_plane);
	int			channels = args->y_shape.c;

	for (long item = begin; item < end; item++)
	{
		long		first = item / args->groups * args->item_tiles;
		long		rest = args->tiles.count - first;
		int			tiles = (int) (rest < args->item_tiles ? rest : args->item_tiles);
		int			group = (int) (item % args->groups);
		int			left = args->blocks * group / args->groups * WINOGRAD_BLOCK;
		int			right = args->blocks * (group + 1) / args->groups * WINOGRAD_BLOCK;

		right = right < channels ? right : channels;
		for (int t = 0; t < tiles; t++)
			map_channels(&args->tiles, first + t, maps + (size_t) t * args->depth, args->x_plane);
		multiply_planes(args, tiles, left, right, maps, products);
		for (int t = 0; t < tiles; t++)
			write_tile(args, first + t, t, left, right, products);
	}
}

const WinogradLoops WINOGRAD_NAME = {
	.out = TILE_OUT,
	.map_weights = map_weights,
	.convolve = convolve_items,
};

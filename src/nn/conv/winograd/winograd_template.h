/*
 * winograd_template.h: the loops behind winograd.h, included once per
 * instruction set with WINOGRAD_NAME, the name of its table.
 *
 * An item maps its tiles of x, multiplies plane by plane, and maps the
 * products to y. All intermediate values stay in a core's cache, and each
 * weight of the item's output channels is read once.
 */
#include "nn/conv/winograd/winograd.h"
#include "nn/loops/vector.h"

/* Tiles that are multiplied side by side: as many as leave registers for two
 * vectors of weights. */
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
find_tile(const WinogradArgs *args, long index)
{
	Tile		tile;

	tile.left = (int) (index % args->tiles_across) * WINOGRAD_OUT;
	index /= args->tiles_across;
	tile.top = (int) (index % args->tiles_down) * WINOGRAD_OUT;
	tile.image = (int) (index / args->tiles_down);
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

/* Map tile `index` to row `at` of the planes. */
static void
map_channels(const WinogradArgs *args, long index, int at, float *maps)
{
	Tile		tile = find_tile(args, index);
	int			channels = args->x_shape.c;
	int			top = tile.top - args->padding;
	int			left = tile.left - args->padding;
	int			begin = left < 0 ? -left : 0;
	int			end = args->x_shape.w - left < WINOGRAD_IN ? args->x_shape.w - left : WINOGRAD_IN;

	for (int c = 0; c < channels; c += LANES)
	{
		const float *rows[WINOGRAD_IN];
		int			lanes = lanes_left(channels, c);
		float	   *to = maps + (size_t) at * channels + c;

		for (int i = 0; i < WINOGRAD_IN; i++)
		{
			int			y = top + i;

			rows[i] = y < 0 || y >= args->x_shape.h ? NULL :
				args->x + ((long) tile.image * args->x_shape.h + y) * args->x_shape.w * args->x_stride + c;
		}
		if (begin == 0 && end == WINOGRAD_IN && lanes == LANES)
			map_tile(rows, args->x_stride, left, 0, WINOGRAD_IN, LANES, to, args->x_plane);
		else
			map_tile(rows, args->x_stride, left, begin, end, lanes, to, args->x_plane);
	}
}

/* ---- products ---- */

/* to (rows, two vectors) = maps (rows, channels) * weights (channels, two vectors). */
static inline __attribute__((always_inline)) void
multiply_rows(int rows, const float *maps, int channels, const float *weights, float *to, int to_stride)
{
	Vector		sums[ROWS][2];

	for (int r = 0; r < rows; r++)
		sums[r][0] = sums[r][1] = (Vector) {0};
	for (int c = 0; c < channels; c++)
	{
		Vector		first = load_float(weights + (size_t) c * WINOGRAD_BLOCK, LANES);
		Vector		second = load_float(weights + (size_t) c * WINOGRAD_BLOCK + LANES, LANES);

#pragma GCC unroll 12
		for (int r = 0; r < rows; r++)
		{
			Vector		x = splat(maps[(size_t) r * channels + c]);

			sums[r][0] += x * first;
			sums[r][1] += x * second;
		}
	}
	for (int r = 0; r < rows; r++)
	{
		store_float(to + (size_t) r * to_stride, LANES, sums[r][0]);
		store_float(to + (size_t) r * to_stride + LANES, LANES, sums[r][1]);
	}
}

/* Call multiply_rows with a constant number of rows. */
static void
multiply_some(int rows, const float *maps, int channels, const float *weights, float *to, int to_stride)
{
	switch (rows)
	{
#define CASE(n) case n: multiply_rows(n, maps, channels, weights, to, to_stride); break
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

/* Compute the products of all planes for an item's tiles and its output
 * channels begin .. end. */
static void
multiply_planes(const WinogradArgs *args, int tiles, int begin, int end, const float *maps, float *products)
{
	int			channels = args->x_shape.c;
	int			teams = (tiles + ROWS - 1) / ROWS;	/* groups of tiles side by side */

	for (int plane = 0; plane < WINOGRAD_PLANES; plane++)
		for (int c = begin; c < end; c += 2 * LANES)
		{
			const float *weights = args->weights +
				((size_t) plane * args->blocks + c / WINOGRAD_BLOCK) * channels * WINOGRAD_BLOCK + c % WINOGRAD_BLOCK;

			for (int t = 0; t < teams; t++)
			{
				int			first = tiles * t / teams;
				int			last = tiles * (t + 1) / teams;

				multiply_some(last - first, maps + plane * args->x_plane + (size_t) first * channels, channels, weights,
							  products + plane * args->product_plane + (size_t) first * args->width + c - begin,
							  args->width);
			}
		}
}

/* ---- products to y ---- */

/* Map six values along one axis to four. */
static inline __attribute__((always_inline)) void
map_products(const Vector *in, int step, Vector *out)
{
	Vector		sum = in[1 * step] + in[2 * step];
	Vector		difference = in[1 * step] - in[2 * step];
	Vector		far_sum = in[3 * step] + in[4 * step];
	Vector		far_difference = in[3 * step] - in[4 * step];

	out[0] = in[0] + sum + far_sum;
	out[1] = difference + 2.0f * far_difference;
	out[2] = sum + 4.0f * far_sum;
	out[3] = difference + 8.0f * far_difference + in[5 * step];
}

/* Compute and write tile `index` of y for output channels begin .. end; its
 * products are row `at` of the planes. */
static void
write_tile(const WinogradArgs *args, long index, int at, int begin, int end, const float *products)
{
	Tile		tile = find_tile(args, index);
	int			rows = args->y_shape.h - tile.top < WINOGRAD_OUT ? args->y_shape.h - tile.top : WINOGRAD_OUT;
	int			columns = args->y_shape.w - tile.left < WINOGRAD_OUT ? args->y_shape.w - tile.left : WINOGRAD_OUT;
	long		first = ((long) tile.image * args->y_shape.h + tile.top) * args->y_shape.w + tile.left;

	for (int c = begin; c < end; c += LANES)
	{
		const float *from = products + (size_t) at * args->width + c - begin;
		int			lanes = lanes_left(end, c);
		Vector		bias = load_float(args->bias + c, LANES);
		Vector		in[WINOGRAD_PLANES];
		Vector		half[WINOGRAD_OUT * WINOGRAD_IN];
		Vector		mapped[WINOGRAD_OUT];

		for (int plane = 0; plane < WINOGRAD_PLANES; plane++)
			in[plane] = load_float(from + plane * args->product_plane, LANES);
		for (int j = 0; j < WINOGRAD_IN; j++)
		{
			map_products(in + j, WINOGRAD_IN, mapped);
			for (int i = 0; i < WINOGRAD_OUT; i++)
				half[i * WINOGRAD_IN + j] = mapped[i];
		}
		for (int i = 0; i < rows; i++)
		{
			long		pixel = first + (long) i * args->y_shape.w;
			float	   *to = args->y + pixel * args->y_stride + c;
			const float *residual = args->residual_stride == 0 ? NULL :
					args->residual + pixel * args->residual_stride + c;

			map_products(half + i * WINOGRAD_IN, 1, mapped);
			for (int j = 0; j < columns; j++, to += args->y_stride)
			{
				Vector		value = mapped[j] + bias;

				if (residual != NULL)
				{
					value = args->relu_before ? positive_part(value) : value;
					value += load_float(residual + (long) j * args->residual_stride, lanes);
				}
				if (args->relu)
					value = positive_part(value);
				store_float(to, lanes, value);
			}
		}
	}
}

static void
convolve_items(void *data, int worker, long begin, long end)
{
	const WinogradArgs *args = data;
	float	   *maps = args->scratch + (size_t) worker * args->scratch_size;
	float	   *products = maps + WINOGRAD_PLANES * args->x_plane;
	int			channels = args->y_shape.c;

	for (long item = begin; item < end; item++)
	{
		long		first = item / args->groups * args->item_tiles;
		int			tiles = (int) (args->tiles - first < args->item_tiles ? args->tiles - first : args->item_tiles);
		int			group = (int) (item % args->groups);
		int			left = args->blocks * group / args->groups * WINOGRAD_BLOCK;
		int			right = args->blocks * (group + 1) / args->groups * WINOGRAD_BLOCK;

		right = right < channels ? right : channels;
		for (int t = 0; t < tiles; t++)
			map_channels(args, first + t, t, maps);
		multiply_planes(args, tiles, left, right, maps, products);
		for (int t = 0; t < tiles; t++)
			write_tile(args, first + t, t, left, right, products);
	}
}

const WinogradLoops WINOGRAD_NAME = {
	.convolve = convolve_items,
};

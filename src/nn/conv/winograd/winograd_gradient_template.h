/*
 * winograd_gradient_template.h: the loops behind winograd_gradient.h, included
 * once per type and instruction set with WINOGRAD_GRADIENT_NAME, the name of its
 * table, and STORED_BF16 as stored.h asks.
 */
#define WINOGRAD_BF16_MAPS 0
#include "nn/conv/winograd/winograd_gradient.h"
#include "nn/conv/winograd/winograd_tiles.h"

/* ---- dy to its maps ---- */

/* Map four values along one axis to six. */
static inline __attribute__((always_inline)) void
map_dy(const Vector *in, int step, Vector *out)
{
	Vector		even = in[0] + in[2 * step];
	Vector		odd = in[step] + in[3 * step];
	Vector		far_even = in[0] + 4.0f * in[2 * step];
	Vector		far_odd = 2.0f * in[step] + 8.0f * in[3 * step];

	out[0] = in[0];
	out[1] = even + odd;
	out[2] = even - odd;
	out[3] = far_even + far_odd;
	out[4] = far_even - far_odd;
	out[5] = in[3 * step];
}

/* Map a vector of channels of the rows x columns pixels from `from` on, zeros
 * beyond them; returns their sum. */
static inline Vector
map_dy_tile(const Stored *from, long row, int stride, int rows, int columns, int lanes, float *to, size_t plane)
{
	Vector		dy[WINOGRAD_OUT * WINOGRAD_OUT];
	Vector		half[WINOGRAD_IN * WINOGRAD_OUT];
	Vector		mapped[WINOGRAD_IN];
	Vector		sum = {0};

	for (int i = 0; i < WINOGRAD_OUT; i++)
		for (int j = 0; j < WINOGRAD_OUT; j++)
		{
			Vector		value = {0};

			if (i < rows && j < columns)
				value = load(from + i * row + (long) j * stride, lanes);
			sum += value;
			dy[i * WINOGRAD_OUT + j] = value;
		}
	for (int j = 0; j < WINOGRAD_OUT; j++)
	{
		map_dy(dy + j, WINOGRAD_OUT, mapped);
		for (int i = 0; i < WINOGRAD_IN; i++)
			half[i * WINOGRAD_OUT + j] = mapped[i];
	}
	for (int i = 0; i < WINOGRAD_IN; i++)
	{
		map_dy(half + i * WINOGRAD_OUT, 1, mapped);
		for (int j = 0; j < WINOGRAD_IN; j++)
			store_float(to + (i * WINOGRAD_IN + j) * plane, lanes, mapped[j]);
	}
	return sum;
}

/* Map output channels begin .. end of tile `index` to `maps`, its place in the
 * first plane, and add up their pixels in sums. */
static void
map_dy_channels(const WinogradGradientArgs *args, long index, int begin, int end, float *maps, float *sums)
{
	Tile		tile = find_tile(&args->tiles, index);
	TensorShape shape = args->dy_shape;
	int			rows = shape.h - tile.top < WINOGRAD_OUT ? shape.h - tile.top : WINOGRAD_OUT;
	int			columns = shape.w - tile.left < WINOGRAD_OUT ? shape.w - tile.left : WINOGRAD_OUT;
	long		row = (long) shape.w * args->dy_stride;
	const Stored *from = (const Stored *) args->dy + ((long) tile.image * shape.h + tile.top) * row +
		(long) tile.left * args->dy_stride;

	for (int c = begin; c < end; c += LANES)
	{
		int			lanes = lanes_left(end, c);
		float	   *to = maps + c - begin;
		Vector		sum;

		if (rows == WINOGRAD_OUT && columns == WINOGRAD_OUT && lanes == LANES)
			sum = map_dy_tile(from + c, row, args->dy_stride, WINOGRAD_OUT, WINOGRAD_OUT, LANES, to, args->dy_plane);
		else
			sum = map_dy_tile(from + c, row, args->dy_stride, rows, columns, lanes, to, args->dy_plane);
		store_float(sums + c, lanes, load_float(sums + c, lanes) + sum);
	}
}

/* ---- products ---- */

/* Sum the products of a run's tiles for output channels begin .. end, and add
 * them to sums or begin with them. */
static void
sum_planes(const WinogradGradientArgs *args, int tiles, int begin, int end, const float *x_maps, const float *dy_maps,
		   float *sums, bool add)
{
	int			channels = args->tiles.shape.c;
	int			rows = end - begin;
	int			teams = (rows + ROWS - 1) / ROWS;	/* groups of output channels side by side */

	for (int plane = 0; plane < WINOGRAD_PLANES; plane++)
		for (int c = 0; c < channels; c += 2 * LANES)
			for (int t = 0; t < teams; t++)
			{
				int			first = rows * t / teams;
				int			last = rows * (t + 1) / teams;
				Product		product = {
					.left = dy_maps + plane * args->dy_plane + first,.left_row = 1,.left_step = args->dy_row,
					.right = x_maps + plane * args->x_plane + c,.right_step = args->x_row,.depth = tiles,
					.to = sums + plane * args->sums_plane + (size_t) (begin + first) * args->x_row + c,
					.to_row = args->x_row,.add = add,
				};

				if (channels - c > LANES)
					multiply_rows(product, last - first, 2);
				else
					multiply_rows(product, last - first, 1);
			}
}

static void
sum_products(void *data, int worker, long begin, long end)
{
	const WinogradGradientArgs *args = data;
	float	   *x_maps = args->scratch + (size_t) worker * args->scratch_size;
	float	   *dy_maps = x_maps + WINOGRAD_PLANES * args->x_plane;
	int			channels = args->dy_shape.c;

	for (long item = begin; item < end; item++)
	{
		long		part = item / args->groups;
		long		first = args->tiles.count * part / args->parts;
		long		last = args->tiles.count * (part + 1) / args->parts;
		int			left = (int) (item % args->groups) * args->dy_row;
		int			right = left + args->dy_row < channels ? left + args->dy_row : channels;
		float	   *dy_sums = args->dy_sums + part * channels;

		memset(dy_sums + left, 0, (right - left) * sizeof(float));
		for (long run = first; run < last; run += args->run_tiles)
		{
			int			tiles = (int) (last - run < args->run_tiles ? last - run : args->run_tiles);

			for (int t = 0; t < tiles; t++)
			{
				map_channels(&args->tiles, run + t, x_maps + (size_t) t * args->x_row, args->x_plane);
				map_dy_channels(args, run + t, left, right, dy_maps + (size_t) t * args->dy_row, dy_sums);
			}
			sum_planes(args, tiles, left, right, x_maps, dy_maps,
					   args->sums + part * WINOGRAD_PLANES * args->sums_plane, run > first);
		}
	}
}

/* ---- sums to dw ---- */

/* Map six sums along one axis to three. */
static inline void
map_six_sums(const Vector *in, int step, Vector *out)
{
	Vector		near = in[step] + in[2 * step];
	Vector		far = in[3 * step] + in[4 * step];

	out[0] = 0.25f * in[0] - near * (1.0f / 6) + far * (1.0f / 24);
	out[1] = (in[2 * step] - in[step]) * (1.0f / 6) + (in[3 * step] - in[4 * step]) * (1.0f / 12);
	out[2] = (far - near) * (1.0f / 6) + in[5 * step];
}

/* Map the sums of output channel o and a vector of input channels. */
static void
map_sums_vector(const WinogradGradientArgs *args, int o, int c, Vector dw[9])
{
	Vector		in[WINOGRAD_PLANES];
	Vector		half[3 * WINOGRAD_IN];
	Vector		mapped[3];

	for (int plane = 0; plane < WINOGRAD_PLANES; plane++)
	{
		const float *from = args->sums + plane * args->sums_plane + (size_t) o * args->x_row + c;

		in[plane] = load_float(from, LANES);
		for (int part = 1; part < args->parts; part++)
			in[plane] += load_float(from + part * WINOGRAD_PLANES * args->sums_plane, LANES);
	}
	for (int j = 0; j < WINOGRAD_IN; j++)
	{
		map_six_sums(in + j, WINOGRAD_IN, mapped);
		for (int i = 0; i < 3; i++)
			half[i * WINOGRAD_IN + j] = mapped[i];
	}
	for (int i = 0; i < 3; i++)
		map_six_sums(half + i * WINOGRAD_IN, 1, dw + 3 * i);
}

static void
map_sums(void *data, int worker, long begin, long end)
{
	const WinogradGradientArgs *args = data;
	int			channels = args->tiles.shape.c;

	(void) worker;
	for (int o = (int) begin; o < end; o++)
	{
		for (int c = 0; c < channels; c += LANES)
		{
			float	   *to = args->dw + ((size_t) o * channels + c) * 9;
			Vector		dw[9];

			map_sums_vector(args, o, c, dw);
			for (int lane = 0; lane < lanes_left(channels, c); lane++)
				for (int i = 0; i < 9; i++)
					*to++ = dw[i][lane];
		}
		if (args->db == NULL)
			continue;
		args->db[o] = 0;
		for (int part = 0; part < args->parts; part++)
			args->db[o] += args->dy_sums[part * args->dy_shape.c + o];
	}
}

const WinogradGradientLoops WINOGRAD_GRADIENT_NAME = {
	.sum_products = sum_products,
	.map_sums = map_sums,
};

/*
 * depthwise_template.h: the loops behind depthwise.h, included once per
 * instruction set with DEPTHWISE_NAME, the name of its table.
 *
 * An item first gathers its rows of x into scratch that stays in the cache: as
 * float32 and with zeros around them. Then the sums need not care about
 * borders or storage types. Eight sums side by side hide the latency of a
 * multiply-add. Scratch holds one vector of channels after the other, each
 * dense: so the rows of a window fit the L1, which they would not with other
 * channels between them.
 */
#include "nn/conv/depthwise/depthwise.h"
#include "nn/loops/vector.h"

#define VECTORS (DEPTHWISE_BLOCK / LANES)

/* Pixels to fetch ahead when gathering. */
#define GATHER_AHEAD 32

/* Load n elements of the storage type. */
static inline Vector
load_stored(const void *data, DataType type, size_t at, int n)
{
	return type == DATA_F32 ? load_float((const float *) data + at, n) : load_bf16((const uint16_t *) data + at, n);
}

/* Store n elements, rounding to nearest even. */
static inline void
store_stored(void *data, DataType type, size_t at, int n, Vector v)
{
	if (type == DATA_F32)
		store_float((float *) data + at, n, v);
	else
		store_bf16((uint16_t *) data + at, n, v);
}

/* The place of an item. */
typedef struct Item
{
	int			image;
	int			top;			/* first output row */
	int			rows;			/* output rows */
	int			channel;		/* first channel */
} Item;

static Item
find_item(const DepthwiseArgs *args, long index)
{
	Item		item;

	item.channel = (int) (index % args->blocks) * DEPTHWISE_BLOCK;
	index /= args->blocks;
	item.top = (int) (index % args->bands) * args->band;
	item.image = (int) (index / args->bands);
	item.rows = args->y_shape.h - item.top < args->band ? args->y_shape.h - item.top : args->band;
	return item;
}

/* The number of lanes of vector v of the item's block that are channels; 0 or
 * less beyond the last. */
static inline int
lanes_of(const DepthwiseArgs *args, const Item *item, int v)
{
	return lanes_left(args->x_shape.c, item->channel + v * LANES);
}

/* Copy a block of channels of `count` pixels, from pixel `first` on, as
 * float32, each vector to its own plane. */
static void
gather_pixels(const DepthwiseArgs *args, const Item *item, const void *data, int stride, long first, int count,
			  float *to, size_t plane)
{
	const char *at = (const char *) data + (first * stride + item->channel) * (long) data_type_size(args->type);
	size_t		pixel = stride * data_type_size(args->type);

	for (int i = 0; i < count; i++, at += pixel)
	{
		/* Pixels are too far apart for the hardware's prefetching. */
		__builtin_prefetch(at + GATHER_AHEAD * pixel);
		for (int v = 0; v < VECTORS; v++)
		{
			int			n = lanes_of(args, item, v);
			Vector		value = {0};

			if (n > 0)
				value = load_stored(at, args->type, (size_t) v * LANES, n);
			store_float(to + v * plane + (size_t) i * LANES, LANES, value);
		}
	}
}

/* Gather the rows of x under the item's windows, with zeros around them. */
static void
gather_x(const DepthwiseArgs *args, const Item *item, float *scratch)
{
	size_t		plane = depthwise_x_scratch(args) / VECTORS;
	int			columns = depthwise_columns(args);
	int			left = args->padding;
	int			inside = args->x_shape.w < columns - left ? args->x_shape.w : columns - left;

	for (int r = 0; r < item->rows + args->kernel - 1; r++)
	{
		int			y = item->top + r - args->padding;
		bool		outside = y < 0 || y >= args->x_shape.h;
		int			zeros = outside ? columns : left;

		for (int v = 0; v < VECTORS; v++)
		{
			float	   *to = scratch + v * plane + (size_t) r * columns * LANES;

			memset(to, 0, (size_t) zeros * LANES * sizeof(float));
			if (!outside)
				memset(to + (size_t) (left + inside) * LANES, 0,
					   (size_t) (columns - left - inside) * LANES * sizeof(float));
		}
		if (!outside)
			gather_pixels(args, item, args->x, args->x_stride,
						  ((long) item->image * args->x_shape.h + y) * args->x_shape.w, inside,
						  scratch + ((size_t) r * columns + left) * LANES, plane);
	}
}

/* The vector n pixels after p. */
#define PIXEL(p, n) (*(const Vector *) ((p) + (n) * LANES))

/* Compute eight output pixels of one vector of channels; x is the first row
 * and column under their windows. */
static inline void
correlate_tile(const DepthwiseArgs *args, const float *rows, int columns, const float *weights, Vector bias,
			   Vector *sums)
{
	Vector		a0 = bias, a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;

	for (int ky = 0; ky < args->kernel; ky++)
	{
		const float *x = rows + (size_t) ky * columns * LANES;

		for (int kx = 0; kx < args->kernel; kx++)
		{
			Vector		w = *(const Vector *) weights;

			a0 += w * PIXEL(x, 0);
			a1 += w * PIXEL(x, 1);
			a2 += w * PIXEL(x, 2);
			a3 += w * PIXEL(x, 3);
			a4 += w * PIXEL(x, 4);
			a5 += w * PIXEL(x, 5);
			a6 += w * PIXEL(x, 6);
			a7 += w * PIXEL(x, 7);
			weights += LANES;
			x += LANES;
		}
	}
	sums[0] = a0;
	sums[1] = a1;
	sums[2] = a2;
	sums[3] = a3;
	sums[4] = a4;
	sums[5] = a5;
	sums[6] = a6;
	sums[7] = a7;
}

/* Write the sums of a vector of channels to `count` pixels of y. */
static inline void
finish_tile(const DepthwiseArgs *args, const Vector *sums, int count, size_t pixel, int channel, int n)
{
	for (int i = 0; i < count; i++, pixel++)
	{
		Vector		v = sums[i];

		if (args->residual_stride != 0)
		{
			v = args->relu_before ? positive_part(v) : v;
			v += load_stored(args->residual, args->type, pixel * args->residual_stride + channel, n);
		}
		store_stored(args->y, args->type, pixel * args->y_stride + channel, n, args->relu ? positive_part(v) : v);
	}
}

/* Correlate one vector of an item's channels. */
static void
correlate_vector(const DepthwiseArgs *args, const Item *item, int v, const float *x, float *weights)
{
	int			columns = depthwise_columns(args);
	int			channel = item->channel + v * LANES;
	int			n = lanes_of(args, item, v);
	size_t		width = (size_t) args->blocks * DEPTHWISE_BLOCK;
	Vector		bias = {0};

	if (args->bias != NULL)
		bias = load_float(args->bias + channel, LANES);

	/* Copy the weights side by side: a window's weights are read for every
	 * tile. */
	for (int t = 0; t < args->kernel * args->kernel; t++)
		store_float(weights + t * LANES, LANES, load_float(args->weights + t * width + channel, LANES));

	for (int row = 0; row < item->rows; row++)
		for (int left = 0; left < args->y_shape.w; left += DEPTHWISE_TILE)
		{
			Vector		sums[DEPTHWISE_TILE];
			int			count = args->y_shape.w - left < DEPTHWISE_TILE ? args->y_shape.w - left : DEPTHWISE_TILE;
			long		pixel = ((long) item->image * args->y_shape.h + item->top + row) * args->y_shape.w + left;

			correlate_tile(args, x + ((size_t) row * columns + left) * LANES, columns, weights, bias, sums);
			finish_tile(args, sums, count, (size_t) pixel, channel, n);
		}
}

/* y = x correlated with weights (+ bias) (+ residual) (then ReLU). */
static void
correlate(void *data, int worker, long begin, long end)
{
	const DepthwiseArgs *args = data;
	float	   *x = args->scratch + worker * args->scratch_size;
	float	   *weights = x + depthwise_x_scratch(args) + depthwise_y_scratch(args);

	for (long index = begin; index < end; index++)
	{
		Item		item = find_item(args, index);

		gather_x(args, &item, x);
		for (int v = 0; v < VECTORS && lanes_of(args, &item, v) > 0; v++)
			correlate_vector(args, &item, v, x + v * (depthwise_x_scratch(args) / VECTORS), weights);
	}
}

/* Add a vector's lanes to doubles. */
static inline void
add_lanes(double *sums, Vector v)
{
	for (int k = 0; k < LANES; k++)
		sums[k] += v[k];
}

/* Add a row's products of dy with x, at eight taps, to the taps' sums. */
static inline void
gradient_tile(int count, const float *x, const float *dy, Vector *sums)
{
	Vector		a0 = sums[0], a1 = sums[1], a2 = sums[2], a3 = sums[3];
	Vector		a4 = sums[4], a5 = sums[5], a6 = sums[6], a7 = sums[7];

	for (int i = 0; i < count; i++, dy += LANES, x += LANES)
	{
		Vector		d = *(const Vector *) dy;

		a0 += d * PIXEL(x, 0);
		a1 += d * PIXEL(x, 1);
		a2 += d * PIXEL(x, 2);
		a3 += d * PIXEL(x, 3);
		a4 += d * PIXEL(x, 4);
		a5 += d * PIXEL(x, 5);
		a6 += d * PIXEL(x, 6);
		a7 += d * PIXEL(x, 7);
	}
	sums[0] = a0;
	sums[1] = a1;
	sums[2] = a2;
	sums[3] = a3;
	sums[4] = a4;
	sums[5] = a5;
	sums[6] = a6;
	sums[7] = a7;
}

/*
 * Add one vector's gradients of an item to `sums`, which has a distance of
 * `width` from tap to tap. It goes row by row of dy, so that the rows of x
 * under it stay in the L1.
 */
static void
gradient_vector(const DepthwiseArgs *args, const Item *item, const float *x, const float *dy, Vector *taps,
				double *sums, size_t width)
{
	int			columns = depthwise_columns(args);
	int			tap_columns = depthwise_tap_columns(args);
	Vector		bias = {0};

	memset(taps, 0, (size_t) args->kernel * tap_columns * sizeof(Vector));
	for (int row = 0; row < item->rows; row++)
		for (int ky = 0; ky < args->kernel; ky++)
			/* Sums of taps beyond the window's last are not used. */
			for (int kx = 0; kx < args->kernel; kx += DEPTHWISE_TILE)
				gradient_tile(args->y_shape.w, x + ((size_t) (row + ky) * columns + kx) * LANES,
							  dy + (size_t) row * args->y_shape.w * LANES, taps + ky * tap_columns + kx);
	for (int ky = 0; ky < args->kernel; ky++)
		for (int kx = 0; kx < args->kernel; kx++)
			add_lanes(sums + (ky * args->kernel + kx) * width, taps[ky * tap_columns + kx]);
	for (int i = 0; i < item->rows * args->y_shape.w; i++)
		bias += PIXEL(dy, (size_t) i);
	add_lanes(sums + args->kernel * args->kernel * width, bias);
}

/* Add the gradients of weights and bias to the worker's sums. */
static void
gradient(void *data, int worker, long begin, long end)
{
	const DepthwiseArgs *args = data;
	float	   *x = args->scratch + worker * args->scratch_size;
	float	   *dy = x + depthwise_x_scratch(args);
	Vector	   *taps = (Vector *) (dy + depthwise_y_scratch(args));
	size_t		y_plane = depthwise_y_scratch(args) / VECTORS;
	size_t		width = (size_t) args->blocks * DEPTHWISE_BLOCK;
	double	   *sums = args->sums + worker * (args->kernel * args->kernel + 1) * width;

	for (long index = begin; index < end; index++)
	{
		Item		item = find_item(args, index);

		gather_x(args, &item, x);
		gather_pixels(args, &item, args->y, args->y_stride,
					  ((long) item.image * args->y_shape.h + item.top) * args->y_shape.w, item.rows * args->y_shape.w,
					  dy, y_plane);
		for (int v = 0; v < VECTORS && lanes_of(args, &item, v) > 0; v++)
			gradient_vector(args, &item, x + v * (depthwise_x_scratch(args) / VECTORS), dy + v * y_plane, taps,
							sums + item.channel + v * LANES, width);
	}
}

const DepthwiseLoops DEPTHWISE_NAME = {
	.correlate = correlate,
	.gradient = gradient,
};

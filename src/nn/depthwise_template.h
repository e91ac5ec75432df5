/*
 * depthwise_template.h: the loops behind depthwise.h, included once per
 * instruction set with DEPTHWISE_NAME, the name of its table.
 *
 * An item first gathers its rows of x, float32 and with the zeros around
 * them, into scratch that stays in the cache; then the sums run over it
 * without a look at borders or storage types. Eight sums side by side hide
 * the latency of a multiply-add.
 */
#include "nn/depthwise.h"
#include "nn/vector.h"

#define VECTORS (DEPTHWISE_BLOCK / LANES)

/* Load n elements of the storage type. */
static inline Vector
load_stored(const void *data, DataType type, size_t at, int n)
{
	VectorHalf	half = {0};

	if (type == DATA_F32)
		return load_float((const float *) data + at, n);
	if (n == LANES)
		memcpy(&half, (const uint16_t *) data + at, sizeof half);
	else
		memcpy(&half, (const uint16_t *) data + at, n * sizeof(uint16_t));
	return (Vector) (__builtin_convertvector(half, VectorUnsigned) << 16);
}

/* Store n elements, rounding to nearest even. */
static inline void
store_stored(void *data, DataType type, size_t at, int n, Vector v)
{
	VectorUnsigned bits = (VectorUnsigned) v;
	VectorUnsigned nan = (VectorUnsigned) (v != v);
	VectorUnsigned rounded = bits + 0x7FFF + ((bits >> 16) & 1);
	VectorHalf	half = __builtin_convertvector(((rounded & ~nan) | ((bits | 0x400000) & nan)) >> 16, VectorHalf);

	if (type == DATA_F32 && n == LANES)
		memcpy((float *) data + at, &v, sizeof v);
	else if (type == DATA_F32)
		memcpy((float *) data + at, &v, n * sizeof(float));
	else if (n == LANES)
		memcpy((uint16_t *) data + at, &half, sizeof half);
	else
		memcpy((uint16_t *) data + at, &half, n * sizeof(uint16_t));
}

/* Where an item stands. */
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

/* Lanes of vector v of the item's block that are channels; at most 0 beyond the last. */
static inline int
lanes_of(const DepthwiseArgs *args, const Item *item, int v)
{
	return lanes_left(args->x_shape.c, item->channel + v * LANES);
}

/* Copy `count` pixels' block of channels, from pixel `first`, to float32. */
static void
gather(const DepthwiseArgs *args, const Item *item, const void *data, int stride, long first, int count, float *to)
{
	for (int i = 0; i < count; i++)
		for (int v = 0; v < VECTORS; v++)
		{
			int			n = lanes_of(args, item, v);
			Vector		value = {0};

			if (n > 0)
				value = load_stored(data, args->type, (size_t) (first + i) * stride + item->channel + v * LANES, n);
			memcpy(to + (size_t) i * DEPTHWISE_BLOCK + v * LANES, &value, sizeof value);
		}
}

/* Gather the rows of x under the item's window positions, with zeros around. */
static void
gather_x(const DepthwiseArgs *args, const Item *item, float *scratch)
{
	int			columns = depthwise_columns(args);
	int			left = args->padding_w;
	int			inside = args->x_shape.w < columns - left ? args->x_shape.w : columns - left;

	for (int r = 0; r < item->rows + args->kernel_h - 1; r++)
	{
		int			y = item->top + r - args->padding_h;
		float	   *to = scratch + (size_t) r * columns * DEPTHWISE_BLOCK;

		if (y < 0 || y >= args->x_shape.h)
		{
			memset(to, 0, (size_t) columns * DEPTHWISE_BLOCK * sizeof(float));
			continue;
		}
		memset(to, 0, (size_t) left * DEPTHWISE_BLOCK * sizeof(float));
		gather(args, item, args->x, args->x_stride, ((long) item->image * args->x_shape.h + y) * args->x_shape.w,
			   inside, to + (size_t) left * DEPTHWISE_BLOCK);
		memset(to + (size_t) (left + inside) * DEPTHWISE_BLOCK, 0,
			   (size_t) (columns - left - inside) * DEPTHWISE_BLOCK * sizeof(float));
	}
}

/* The n-th of the vectors that stand a pixel apart. */
#define PIXEL(p, n) (*(const Vector *) ((p) + (n) * DEPTHWISE_BLOCK))

/* Eight output pixels from `left` of one vector of channels. */
static inline void
correlate_tile(const DepthwiseArgs *args, const float *rows, int columns, const float *weights, int width,
			   Vector *sums)
{
	Vector		a0 = sums[0], a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;

	for (int ky = 0; ky < args->kernel_h; ky++)
	{
		const float *x = rows + (size_t) ky * columns * DEPTHWISE_BLOCK;

		for (int kx = 0; kx < args->kernel_w; kx++)
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
			weights += width;
			x += DEPTHWISE_BLOCK;
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
finish_tile(const DepthwiseArgs *args, const Vector *sums, int count, size_t at, int n)
{
	for (int i = 0; i < count; i++)
	{
		size_t		to = at + (size_t) i * args->y_stride;
		Vector		v = sums[i];

		if (args->residual)
			v += load_stored(args->y, args->type, to, n);
		store_stored(args->y, args->type, to, n, args->relu ? positive_part(v) : v);
	}
}

/* y = x correlated with weights (+ bias) (+ residual) (then ReLU). */
static void
correlate(void *data, int worker, long begin, long end)
{
	const DepthwiseArgs *args = data;
	float	   *scratch = args->scratch + worker * args->scratch_size;
	int			columns = depthwise_columns(args);
	int			width = args->blocks * DEPTHWISE_BLOCK;

	for (long index = begin; index < end; index++)
	{
		Item		item = find_item(args, index);

		gather_x(args, &item, scratch);
		for (int v = 0; v < VECTORS && lanes_of(args, &item, v) > 0; v++)
			for (int row = 0; row < item.rows; row++)
				for (int left = 0; left < args->y_shape.w; left += DEPTHWISE_TILE)
				{
					Vector		sums[DEPTHWISE_TILE] = {{0}};
					int			channel = item.channel + v * LANES;
					int			count = args->y_shape.w - left < DEPTHWISE_TILE ? args->y_shape.w - left : DEPTHWISE_TILE;
					long		pixel = ((long) item.image * args->y_shape.h + item.top + row) * args->y_shape.w + left;

					if (args->bias != NULL)
						sums[0] = load_float(args->bias + channel, LANES);
					correlate_tile(args, scratch + ((size_t) row * columns + left) * DEPTHWISE_BLOCK + v * LANES,
								   columns, args->weights + channel, width, sums);
					finish_tile(args, sums, count, (size_t) pixel * args->y_stride + channel, lanes_of(args, &item, v));
				}
	}
}

/* Add a vector's lanes to doubles. */
static inline void
add_lanes(double *sums, Vector v)
{
	for (int k = 0; k < LANES; k++)
		sums[k] += v[k];
}

/* Eight taps of a row of the window, summed over an item: products of dy
 * with x at those taps. */
static inline void
gradient_tile(const DepthwiseArgs *args, const Item *item, const float *x, int columns, const float *dy,
			  Vector *sums)
{
	Vector		a0 = {0}, a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;

	for (int row = 0; row < item->rows; row++)
	{
		const float *p = x + (size_t) row * columns * DEPTHWISE_BLOCK;

		for (int i = 0; i < args->y_shape.w; i++)
		{
			Vector		d = *(const Vector *) dy;

			a0 += d * PIXEL(p, 0);
			a1 += d * PIXEL(p, 1);
			a2 += d * PIXEL(p, 2);
			a3 += d * PIXEL(p, 3);
			a4 += d * PIXEL(p, 4);
			a5 += d * PIXEL(p, 5);
			a6 += d * PIXEL(p, 6);
			a7 += d * PIXEL(p, 7);
			dy += DEPTHWISE_BLOCK;
			p += DEPTHWISE_BLOCK;
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

/* Add the gradients of weights and bias to the worker's sums. */
static void
gradient(void *data, int worker, long begin, long end)
{
	const DepthwiseArgs *args = data;
	float	   *scratch = args->scratch + worker * args->scratch_size;
	float	   *dy = scratch + depthwise_x_scratch(args);
	int			columns = depthwise_columns(args);
	int			taps = args->kernel_h * args->kernel_w;
	size_t		width = (size_t) args->blocks * DEPTHWISE_BLOCK;
	double	   *sums = args->sums + worker * (taps + 1) * width;

	for (long index = begin; index < end; index++)
	{
		Item		item = find_item(args, index);

		gather_x(args, &item, scratch);
		gather(args, &item, args->y, args->y_stride,
			   ((long) item.image * args->y_shape.h + item.top) * args->y_shape.w, item.rows * args->y_shape.w, dy);
		for (int v = 0; v < VECTORS && lanes_of(args, &item, v) > 0; v++)
		{
			double	   *to = sums + item.channel + v * LANES;
			Vector		bias = {0};

			for (int ky = 0; ky < args->kernel_h; ky++)
				for (int kx = 0; kx < args->kernel_w; kx += DEPTHWISE_TILE)
				{
					Vector		tile[DEPTHWISE_TILE];

					/* Taps beyond the window's last are summed in vain. */
					gradient_tile(args, &item, scratch + ((size_t) ky * columns + kx) * DEPTHWISE_BLOCK + v * LANES,
								  columns, dy + v * LANES, tile);
					for (int i = 0; i < DEPTHWISE_TILE && kx + i < args->kernel_w; i++)
						add_lanes(to + (ky * args->kernel_w + kx + i) * width, tile[i]);
				}
			for (int i = 0; i < item.rows * args->y_shape.w; i++)
				bias += PIXEL(dy + v * LANES, (size_t) i);
			add_lanes(to + taps * width, bias);
		}
	}
}

const DepthwiseKernels DEPTHWISE_NAME = {
	.correlate = correlate,
	.gradient = gradient,
};

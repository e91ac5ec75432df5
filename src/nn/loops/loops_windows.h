/*
 * loops_windows.h: the part of loops_template.h for loops that read a pixel's
 * neighbours: max pooling and bilinear resizing.
 */

/*
 * Compute a vector of channels of a pixel of y: the maximum over a window's
 * rows [ky, ky_end) and columns [kx, kx_end); x is the window's first pixel.
 */
static inline __attribute__((always_inline)) void
max_pool_window(const PoolArgs *args, const Stored *x, int ky, int ky_end, int kx_begin, int kx_end,
							  int c, int n, Stored *y, uint8_t *index)
{
	Vector		best = splat(-INFINITY);
	VectorInt	place = {0};

	for (; ky < ky_end; ky++)
		for (int kx = kx_begin; kx < kx_end; kx++)
		{
			Vector		v = load(x + ((long) ky * args->x_shape.w + kx) * args->x_stride + c, n);
			VectorInt	larger = (v > best) | (v != v);	/* NaN counts as the largest */

			best = select_lanes(larger, v, best);
			place = (larger & (ky * args->kernel + kx)) | (~larger & place);
		}
	store(y + c, n, best);
	if (index != NULL)
		store_bytes(index + c, n, place);
}

static void
max_pool(void *data, int worker, long begin, long end)
{
	const PoolArgs *args = data;
	TensorShape in = args->x_shape;
	TensorShape out = args->y_shape;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		int			top = (int) (row % out.h) * args->stride - args->padding;
		int			ky = top < 0 ? -top : 0;
		int			ky_end = in.h - top < args->kernel ? in.h - top : args->kernel;
		const Stored *x_row = (const Stored *) args->x + (row / out.h * in.h + top) * in.w * args->x_stride;

		for (int ox = 0; ox < out.w; ox++)
		{
			long		pixel = row * out.w + ox;
			int			left = ox * args->stride - args->padding;
			int			kx = left < 0 ? -left : 0;
			int			kx_end = in.w - left < args->kernel ? in.w - left : args->kernel;
			const Stored *x = x_row + (long) left * args->x_stride;
			const Stored *ahead = x + (long) AHEAD * args->x_stride;
			Stored	   *y = (Stored *) args->y + pixel * args->y_stride;
			uint8_t    *index = args->index == NULL ? NULL : args->index + pixel * in.c;
			int			c = 0;

			for (int row_ahead = ky; row_ahead < ky_end; row_ahead++)
				for (int column = 0; column < args->stride; column++)
					__builtin_prefetch(ahead + ((long) row_ahead * in.w + column) * args->x_stride);
			for (; c + LANES <= in.c; c += LANES)
				max_pool_window(args, x, ky, ky_end, kx, kx_end, c, LANES, y, index);
			if (c < in.c)
				max_pool_window(args, x, ky, ky_end, kx, kx_end, c, in.c - c, y, index);
		}
	}
}

/* The positions [first, last] along an axis of the output whose windows cover
 * `in`. */
static inline void
covering(const PoolArgs *args, int in, int size, int *first, int *last)
{
	int			reach = in + args->padding - args->kernel;

	*first = reach < 0 ? 0 : reach / args->stride + 1;
	*last = (in + args->padding) / args->stride;
	if (*last > size - 1)
		*last = size - 1;
}

/* Compute a span of channels of a pixel of dx: the sum over the windows that
 * cover it. */
static inline __attribute__((always_inline)) void
max_pool_gather(const PoolArgs *args, long output, int ky, int kx, int rows, int columns,
							  int c, int n, const Stored *before, Stored *dx)
{
	Vector		total = {0};

	for (int row = 0; row < rows; row++)
		for (int column = 0; column < columns; column++)
		{
			long		pixel = output + (long) row * args->y_shape.w + column;
			int			place = (ky - row * args->stride) * args->kernel + kx - column * args->stride;
			Vector		dy = load((const Stored *) args->dy + pixel * args->dy_stride + c, n);
			VectorInt	from = load_bytes(args->index + pixel * args->x_shape.c + c, n);

			total += select_lanes(from == place, dy, (Vector) {0});
		}
	store(dx + c, n, before != NULL ? total + load(before + c, n) : total);
}

/*
 * In gather form: an input pixel collects from the windows that cover it. So
 * each pixel is written once, and no two workers write the same one.
 */
static void
max_pool_gradient(void *data, int worker, long begin, long end)
{
	const PoolArgs *args = data;
	TensorShape in = args->x_shape;
	TensorShape out = args->y_shape;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		long		image = row / in.h;
		int			iy = (int) (row % in.h);
		int			top;			/* first and last window that cover iy, then ix */
		int			bottom;
		int			left = 0;
		int			right = 0;

		covering(args, iy, out.h, &top, &bottom);
		for (int ix = 0; ix < in.w; ix++)
		{
			Stored	   *dx = (Stored *) args->dx + (row * in.w + ix) * args->dx_stride;
			const Stored *before = args->before == NULL ? NULL :
				(const Stored *) args->before + (row * in.w + ix) * args->before_stride;
			int			last;
			long		output;
			int			c = 0;

			/* The same as `covering`, without a division per pixel. */
			while (left * args->stride + args->kernel - args->padding <= ix)
				left++;
			while ((right + 1) * args->stride - args->padding <= ix)
				right++;
			last = right < out.w ? right : out.w - 1;
			output = (image * out.h + top) * out.w + left;
			if (before != NULL)
				__builtin_prefetch(before + (long) AHEAD * args->before_stride);
			for (; c + LANES <= in.c; c += LANES)
				max_pool_gather(args, output, iy + args->padding - top * args->stride,
											  ix + args->padding - left * args->stride,
											  bottom - top + 1, last - left + 1, c, LANES, before, dx);
			if (c < in.c)
				max_pool_gather(args, output, iy + args->padding - top * args->stride,
											  ix + args->padding - left * args->stride,
											  bottom - top + 1, last - left + 1, c, in.c - c, before, dx);
		}
	}
}

/* The two positions of the input around position `out` of an axis, and the
 * share of the second. */
typedef struct ResizeTap
{
	int			first;
	int			second;
	float		share;
} ResizeTap;

/* Pixel centres of both sizes cover the same extent (align_corners false). */
static inline ResizeTap
resize_tap(int out, int in_size, int scale)
{
	float		at = ((float) out + 0.5f) / (float) scale - 0.5f;
	ResizeTap	tap;

	if (at < 0)
		at = 0;
	tap.first = (int) at;
	tap.second = tap.first + 1 < in_size ? tap.first + 1 : tap.first;
	tap.share = at - (float) tap.first;
	return tap;
}

/* The output positions of an axis to which a position of the input
 * contributes, and its weight in each. */
typedef struct ResizeShares
{
	int			begin;
	int			end;
	float		weights[3 * RESIZE_MOST];	/* of begin, begin + 1 ... */
} ResizeShares;

/* They lie from one position of the input above `in` to one below. */
static void
find_shares(int in, int in_size, int scale, ResizeShares *shares)
{
	int			first = in > 0 ? (in - 1) * scale : 0;
	int			last = (in + 2 < in_size ? in + 2 : in_size) * scale;

	shares->begin = shares->end = first;
	for (int out = first; out < last; out++)
	{
		ResizeTap	tap = resize_tap(out, in_size, scale);
		float		weight = (tap.first == in ? 1 - tap.share : 0) + (tap.second == in ? tap.share : 0);

		if (weight == 0)
			continue;
		if (shares->begin == shares->end)
			shares->begin = out;
		shares->end = out + 1;
		shares->weights[out - shares->begin] = weight;
	}
}

static void
resize(void *data, int worker, long begin, long end)
{
	const ResizeArgs *args = data;
	TensorShape in = args->x_shape;
	int			out_h = in.h * args->scale;
	int			out_w = in.w * args->scale;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		ResizeTap	v = resize_tap((int) (row % out_h), in.h, args->scale);
		long		image = row / out_h * in.h;
		const Stored *upper = (const Stored *) args->x + (image + v.first) * in.w * args->x_stride;
		const Stored *lower = (const Stored *) args->x + (image + v.second) * in.w * args->x_stride;

		for (int ox = 0; ox < out_w; ox++)
		{
			ResizeTap	h = resize_tap(ox, in.w, args->scale);
			long		left = (long) h.first * args->x_stride;
			long		right = (long) h.second * args->x_stride;

			for (int c = 0; c < in.c; c += LANES)
			{
				int			n = lanes_left(in.c, c);
				Vector		top = load(upper + left + c, n);
				Vector		bottom = load(lower + left + c, n);

				top += (load(upper + right + c, n) - top) * h.share;
				bottom += (load(lower + right + c, n) - bottom) * h.share;
				store((Stored *) args->y + (row * out_w + ox) * args->y_stride + c, n,
					  top + (bottom - top) * v.share);
			}
		}
	}
}

/* In gather form, as in max_pool_gradient: an input pixel collects from the
 * outputs to which it contributes. */
static void
resize_gradient(void *data, int worker, long begin, long end)
{
	const ResizeArgs *args = data;
	TensorShape in = args->x_shape;
	int			out_h = in.h * args->scale;
	int			out_w = in.w * args->scale;
	ResizeShares v;
	ResizeShares h;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		const Stored *image = (const Stored *) args->dy + row / in.h * out_h * out_w * args->dy_stride;

		find_shares((int) (row % in.h), in.h, args->scale, &v);
		for (int ix = 0; ix < in.w; ix++)
		{
			Stored	   *dx = (Stored *) args->dx + (row * in.w + ix) * args->dx_stride;

			find_shares(ix, in.w, args->scale, &h);
			for (int c = 0; c < in.c; c += LANES)
			{
				int			n = lanes_left(in.c, c);
				Vector		sum = {0};

				for (int oy = v.begin; oy < v.end; oy++)
				{
					float		weight = v.weights[oy - v.begin];
					const Stored *dy = image + ((long) oy * out_w + h.begin) * args->dy_stride + c;

					for (int i = 0; i < h.end - h.begin; i++)
						sum += weight * h.weights[i] * load(dy + (long) i * args->dy_stride, n);
				}
				store(dx + c, n, args->accumulate ? sum + load(dx + c, n) : sum);
			}
		}
	}
}

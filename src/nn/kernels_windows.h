/*
 * kernels_windows.h: the part of kernels_template.h whose loops look at a
 * pixel's neighbours: max pooling and bilinear resizing. Included by it, once
 * per build.
 */

static void
KERNEL_NAME(max_pool) (void *data, int worker, long begin, long end)
{
	const PoolArgs *args = data;
	TensorShape in = args->x_shape;
	TensorShape out = args->y_shape;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		long		image = row / out.h;
		int			top = (int) (row % out.h) * args->stride - args->padding;
		int			ky_begin = top < 0 ? -top : 0;
		int			ky_end = in.h - top < args->kernel ? in.h - top : args->kernel;

		for (int ox = 0; ox < out.w; ox++)
		{
			long		pixel = row * out.w + ox;
			int			left = ox * args->stride - args->padding;
			int			kx_begin = left < 0 ? -left : 0;
			int			kx_end = in.w - left < args->kernel ? in.w - left : args->kernel;

			for (int c = 0; c < in.c; c += LANES)
			{
				int			n = lanes_left(in.c, c);
				Vector		best = splat(-INFINITY);
				VectorInt	place = {0};

				for (int ky = ky_begin; ky < ky_end; ky++)
					for (int kx = kx_begin; kx < kx_end; kx++)
					{
						long		from = (image * in.h + top + ky) * in.w + left + kx;
						Vector		v = LOAD((const STORED *) args->x + from * args->x_stride + c, n);
						VectorInt	larger = (v > best) | (v != v);	/* NaN wins and stays */

						best = select_lanes(larger, v, best);
						place = (larger & (ky * args->kernel + kx)) | (~larger & place);
					}
				STORE((STORED *) args->y + pixel * args->y_stride + c, n, best);
				if (args->index != NULL)
				{
					VectorByte	bytes = __builtin_convertvector(place, VectorByte);

					memcpy(args->index + pixel * in.c + c, &bytes, n);
				}
			}
		}
	}
}

/*
 * Gather form: an input row collects from the output rows whose windows
 * cover it, so rows are independent and no two workers write one element.
 */
static void
KERNEL_NAME(max_pool_gradient) (void *data, int worker, long begin, long end)
{
	const PoolArgs *args = data;
	TensorShape in = args->x_shape;
	TensorShape out = args->y_shape;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		long		image = row / in.h;
		int			iy = (int) (row % in.h);
		STORED	   *dx_row = (STORED *) args->dx + row * in.w * args->dx_stride;

		if (!args->accumulate)
			for (int ix = 0; ix < in.w; ix++)
				memset(dx_row + (long) ix * args->dx_stride, 0, in.c * sizeof(STORED));

		for (int ky = 0; ky < args->kernel; ky++)
		{
			int			oy = iy + args->padding - ky;

			if (oy < 0 || oy % args->stride != 0 || oy / args->stride >= out.h)
				continue;
			oy /= args->stride;
			for (int ox = 0; ox < out.w; ox++)
			{
				long		pixel = (image * out.h + oy) * out.w + ox;
				int			left = ox * args->stride - args->padding;

				for (int kx = 0; kx < args->kernel; kx++)
				{
					int			ix = left + kx;

					if (ix < 0 || ix >= in.w)
						continue;
					for (int c = 0; c < in.c; c += LANES)
					{
						int			n = lanes_left(in.c, c);
						VectorByte	bytes = {0};
						VectorInt	here;
						STORED	   *target = dx_row + (long) ix * args->dx_stride + c;
						Vector		dy = LOAD((const STORED *) args->dy + pixel * args->dy_stride + c, n);

						memcpy(&bytes, args->index + pixel * in.c + c, n);
						here = __builtin_convertvector(bytes, VectorInt) == ky * args->kernel + kx;
						STORE(target, n, LOAD(target, n) + select_lanes(here, dy, (Vector) {0}));
					}
				}
			}
		}
	}
}

#ifndef KERNELS_RESIZE_TAP
#define KERNELS_RESIZE_TAP

/* The two positions of the input that position `out` of an axis lies
 * between, and the share of the second. */
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

/* What position `in` contributes to a position with that tap. */
static inline float
resize_weight(ResizeTap tap, int in)
{
	return (tap.first == in ? 1 - tap.share : 0) + (tap.second == in ? tap.share : 0);
}

#endif

static void
KERNEL_NAME(resize) (void *data, int worker, long begin, long end)
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
		const STORED *upper = (const STORED *) args->x + (image + v.first) * in.w * args->x_stride;
		const STORED *lower = (const STORED *) args->x + (image + v.second) * in.w * args->x_stride;

		for (int ox = 0; ox < out_w; ox++)
		{
			ResizeTap	h = resize_tap(ox, in.w, args->scale);
			long		left = (long) h.first * args->x_stride;
			long		right = (long) h.second * args->x_stride;

			for (int c = 0; c < in.c; c += LANES)
			{
				int			n = lanes_left(in.c, c);
				Vector		top = LOAD(upper + left + c, n);
				Vector		bottom = LOAD(lower + left + c, n);

				top += (LOAD(upper + right + c, n) - top) * h.share;
				bottom += (LOAD(lower + right + c, n) - bottom) * h.share;
				STORE((STORED *) args->y + (row * out_w + ox) * args->y_stride + c, n,
					  top + (bottom - top) * v.share);
			}
		}
	}
}

/* Gather form, as in max_pool_gradient: an input pixel collects from the
 * outputs that it has a share in, which begin one pixel above it and end one
 * below. */
static void
KERNEL_NAME(resize_gradient) (void *data, int worker, long begin, long end)
{
	const ResizeArgs *args = data;
	TensorShape in = args->x_shape;
	int			scale = args->scale;
	int			out_h = in.h * scale;
	int			out_w = in.w * scale;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		int			iy = (int) (row % in.h);
		long		image = row / in.h * out_h;
		int			y_begin = iy > 0 ? (iy - 1) * scale : 0;
		int			y_end = (iy + 2) * scale < out_h ? (iy + 2) * scale : out_h;

		for (int ix = 0; ix < in.w; ix++)
		{
			STORED	   *dx = (STORED *) args->dx + (row * in.w + ix) * args->dx_stride;
			int			x_begin = ix > 0 ? (ix - 1) * scale : 0;
			int			x_end = (ix + 2) * scale < out_w ? (ix + 2) * scale : out_w;

			for (int c = 0; c < in.c; c += LANES)
			{
				int			n = lanes_left(in.c, c);
				Vector		sum = {0};

				for (int oy = y_begin; oy < y_end; oy++)
				{
					float		weight_y = resize_weight(resize_tap(oy, in.h, scale), iy);

					for (int ox = x_begin; ox < x_end && weight_y > 0; ox++)
					{
						float		weight = weight_y * resize_weight(resize_tap(ox, in.w, scale), ix);

						if (weight > 0)
							sum += weight * LOAD((const STORED *) args->dy +
												 ((image + oy) * out_w + ox) * args->dy_stride + c, n);
					}
				}
				STORE(dx + c, n, args->accumulate ? sum + LOAD(dx + c, n) : sum);
			}
		}
	}
}

/*
 * loops_norm.h: the part of loops_template.h for batch norm, and for what is
 * added to it.
 */

SPAN_FUNCTION
affine_span(const AffineArgs *args, int stream, long begin, long end, int c, int n)
{
	const Stored *x = (const Stored *) args->x + begin * args->x_stride + c;
	const Stored *residual = args->residual == NULL ? NULL :
		(const Stored *) args->residual + begin * args->residual_stride + c;
	Stored	   *y = (Stored *) args->y + begin * args->y_stride + c;
	Pair		scale = load_channels(args->scale, c, n, 1);
	Pair		shift = load_channels(args->shift, c, n, 0);
	Vector		floor = splat(args->relu ? 0 : -INFINITY);
	bool		gelu = args->gelu;
	long		x_stride = args->x_stride;
	long		y_stride = args->y_stride;
	long		residual_stride = args->residual_stride;

	for (long i = begin; i < end; i++, x += x_stride, y += y_stride)
	{
		Pair		v = load_pair(x, n);

		if (gelu)
			v = gelu_of(v);
		v = multiply_add(v, scale, shift);
		if (residual != NULL)
		{
			v = sum(v, load_pair(residual, n));
			residual += residual_stride;
		}
		__builtin_prefetch(x + AHEAD * x_stride);
		store_out(y, n, (Pair) {at_least(v.low, floor), at_least(v.high, floor)}, stream);
	}
}

static void
affine(void *data, int worker, long begin, long end)
{
	const AffineArgs *args = data;
	bool		stream = streams(args->x, args->y, args->y_stride, end - begin);

	(void) worker;
	EACH_SPAN(affine_span, args, stream)
	settle();
}

/* Whose sums, and whether GELU(x) goes past the caches. */
typedef struct MomentPlace
{
	int			worker;
	bool		stream;
} MomentPlace;

SPAN_FUNCTION
moments_span(const MomentArgs *args, MomentPlace place, long begin, long end, int c, int n)
{
	const Stored *x = (const Stored *) args->x + begin * args->x_stride + c;
	Pair		origin = load_channels(args->origin, c, n, 0);
	double	   *sums = args->sums + (size_t) place.worker * 2 * args->channels + c;
	Stored	   *gelu = args->gelu == NULL ? NULL : (Stored *) args->gelu + begin * args->gelu_stride + c;
	Pair		total = {{0}, {0}};
	Pair		square = total;
	long		x_stride = args->x_stride;
	long		gelu_stride = args->gelu_stride;

	for (long i = begin; i < end; i++, x += x_stride)
	{
		Pair		v = load_pair(x, n);

		__builtin_prefetch(x + AHEAD * x_stride);
		if (gelu != NULL)
		{
			v = gelu_of(v);
			store_out(gelu, n, v, place.stream);
			gelu += gelu_stride;
		}
		v.low -= origin.low;
		v.high -= origin.high;
		total = sum(total, v);
		square = multiply_add(v, v, square);
	}
	add_to_doubles(sums, n, total);
	add_to_doubles(sums + args->channels, n, square);
}

static void
moments(void *data, int worker, long begin, long end)
{
	const MomentArgs *args = data;
	MomentPlace place = {
		.worker = worker,
		.stream = args->gelu != NULL && streams(args->x, args->gelu, args->gelu_stride, end - begin),
	};

	EACH_SPAN(moments_span, args, place)
	settle();
}

/* A span of the gradient of batch norm: its place and its channels' values. */
typedef struct NormSpan
{
	const Stored *x;
	const Stored *y;
	const Stored *dy;
	Pair		scale;
	Pair		shift;
} NormSpan;

static inline NormSpan
norm_span(const NormGradientArgs *args, long begin, int c, int n)
{
	NormSpan span = {
		.x = (const Stored *) args->x + begin * args->channels + c,
		.y = args->y == NULL ? NULL : (const Stored *) args->y + begin * args->y_stride + c,
		.dy = (const Stored *) args->dy + begin * args->dy_stride + c,
		.scale = load_channels(args->scale, c, n, 1),
		.shift = load_channels(args->shift, c, n, 0),
	};

	return span;
}

/* dz: the part of dy that the ReLU passed, at a pixel with input x. */
static inline Pair
passed(const NormSpan *span, bool relu, int n, Pair x)
{
	Pair		dz = load_pair(span->dy, n);

	if (!relu)
		return dz;
	if (span->y != NULL)
		return where_positive(load_pair(span->y, n), dz);
	return where_positive(multiply_add(x, span->scale, span->shift), dz);
}

SPAN_FUNCTION
norm_gradient_sums_span(const NormGradientArgs *args, int worker, long begin, long end, int c, int n)
{
	NormSpan span = norm_span(args, begin, c, n);
	Pair		mean = load_channels(args->mean, c, n, 0);
	Pair		inverse_std = load_channels(args->inverse_std, c, n, 0);
	double	   *sums = args->sums + (size_t) worker * 2 * args->channels + c;
	Pair		total = {{0}, {0}};
	Pair		product = total;
	bool		relu = args->relu;
	long		x_stride = args->channels;
	long		y_stride = span.y != NULL ? args->y_stride : 0;
	long		dy_stride = args->dy_stride;

	for (long i = begin; i < end; i++, span.x += x_stride, span.y += y_stride, span.dy += dy_stride)
	{
		Pair		x = load_pair(span.x, n);
		Pair		dz = passed(&span, relu, n, x);

		__builtin_prefetch(span.x + AHEAD * x_stride);
		__builtin_prefetch(span.dy + AHEAD * dy_stride);
		total = sum(total, dz);
		product = multiply_add(dz, (Pair) {x.low - mean.low, x.high - mean.high}, product);
	}
	product.low *= inverse_std.low;
	product.high *= inverse_std.high;
	add_to_doubles(sums, n, total);
	add_to_doubles(sums + args->channels, n, product);
}

static void
norm_gradient_sums(void *data, int worker, long begin, long end)
{
	const NormGradientArgs *args = data;

	EACH_SPAN(norm_gradient_sums_span, args, worker)
}

SPAN_FUNCTION
norm_gradient_span(const NormGradientArgs *args, int stream, long begin, long end, int c, int n)
{
	NormSpan span = norm_span(args, begin, c, n);
	Pair		slope_dz = load_channels(args->slope_dz, c, n, 0);
	Pair		slope_x = load_channels(args->slope_x, c, n, 0);
	Pair		offset = load_channels(args->offset, c, n, 0);
	const Stored *u = args->u == NULL ? NULL : (const Stored *) args->u + begin * args->u_stride + c;
	Stored	   *dx = (Stored *) args->dx + begin * args->channels + c;
	Stored	   *dresidual = args->dresidual == NULL ? NULL :
		(Stored *) args->dresidual + begin * args->dresidual_stride + c;
	bool		relu = args->relu;
	bool		accumulate = args->accumulate;
	bool		accumulate_residual = args->accumulate_residual;
	long		x_stride = args->channels;
	long		y_stride = span.y != NULL ? args->y_stride : 0;
	long		dy_stride = args->dy_stride;
	long		dresidual_stride = args->dresidual_stride;
	long		u_stride = args->u_stride;

	for (long i = begin; i < end; i++, span.x += x_stride, span.y += y_stride, span.dy += dy_stride, dx += x_stride)
	{
		Pair		x = load_pair(span.x, n);
		Pair		dz = passed(&span, relu, n, x);
		Pair		v;

		if (dresidual != NULL)
		{
			store_pair(dresidual, n, accumulate_residual ? sum(dz, load_pair(dresidual, n)) : dz);
			dresidual += dresidual_stride;
		}
		v = multiply_add(dz, slope_dz, multiply_add(x, slope_x, offset));
		if (u != NULL)
		{
			v = through_gelu(load_pair(u, n), v);
			__builtin_prefetch(u + AHEAD * u_stride);
			u += u_stride;
		}
		if (accumulate)
			v = sum(v, load_pair(dx, n));
		__builtin_prefetch(span.x + AHEAD * x_stride);
		__builtin_prefetch(span.dy + AHEAD * dy_stride);
		store_out(dx, n, v, stream);
	}
}

static void
norm_gradient(void *data, int worker, long begin, long end)
{
	const NormGradientArgs *args = data;
	bool		stream = !args->accumulate && args->dx != args->dresidual &&
		streams(args->dy, args->dx, args->channels, end - begin);

	(void) worker;
	EACH_SPAN(norm_gradient_span, args, stream)
	settle();
}

SPAN_FUNCTION
add_span(const AddArgs *args, int stream, long begin, long end, int c, int n)
{
	const Stored *a = (const Stored *) args->a + begin * args->a_stride + c;
	const Stored *b = args->b == NULL ? NULL : (const Stored *) args->b + begin * args->b_stride + c;
	Stored	   *y = (Stored *) args->y + begin * args->y_stride + c;
	long		a_stride = args->a_stride;
	long		b_stride = b != NULL ? args->b_stride : 0;
	long		y_stride = args->y_stride;

	for (long i = begin; i < end; i++, a += a_stride, b += b_stride, y += y_stride)
	{
		Pair		v = load_pair(a, n);

		__builtin_prefetch(a + AHEAD * a_stride);
		if (b != NULL)
			v = sum(v, load_pair(b, n));
		store_out(y, n, v, stream);
	}
}

static void
add(void *data, int worker, long begin, long end)
{
	const AddArgs *args = data;
	bool		stream = args->y != args->b && streams(args->a, args->y, args->y_stride, end - begin);

	(void) worker;
	EACH_SPAN(add_span, args, stream)
	settle();
}

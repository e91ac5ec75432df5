/*
 * loops_activation.h: the part of loops_template.h for ReLU's gradient and GELU.
 */

SPAN_FUNCTION
relu_gradient_span(const ReluGradientArgs *args, int worker, long begin, long end, int c, int n)
{
	const Stored *y = (const Stored *) args->y + begin * args->y_stride + c;
	const Stored *dy = (const Stored *) args->dy + begin * args->dy_stride + c;
	Stored	   *dx = (Stored *) args->dx + begin * args->dx_stride + c;
	bool		accumulate = args->accumulate;
	long		y_stride = args->y_stride;
	long		dy_stride = args->dy_stride;
	long		dx_stride = args->dx_stride;

	(void) worker;
	for (long i = begin; i < end; i++, y += y_stride, dy += dy_stride, dx += dx_stride)
	{
		Pair		v = where_positive(load_pair(y, n), load_pair(dy, n));

		store_pair(dx, n, accumulate ? sum(v, load_pair(dx, n)) : v);
	}
}

static void
relu_gradient(void *data, int worker, long begin, long end)
{
	const ReluGradientArgs *args = data;

	EACH_SPAN(relu_gradient_span, args, worker)
}

SPAN_FUNCTION
gelu_span(const GeluArgs *args, int stream, long begin, long end, int c, int n)
{
	const Stored *x = (const Stored *) args->x + begin * args->x_stride + c;
	Stored	   *y = (Stored *) args->y + begin * args->y_stride + c;
	long		x_stride = args->x_stride;
	long		y_stride = args->y_stride;

	for (long i = begin; i < end; i++, x += x_stride, y += y_stride)
	{
		Pair		v = load_pair(x, n);
		Vector		gauss;

		__builtin_prefetch(x + AHEAD * x_stride);
		v.low *= normal_probability(v.low, &gauss);
		v.high *= normal_probability(v.high, &gauss);
		store_out(y, n, v, stream);
	}
}

static void
gelu(void *data, int worker, long begin, long end)
{
	const GeluArgs *args = data;
	bool		stream = streams(args->x, args->y, args->y_stride, end - begin);

	(void) worker;
	EACH_SPAN(gelu_span, args, stream)
	settle();
}

/* The derivative of x * P(x): P(x) + x * p(x). */
static inline Vector
gelu_slope(Vector x)
{
	Vector		gauss;
	Vector		probability = normal_probability(x, &gauss);

	return probability + x * gauss * 0.39894228f;
}

SPAN_FUNCTION
gelu_gradient_span(const GeluArgs *args, int worker, long begin, long end, int c, int n)
{
	const Stored *x = (const Stored *) args->x + begin * args->x_stride + c;
	const Stored *dy = (const Stored *) args->dy + begin * args->dy_stride + c;
	Stored	   *dx = (Stored *) args->dx + begin * args->dx_stride + c;
	bool		accumulate = args->accumulate;
	long		x_stride = args->x_stride;
	long		dy_stride = args->dy_stride;
	long		dx_stride = args->dx_stride;

	(void) worker;
	for (long i = begin; i < end; i++, x += x_stride, dy += dy_stride, dx += dx_stride)
	{
		Pair		v = load_pair(x, n);
		Pair		d = load_pair(dy, n);

		__builtin_prefetch(x + AHEAD * x_stride);
		__builtin_prefetch(dy + AHEAD * dy_stride);
		v.low = gelu_slope(v.low) * d.low;
		v.high = gelu_slope(v.high) * d.high;
		store_pair(dx, n, accumulate ? sum(v, load_pair(dx, n)) : v);
	}
}

static void
gelu_gradient(void *data, int worker, long begin, long end)
{
	const GeluArgs *args = data;

	EACH_SPAN(gelu_gradient_span, args, worker)
}

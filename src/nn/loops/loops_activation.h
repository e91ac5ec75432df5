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

/* x * P(X <= x) = max(x, 0) - |x| * P(X <= -|x|); from 40 on, infinity too, the latter is nothing. */
static inline Vector
gelu_value(Vector x)
{
	Vector		a = at_most(magnitude(x), splat(40));
#if STORED_BF16
	Vector		tail = short_normal_tail(a);
#else
	Vector		gauss;
	Vector		tail = normal_tail(a, &gauss);
#endif

	return positive_part(x) - a * tail;
}

static inline Pair
gelu_of(Pair x)
{
	return (Pair) {gelu_value(x.low), gelu_value(x.high)};
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

		__builtin_prefetch(x + AHEAD * x_stride);
		store_out(y, n, gelu_of(v), stream);
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

/*
 * The derivative of x * P(X <= x): P(X <= x) + x * p(x). For bfloat16, within
 * 1.3e-4: 0.5 + x * a polynomial in x^2, fitted on [0, 20]; it is in
 * x^2 - 10, to keep the terms small. Near the end it comes to 0 and to 1.
 */
static inline Vector
gelu_slope(Vector x)
{
#if STORED_BF16
	Vector		s;
	Vector		p = splat(-3.02841133e-11f);

	x = at_least(at_most(x, splat(4.46746844f)), splat(-4.46746844f));
	s = x * x - 10;
	p = p * s + 5.58638225e-10f;
	p = p * s - 3.01303857e-9f;
	p = p * s + 4.34625764e-8f;
	p = p * s - 9.72714909e-7f;
	p = p * s + 1.07724605e-5f;
	p = p * s - 9.42031268e-5f;
	p = p * s + 0.000871943217f;
	p = p * s - 0.00911428411f;
	p = p * s + 0.160579615f;
	return p * x + 0.5f;
#else
	Vector		gauss;
	Vector		tail = normal_tail(magnitude(x), &gauss);

	return select_lanes(x < (Vector) {0}, tail, 1.0f - tail) + x * gauss * 0.39894228f;
#endif
}

/* The gradient of x, from that of GELU(x). */
static inline Pair
through_gelu(Pair x, Pair gradient)
{
	return (Pair) {gelu_slope(x.low) * gradient.low, gelu_slope(x.high) * gradient.high};
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
		Pair		v = through_gelu(load_pair(x, n), load_pair(dy, n));

		__builtin_prefetch(x + AHEAD * x_stride);
		__builtin_prefetch(dy + AHEAD * dy_stride);
		store_pair(dx, n, accumulate ? sum(v, load_pair(dx, n)) : v);
	}
}

static void
gelu_gradient(void *data, int worker, long begin, long end)
{
	const GeluArgs *args = data;

	EACH_SPAN(gelu_gradient_span, args, worker)
}

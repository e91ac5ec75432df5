/*
 * loops_dot.h: the part of loops_template.h for dot products over channels.
 */

/* One stored value as a float, and back. */
static inline float
load_one(const Stored *p)
{
#if STORED_BF16
	return bfloat16_to_float(*p);
#else
	return *p;
#endif
}

static inline void
store_one(Stored *p, float value)
{
#if STORED_BF16
	*p = bfloat16_from_float(value);
#else
	*p = value;
#endif
}

static void
dot(void *data, int worker, long begin, long end)
{
	const DotArgs *args = data;
	const Stored *x = (const Stored *) args->x + begin * args->x_stride;
	Stored	   *y = (Stored *) args->y + begin * args->y_stride;
	const float *weights = args->weights;
	int			channels = args->channels;
	float		bias = args->bias;
	bool		residual = args->residual;
	bool		relu = args->relu;
	long		x_stride = args->x_stride;
	long		y_stride = args->y_stride;

	(void) worker;
	for (long i = begin; i < end; i++, x += x_stride, y += y_stride)
	{
		Vector		total = {0};
		float		value;
		int			c = 0;

		__builtin_prefetch(x + AHEAD * x_stride);
		for (; c + LANES <= channels; c += LANES)
			total += load(x + c, LANES) * load_float(weights + c, LANES);
		if (c < channels)
			total += load(x + c, channels - c) * load_float(weights + c, channels - c);
		value = lane_sum(total) + bias;
		if (residual)
			value += load_one(y);
		store_one(y, relu && value < 0 ? 0 : value);
	}
}

SPAN_FUNCTION
dot_gradient_span(const DotArgs *args, int stream, long begin, long end, int c, int n)
{
	const Stored *dy = (const Stored *) args->dy + begin * args->dy_stride;
	Stored	   *dx = (Stored *) args->dx + begin * args->dx_stride + c;
	Pair		weights = load_channels(args->weights, c, n, 0);
	long		dy_stride = args->dy_stride;
	long		dx_stride = args->dx_stride;

	for (long i = begin; i < end; i++, dy += dy_stride, dx += dx_stride)
	{
		Vector		d = splat(load_one(dy));

		store_out(dx, n, (Pair) {d * weights.low, d * weights.high}, stream);
	}
}

static void
dot_gradient(void *data, int worker, long begin, long end)
{
	const DotArgs *args = data;
	bool		stream = streams(args->dy, args->dx, args->dx_stride, end - begin);

	(void) worker;
	EACH_SPAN(dot_gradient_span, args, stream)
	settle();
}

SPAN_FUNCTION
dot_gradient_sums_span(const DotArgs *args, int worker, long begin, long end, int c, int n)
{
	const Stored *x = (const Stored *) args->x + begin * args->x_stride + c;
	const Stored *dy = (const Stored *) args->dy + begin * args->dy_stride;
	double	   *sums = args->sums + (size_t) worker * (args->channels + 1);
	Pair		total = {{0}, {0}};
	float		plain = 0;
	long		x_stride = args->x_stride;
	long		dy_stride = args->dy_stride;

	for (long i = begin; i < end; i++, x += x_stride, dy += dy_stride)
	{
		float		d = load_one(dy);

		__builtin_prefetch(x + AHEAD * x_stride);
		total = multiply_add((Pair) {splat(d), splat(d)}, load_pair(x, n), total);
		plain += d;
	}
	add_to_doubles(sums + c, n, total);
	if (c == 0)
		sums[args->channels] += plain;
}

static void
dot_gradient_sums(void *data, int worker, long begin, long end)
{
	const DotArgs *args = data;

	EACH_SPAN(dot_gradient_sums_span, args, worker)
}

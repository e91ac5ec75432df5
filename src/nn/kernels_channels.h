/*
 * kernels_channels.h: the part of kernels_template.h that works on pixels
 * with values per channel, or alike on all of them: batch norm and what is
 * added to it, ReLU, GELU, dot products over channels. Included by it, once
 * per build.
 *
 * These passes read and write whole tensors, so that memory is their limit;
 * the loops must not be. They go by spans: two vectors of channels (a cache
 * line of bf16 where a vector has 512 bits) down a block of pixels, with
 * everything that belongs to the channels in registers. A span function is
 * inlined twice, once for the full width and once for what is left.
 */

#ifndef KERNELS_SPAN
#define KERNELS_SPAN

/* Pixels of a span; sums over one are float32, over more float64. Few, so
 * that the channels of a wide tensor meet again in the same pages. */
#define SPAN_PIXELS 32
#define SPAN_CHANNELS (2 * LANES)

/* Pixels to fetch ahead. */
#define AHEAD 32

/* A worker's output of this size is not found in a cache again. */
#define STREAM_BYTES (1 << 20)

/* Call function for all spans of pixels [begin, end); it takes args, then
 * `detail`. */
#define EACH_SPAN(function, args, detail) \
	for (long block = begin; block < end; block += SPAN_PIXELS) \
	{ \
		long		stop = block + SPAN_PIXELS < end ? block + SPAN_PIXELS : end; \
		int			c = 0; \
\
		for (; c + SPAN_CHANNELS <= (args)->channels; c += SPAN_CHANNELS) \
			KERNEL_NAME(function) (args, detail, block, stop, c, SPAN_CHANNELS); \
		if (c < (args)->channels) \
			KERNEL_NAME(function) (args, detail, block, stop, c, (args)->channels - c); \
	}

#define SPAN_FUNCTION static inline __attribute__((always_inline)) void

/* Two vectors of neighbouring channels. */
typedef struct Pair
{
	Vector		low;
	Vector		high;
} Pair;

/* The channels of a span of n that the higher vector has. */
static inline int
higher(int n)
{
	return n > LANES ? n - LANES : 0;
}

static inline int
lower(int n)
{
	return n < LANES ? n : LANES;
}

/* Load n floats; NULL stands for `otherwise` everywhere. */
static inline Pair
load_channels(const float *p, int c, int n, float otherwise)
{
	if (p == NULL)
		return (Pair) {splat(otherwise), splat(otherwise)};
	return (Pair) {load_float(p + c, lower(n)), load_float(p + c + lower(n), higher(n))};
}

/* Lane by lane: a * b + c. */
static inline Pair
multiply_add(Pair a, Pair b, Pair c)
{
	return (Pair) {a.low * b.low + c.low, a.high * b.high + c.high};
}

static inline Pair
sum(Pair a, Pair b)
{
	return (Pair) {a.low + b.low, a.high + b.high};
}

/* v where sign > 0, else 0. */
static inline Pair
where_positive(Pair sign, Pair v)
{
	return (Pair) {
		select_lanes(sign.low > (Vector) {0}, v.low, (Vector) {0}),
		select_lanes(sign.high > (Vector) {0}, v.high, (Vector) {0})
	};
}

/* max(v, floor); NaN stays NaN. */
static inline Vector
at_least(Vector v, Vector floor)
{
	return select_lanes(v < floor, floor, v);
}

/* All lanes' sum. */
static inline float
lane_sum(Vector v)
{
#ifdef __AVX512F__
	return _mm512_reduce_add_ps((__m512) v);
#else
	float		total = 0;

	for (int k = 0; k < LANES; k++)
		total += v[k];
	return total;
#endif
}

/* Add a span's float32 sums to doubles. */
static inline void
add_to_doubles(double *sums, int n, Pair v)
{
	for (int k = 0; k < lower(n); k++)
		sums[k] += v.low[k];
	for (int k = 0; k < higher(n); k++)
		sums[LANES + k] += v.high[k];
}
#endif

/* Does this build store whole lines at a time? */
#if defined(__AVX512BF16__) || (defined(__AVX512F__) && !KERNEL_STORAGE_BF16)
#define SPANS_STREAM
#endif

#define LOAD_PAIR KERNEL_NAME(load_pair)
#define STORE_PAIR KERNEL_NAME(store_pair)

static inline Pair
LOAD_PAIR(const STORED *p, int n)
{
	return (Pair) {LOAD(p, lower(n)), LOAD(p + lower(n), higher(n))};
}

static inline void
STORE_PAIR(STORED *p, int n, Pair v)
{
	STORE(p, lower(n), v.low);
	STORE(p + lower(n), higher(n), v.high);
}

/*
 * Is the output written past the caches? Where it is larger than they are
 * that saves reading what is overwritten. Not where the same lines were read
 * just before, and only where a pair fills a line.
 */
static inline bool
KERNEL_NAME(streams) (const void *from, const void *to, long stride, long pixels)
{
#ifdef SPANS_STREAM
	return to != from && (((uintptr_t) to | (uintptr_t) (stride * sizeof(STORED))) & 63) == 0 &&
		pixels * stride * (long) sizeof(STORED) >= STREAM_BYTES;
#else
	(void) from;
	(void) to;
	(void) stride;
	(void) pixels;
	return false;
#endif
}

/* Store a pair that may go past the caches. */
static inline void
KERNEL_NAME(store_out) (STORED *p, int n, Pair v, bool stream)
{
#ifdef SPANS_STREAM
	if (stream && n == SPAN_CHANNELS)
	{
#if KERNEL_STORAGE_BF16
		_mm512_stream_si512((__m512i *) p, (__m512i) _mm512_cvtne2ps_pbh((__m512) v.high, (__m512) v.low));
#else
		_mm512_stream_ps((float *) p, (__m512) v.low);
		_mm512_stream_ps((float *) p + LANES, (__m512) v.high);
#endif
		return;
	}
#else
	(void) stream;
#endif
	STORE_PAIR(p, n, v);
}

/* Have streamed stores seen by all. */
static inline void
KERNEL_NAME(settle) (void)
{
#ifdef SPANS_STREAM
	_mm_sfence();
#endif
}

SPAN_FUNCTION
KERNEL_NAME(affine_span) (const AffineArgs *args, int stream, long begin, long end, int c, int n)
{
	const STORED *x = (const STORED *) args->x + begin * args->x_stride + c;
	const STORED *residual = args->residual == NULL ? NULL :
		(const STORED *) args->residual + begin * args->residual_stride + c;
	STORED	   *y = (STORED *) args->y + begin * args->y_stride + c;
	Pair		scale = load_channels(args->scale, c, n, 1);
	Pair		shift = load_channels(args->shift, c, n, 0);
	Vector		floor = splat(args->relu ? 0 : -INFINITY);
	long		x_stride = args->x_stride;
	long		y_stride = args->y_stride;
	long		residual_stride = args->residual_stride;

	for (long i = begin; i < end; i++, x += x_stride, y += y_stride)
	{
		Pair		v = multiply_add(LOAD_PAIR(x, n), scale, shift);

		if (residual != NULL)
		{
			v = sum(v, LOAD_PAIR(residual, n));
			residual += residual_stride;
		}
		__builtin_prefetch(x + AHEAD * x_stride);
		KERNEL_NAME(store_out) (y, n, (Pair) {at_least(v.low, floor), at_least(v.high, floor)}, stream);
	}
}

static void
KERNEL_NAME(affine) (void *data, int worker, long begin, long end)
{
	const AffineArgs *args = data;
	bool		stream = KERNEL_NAME(streams) (args->x, args->y, args->y_stride, end - begin);

	(void) worker;
	EACH_SPAN(affine_span, args, stream)
	KERNEL_NAME(settle) ();
}

SPAN_FUNCTION
KERNEL_NAME(moments_span) (const MomentArgs *args, int worker, long begin, long end, int c, int n)
{
	const STORED *x = (const STORED *) args->x + begin * args->x_stride + c;
	Pair		origin = load_channels(args->origin, c, n, 0);
	double	   *sums = args->sums + (size_t) worker * 2 * args->channels + c;
	Pair		total = {{0}, {0}};
	Pair		square = total;
	long		x_stride = args->x_stride;

	for (long i = begin; i < end; i++, x += x_stride)
	{
		Pair		v = LOAD_PAIR(x, n);

		__builtin_prefetch(x + AHEAD * x_stride);
		v.low -= origin.low;
		v.high -= origin.high;
		total = sum(total, v);
		square = multiply_add(v, v, square);
	}
	add_to_doubles(sums, n, total);
	add_to_doubles(sums + args->channels, n, square);
}

static void
KERNEL_NAME(moments) (void *data, int worker, long begin, long end)
{
	const MomentArgs *args = data;

	EACH_SPAN(moments_span, args, worker)
}

/* Where a span of the gradient of batch norm stands, and its channels. */
typedef struct KERNEL_NAME(NormSpan)
{
	const STORED *x;
	const STORED *y;
	const STORED *dy;
	Pair		scale;
	Pair		shift;
} KERNEL_NAME(NormSpan);

static inline KERNEL_NAME(NormSpan)
KERNEL_NAME(norm_span) (const NormGradientArgs *args, long begin, int c, int n)
{
	KERNEL_NAME(NormSpan) span = {
		.x = (const STORED *) args->x + begin * args->channels + c,
		.y = args->y == NULL ? NULL : (const STORED *) args->y + begin * args->y_stride + c,
		.dy = (const STORED *) args->dy + begin * args->dy_stride + c,
		.scale = load_channels(args->scale, c, n, 1),
		.shift = load_channels(args->shift, c, n, 0),
	};

	return span;
}

/* The part of dy that passed the ReLU at a pixel whose input is x. */
static inline Pair
KERNEL_NAME(passed) (const KERNEL_NAME(NormSpan) *span, bool relu, int n, Pair x)
{
	Pair		dz = LOAD_PAIR(span->dy, n);

	if (!relu)
		return dz;
	if (span->y != NULL)
		return where_positive(LOAD_PAIR(span->y, n), dz);
	return where_positive(multiply_add(x, span->scale, span->shift), dz);
}

SPAN_FUNCTION
KERNEL_NAME(norm_gradient_sums_span) (const NormGradientArgs *args, int worker, long begin, long end, int c, int n)
{
	KERNEL_NAME(NormSpan) span = KERNEL_NAME(norm_span) (args, begin, c, n);
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
		Pair		x = LOAD_PAIR(span.x, n);
		Pair		dz = KERNEL_NAME(passed) (&span, relu, n, x);

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
KERNEL_NAME(norm_gradient_sums) (void *data, int worker, long begin, long end)
{
	const NormGradientArgs *args = data;

	EACH_SPAN(norm_gradient_sums_span, args, worker)
}

SPAN_FUNCTION
KERNEL_NAME(norm_gradient_span) (const NormGradientArgs *args, int stream, long begin, long end, int c, int n)
{
	KERNEL_NAME(NormSpan) span = KERNEL_NAME(norm_span) (args, begin, c, n);
	Pair		slope_dz = load_channels(args->slope_dz, c, n, 0);
	Pair		slope_x = load_channels(args->slope_x, c, n, 0);
	Pair		offset = load_channels(args->offset, c, n, 0);
	STORED	   *dx = (STORED *) args->dx + begin * args->channels + c;
	STORED	   *dresidual = args->dresidual == NULL ? NULL :
		(STORED *) args->dresidual + begin * args->dresidual_stride + c;
	bool		relu = args->relu;
	bool		accumulate = args->accumulate;
	bool		accumulate_residual = args->accumulate_residual;
	long		x_stride = args->channels;
	long		y_stride = span.y != NULL ? args->y_stride : 0;
	long		dy_stride = args->dy_stride;
	long		dresidual_stride = args->dresidual_stride;

	for (long i = begin; i < end; i++, span.x += x_stride, span.y += y_stride, span.dy += dy_stride, dx += x_stride)
	{
		Pair		x = LOAD_PAIR(span.x, n);
		Pair		dz = KERNEL_NAME(passed) (&span, relu, n, x);
		Pair		v;

		if (dresidual != NULL)
		{
			STORE_PAIR(dresidual, n, accumulate_residual ? sum(dz, LOAD_PAIR(dresidual, n)) : dz);
			dresidual += dresidual_stride;
		}
		v = multiply_add(dz, slope_dz, multiply_add(x, slope_x, offset));
		if (accumulate)
			v = sum(v, LOAD_PAIR(dx, n));
		__builtin_prefetch(span.x + AHEAD * x_stride);
		__builtin_prefetch(span.dy + AHEAD * dy_stride);
		KERNEL_NAME(store_out) (dx, n, v, stream);
	}
}

static void
KERNEL_NAME(norm_gradient) (void *data, int worker, long begin, long end)
{
	const NormGradientArgs *args = data;
	bool		stream = !args->accumulate && args->dx != args->dresidual &&
		KERNEL_NAME(streams) (args->dy, args->dx, args->channels, end - begin);

	(void) worker;
	EACH_SPAN(norm_gradient_span, args, stream)
	KERNEL_NAME(settle) ();
}

SPAN_FUNCTION
KERNEL_NAME(add_span) (const AddArgs *args, int stream, long begin, long end, int c, int n)
{
	const STORED *a = (const STORED *) args->a + begin * args->a_stride + c;
	const STORED *b = args->b == NULL ? NULL : (const STORED *) args->b + begin * args->b_stride + c;
	STORED	   *y = (STORED *) args->y + begin * args->y_stride + c;
	long		a_stride = args->a_stride;
	long		b_stride = b != NULL ? args->b_stride : 0;
	long		y_stride = args->y_stride;

	for (long i = begin; i < end; i++, a += a_stride, b += b_stride, y += y_stride)
	{
		Pair		v = LOAD_PAIR(a, n);

		__builtin_prefetch(a + AHEAD * a_stride);
		if (b != NULL)
			v = sum(v, LOAD_PAIR(b, n));
		KERNEL_NAME(store_out) (y, n, v, stream);
	}
}

static void
KERNEL_NAME(add) (void *data, int worker, long begin, long end)
{
	const AddArgs *args = data;
	bool		stream = args->y != args->b && KERNEL_NAME(streams) (args->a, args->y, args->y_stride, end - begin);

	(void) worker;
	EACH_SPAN(add_span, args, stream)
	KERNEL_NAME(settle) ();
}

SPAN_FUNCTION
KERNEL_NAME(relu_gradient_span) (const ReluGradientArgs *args, int worker, long begin, long end, int c, int n)
{
	const STORED *y = (const STORED *) args->y + begin * args->y_stride + c;
	const STORED *dy = (const STORED *) args->dy + begin * args->dy_stride + c;
	STORED	   *dx = (STORED *) args->dx + begin * args->dx_stride + c;
	bool		accumulate = args->accumulate;
	long		y_stride = args->y_stride;
	long		dy_stride = args->dy_stride;
	long		dx_stride = args->dx_stride;

	(void) worker;
	for (long i = begin; i < end; i++, y += y_stride, dy += dy_stride, dx += dx_stride)
	{
		Pair		v = where_positive(LOAD_PAIR(y, n), LOAD_PAIR(dy, n));

		STORE_PAIR(dx, n, accumulate ? sum(v, LOAD_PAIR(dx, n)) : v);
	}
}

static void
KERNEL_NAME(relu_gradient) (void *data, int worker, long begin, long end)
{
	const ReluGradientArgs *args = data;

	EACH_SPAN(relu_gradient_span, args, worker)
}

SPAN_FUNCTION
KERNEL_NAME(gelu_span) (const GeluArgs *args, int stream, long begin, long end, int c, int n)
{
	const STORED *x = (const STORED *) args->x + begin * args->x_stride + c;
	STORED	   *y = (STORED *) args->y + begin * args->y_stride + c;
	long		x_stride = args->x_stride;
	long		y_stride = args->y_stride;

	for (long i = begin; i < end; i++, x += x_stride, y += y_stride)
	{
		Pair		v = LOAD_PAIR(x, n);
		Vector		gauss;

		__builtin_prefetch(x + AHEAD * x_stride);
		v.low *= normal_probability(v.low, &gauss);
		v.high *= normal_probability(v.high, &gauss);
		KERNEL_NAME(store_out) (y, n, v, stream);
	}
}

static void
KERNEL_NAME(gelu) (void *data, int worker, long begin, long end)
{
	const GeluArgs *args = data;
	bool		stream = KERNEL_NAME(streams) (args->x, args->y, args->y_stride, end - begin);

	(void) worker;
	EACH_SPAN(gelu_span, args, stream)
	KERNEL_NAME(settle) ();
}

/* The derivative of x * P(x): P(x) + x * p(x). */
static inline Vector
KERNEL_NAME(gelu_slope) (Vector x)
{
	Vector		gauss;
	Vector		probability = normal_probability(x, &gauss);

	return probability + x * gauss * 0.39894228f;
}

SPAN_FUNCTION
KERNEL_NAME(gelu_gradient_span) (const GeluArgs *args, int worker, long begin, long end, int c, int n)
{
	const STORED *x = (const STORED *) args->x + begin * args->x_stride + c;
	const STORED *dy = (const STORED *) args->dy + begin * args->dy_stride + c;
	STORED	   *dx = (STORED *) args->dx + begin * args->dx_stride + c;
	bool		accumulate = args->accumulate;
	long		x_stride = args->x_stride;
	long		dy_stride = args->dy_stride;
	long		dx_stride = args->dx_stride;

	(void) worker;
	for (long i = begin; i < end; i++, x += x_stride, dy += dy_stride, dx += dx_stride)
	{
		Pair		v = LOAD_PAIR(x, n);
		Pair		d = LOAD_PAIR(dy, n);

		__builtin_prefetch(x + AHEAD * x_stride);
		__builtin_prefetch(dy + AHEAD * dy_stride);
		v.low = KERNEL_NAME(gelu_slope) (v.low) * d.low;
		v.high = KERNEL_NAME(gelu_slope) (v.high) * d.high;
		STORE_PAIR(dx, n, accumulate ? sum(v, LOAD_PAIR(dx, n)) : v);
	}
}

static void
KERNEL_NAME(gelu_gradient) (void *data, int worker, long begin, long end)
{
	const GeluArgs *args = data;

	EACH_SPAN(gelu_gradient_span, args, worker)
}

/* One stored value as a float, and back. */
static inline float
KERNEL_NAME(load_one) (const STORED *p)
{
#if KERNEL_STORAGE_BF16
	return bfloat16_to_float(*p);
#else
	return *p;
#endif
}

static inline void
KERNEL_NAME(store_one) (STORED *p, float value)
{
#if KERNEL_STORAGE_BF16
	*p = bfloat16_from_float(value);
#else
	*p = value;
#endif
}

static void
KERNEL_NAME(dot) (void *data, int worker, long begin, long end)
{
	const DotArgs *args = data;
	const STORED *x = (const STORED *) args->x + begin * args->x_stride;
	STORED	   *y = (STORED *) args->y + begin * args->y_stride;
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
			total += LOAD(x + c, LANES) * load_float(weights + c, LANES);
		if (c < channels)
			total += LOAD(x + c, channels - c) * load_float(weights + c, channels - c);
		value = lane_sum(total) + bias;
		if (residual)
			value += KERNEL_NAME(load_one) (y);
		KERNEL_NAME(store_one) (y, relu && value < 0 ? 0 : value);
	}
}

SPAN_FUNCTION
KERNEL_NAME(dot_gradient_span) (const DotArgs *args, int stream, long begin, long end, int c, int n)
{
	const STORED *dy = (const STORED *) args->dy + begin * args->dy_stride;
	STORED	   *dx = (STORED *) args->dx + begin * args->dx_stride + c;
	Pair		weights = load_channels(args->weights, c, n, 0);
	long		dy_stride = args->dy_stride;
	long		dx_stride = args->dx_stride;

	for (long i = begin; i < end; i++, dy += dy_stride, dx += dx_stride)
	{
		Vector		d = splat(KERNEL_NAME(load_one) (dy));

		KERNEL_NAME(store_out) (dx, n, (Pair) {d * weights.low, d * weights.high}, stream);
	}
}

static void
KERNEL_NAME(dot_gradient) (void *data, int worker, long begin, long end)
{
	const DotArgs *args = data;
	bool		stream = KERNEL_NAME(streams) (args->dy, args->dx, args->dx_stride, end - begin);

	(void) worker;
	EACH_SPAN(dot_gradient_span, args, stream)
	KERNEL_NAME(settle) ();
}

SPAN_FUNCTION
KERNEL_NAME(dot_gradient_sums_span) (const DotArgs *args, int worker, long begin, long end, int c, int n)
{
	const STORED *x = (const STORED *) args->x + begin * args->x_stride + c;
	const STORED *dy = (const STORED *) args->dy + begin * args->dy_stride;
	double	   *sums = args->sums + (size_t) worker * (args->channels + 1);
	Pair		total = {{0}, {0}};
	float		plain = 0;
	long		x_stride = args->x_stride;
	long		dy_stride = args->dy_stride;

	for (long i = begin; i < end; i++, x += x_stride, dy += dy_stride)
	{
		float		d = KERNEL_NAME(load_one) (dy);

		__builtin_prefetch(x + AHEAD * x_stride);
		total = multiply_add((Pair) {splat(d), splat(d)}, LOAD_PAIR(x, n), total);
		plain += d;
	}
	add_to_doubles(sums + c, n, total);
	if (c == 0)
		sums[args->channels] += plain;
}

static void
KERNEL_NAME(dot_gradient_sums) (void *data, int worker, long begin, long end)
{
	const DotArgs *args = data;

	EACH_SPAN(dot_gradient_sums_span, args, worker)
}

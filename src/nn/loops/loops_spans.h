/*
 * loops_spans.h: the way through memory of passes with values per channel; the
 * part of loops_template.h that norms, activations and dot products share.
 *
 * These passes read and write whole tensors. Memory should limit their speed,
 * not the loops. They go by spans: two vectors of channels (with 512 bits, a
 * cache line of bf16) down a block of pixels, with all values of the channels
 * in registers. A span function is inlined twice: for the full width, and for
 * the rest.
 */

/*
 * Pixels of a span. Sums within a span are float32, sums over spans float64.
 * It is small, so that the next span of channels of a wide tensor is in the
 * same pages.
 */
#define SPAN_PIXELS 32
#define SPAN_CHANNELS (2 * LANES)

/* Pixels to fetch ahead. */
#define AHEAD 32

/* A worker's output of this size is no longer in a cache when it is read. */
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
			function(args, detail, block, stop, c, SPAN_CHANNELS); \
		if (c < (args)->channels) \
			function(args, detail, block, stop, c, (args)->channels - c); \
	}

#define SPAN_FUNCTION static inline __attribute__((always_inline)) void

/* Two vectors of neighbouring channels. */
typedef struct Pair
{
	Vector		low;
	Vector		high;
} Pair;

/* The channels of the higher vector in a span of n channels. */
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

/* Load n floats; if the pointer is NULL, all are `otherwise`. */
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

/* Does this build store whole lines at a time? */
#if defined(__AVX512BF16__) || (defined(__AVX512F__) && !STORED_BF16)
#define SPANS_STREAM
#endif

static inline Pair
load_pair(const Stored *p, int n)
{
	return (Pair) {load(p, lower(n)), load(p + lower(n), higher(n))};
}

static inline void
store_pair(Stored *p, int n, Pair v)
{
	store(p, lower(n), v.low);
	store(p + lower(n), higher(n), v.high);
}

/*
 * Should the output be written past the caches? If it is larger than the
 * caches, that saves reading the overwritten lines. It does not pay if the
 * same lines were just read, and is only possible if a pair fills a line.
 */
static inline bool
streams(const void *from, const void *to, long stride, long pixels)
{
#ifdef SPANS_STREAM
	return to != from && (((uintptr_t) to | (uintptr_t) (stride * sizeof(Stored))) & 63) == 0 &&
		pixels * stride * (long) sizeof(Stored) >= STREAM_BYTES;
#else
	(void) from;
	(void) to;
	(void) stride;
	(void) pixels;
	return false;
#endif
}

/* Store a pair, with `stream` past the caches. */
static inline void
store_out(Stored *p, int n, Pair v, bool stream)
{
#ifdef SPANS_STREAM
	if (stream && n == SPAN_CHANNELS)
	{
#if STORED_BF16
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
	store_pair(p, n, v);
}

/* Make streamed stores visible to all threads. */
static inline void
settle(void)
{
#ifdef SPANS_STREAM
	_mm_sfence();
#endif
}

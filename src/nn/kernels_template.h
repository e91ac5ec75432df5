/*
 * kernels_template.h: the loops behind kernels.h, included once per
 * instruction set and storage type with
 *
 *   KERNEL_NAME(name)     the name with that build's suffix
 *   KERNEL_STORAGE_BF16   1 for bfloat16 tensors, 0 for float32
 *
 * A vector is as wide as the instruction set has it. Channel counts that are
 * no multiple of it end in a partial vector, whose unused lanes are zero on
 * load and dropped on store.
 */

#include "nn/vector.h"

#if KERNEL_STORAGE_BF16
#define STORED uint16_t
#else
#define STORED float
#endif
#define LOAD KERNEL_NAME(load)
#define STORE KERNEL_NAME(store)

/* Load n stored elements as floats. */
static inline Vector
LOAD(const STORED *p, int n)
{
#if !KERNEL_STORAGE_BF16
	return load_float(p, n);
#elif defined(__AVX512F__)
	__m256i		half = n == LANES ? _mm256_loadu_si256((const __m256i *) p) :
		_mm256_maskz_loadu_epi16((__mmask16) ((1u << n) - 1), p);

	return (Vector) _mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16);
#else
	VectorHalf	half = {0};

	if (n == LANES)
		memcpy(&half, p, sizeof half);
	else
		memcpy(&half, p, n * sizeof(uint16_t));
	return (Vector) (__builtin_convertvector(half, VectorUnsigned) << 16);
#endif
}

#if KERNEL_STORAGE_BF16
/* Round to nearest even. */
static inline VectorHalf
KERNEL_NAME(round) (Vector v)
{
#ifdef __AVX512BF16__
	return (VectorHalf) _mm512_cvtneps_pbh((__m512) v);
#else
	VectorUnsigned bits = (VectorUnsigned) v;
	VectorUnsigned nan = (VectorUnsigned) (v != v);
	VectorUnsigned rounded = bits + 0x7FFF + ((bits >> 16) & 1);

	return __builtin_convertvector(((rounded & ~nan) | ((bits | 0x400000) & nan)) >> 16, VectorHalf);
#endif
}
#endif

/* Store n floats in the storage type. */
static inline void
STORE(STORED *p, int n, Vector v)
{
#if !KERNEL_STORAGE_BF16
	store_float(p, n, v);
#else
	VectorHalf	half = KERNEL_NAME(round) (v);

#ifdef __AVX512F__
	if (n == LANES)
		_mm256_storeu_si256((__m256i *) p, (__m256i) half);
	else
		_mm256_mask_storeu_epi16(p, (__mmask16) ((1u << n) - 1), (__m256i) half);
#else
	if (n == LANES)
		memcpy(p, &half, sizeof half);
	else
		memcpy(p, &half, n * sizeof(uint16_t));
#endif
#endif
}

/* Not under ASan, whose stand-in for the stack is not aligned as gcc takes
 * these arrays to be. */
static __attribute__((no_sanitize("address"))) void
KERNEL_NAME(input) (void *data, int worker, long begin, long end)
{
	const InputArgs *args = data;
	STORED	   *y = args->y;
	float		scale[48];
	float		shift[48];
	long		i = 3 * begin;

	(void) worker;
	for (int k = 0; k < 48; k++)
	{
		scale[k] = args->scale[k % 3];
		shift[k] = args->shift[k % 3];
	}
	/* Sixteen pixels at a time: 48 values, after which channel and lane meet again. */
	for (; i < 3 * end; i += 48)
		for (int part = 0; part < 48 && i + part < 3 * end; part += LANES)
		{
			long		left = 3 * end - i - part;
			int			n = left < LANES ? (int) left : LANES;
			Vector		v = __builtin_convertvector(load_bytes(args->rgb + i + part, n), Vector);

			STORE(y + i + part, n, v * load_float(scale + part, LANES) + load_float(shift + part, LANES));
		}
}

#include "nn/kernels_channels.h"
#include "nn/kernels_windows.h"
#include "nn/kernels_roi.h"

static void
KERNEL_NAME(to_float) (void *data, int worker, long begin, long end)
{
	const ConvertArgs *args = data;
	const STORED *from = args->from;
	float	   *to = args->to;

	(void) worker;
	for (long i = begin; i < end; i += LANES)
	{
		int			n = end - i < LANES ? (int) (end - i) : LANES;
		Vector		v = LOAD(from + i, n);

		store_float(to + i, n, v);
	}
}

static void
KERNEL_NAME(to_probability) (void *data, int worker, long begin, long end)
{
	const ConvertArgs *args = data;
	const STORED *from = args->from;
	float	   *to = args->to;

	(void) worker;
	for (long i = begin; i < end; i += LANES)
	{
		int			n = end - i < LANES ? (int) (end - i) : LANES;
		Vector		v = 1.0f / (1.0f + exponential(-LOAD(from + i, n)));

		store_float(to + i, n, v);
	}
}

static void
KERNEL_NAME(from_float) (void *data, int worker, long begin, long end)
{
	const ConvertArgs *args = data;
	const float *from = args->from;
	STORED	   *to = args->to;

	(void) worker;
	for (long i = begin; i < end; i += LANES)
	{
		int			n = end - i < LANES ? (int) (end - i) : LANES;

		STORE(to + i, n, load_float(from + i, n));
	}
}

static void
KERNEL_NAME(adam) (void *data, int worker, long begin, long end)
{
	const AdamArgs *args = data;

	(void) worker;
	for (long i = begin; i < end; i += LANES)
	{
		int			n = end - i < LANES ? (int) (end - i) : LANES;
		Vector		g = load_float(args->gradients + i, n) * args->gradient_scale;
		Vector		w = load_float(args->weights + i, n) * args->keep;
		Vector		m = load_float(args->first + i, n);
		Vector		v = load_float(args->second + i, n);

		m += (g - m) * (1 - args->beta1);
		v += (g * g - v) * (1 - args->beta2);
		w -= args->step_size * m / (square_root(v) * args->inverse_root + args->epsilon);
		store_float(args->first + i, n, m);
		store_float(args->second + i, n, v);
		store_float(args->weights + i, n, w);
	}
}

/* Values squared and summed in float32 before the sum goes to float64. */
#ifndef SQUARE_BLOCK
#define SQUARE_BLOCK 256
#endif

static void
KERNEL_NAME(squares) (void *data, int worker, long begin, long end)
{
	const SquareArgs *args = data;

	for (long block = begin; block < end; block += SQUARE_BLOCK)
	{
		long		stop = block + SQUARE_BLOCK < end ? block + SQUARE_BLOCK : end;
		Vector		sum = {0};

		for (long i = block; i < stop; i += LANES)
		{
			Vector		v = load_float(args->values + i, stop - i < LANES ? (int) (stop - i) : LANES);

			sum += v * v;
		}
		for (int k = 0; k < LANES; k++)
			args->sums[worker] += sum[k];
	}
}

const Kernels KERNEL_NAME(kernels) = {
	.input = KERNEL_NAME(input),
	.affine = KERNEL_NAME(affine),
	.moments = KERNEL_NAME(moments),
	.norm_gradient_sums = KERNEL_NAME(norm_gradient_sums),
	.norm_gradient = KERNEL_NAME(norm_gradient),
	.max_pool = KERNEL_NAME(max_pool),
	.max_pool_gradient = KERNEL_NAME(max_pool_gradient),
	.add = KERNEL_NAME(add),
	.relu_gradient = KERNEL_NAME(relu_gradient),
	.gelu = KERNEL_NAME(gelu),
	.gelu_gradient = KERNEL_NAME(gelu_gradient),
	.dot = KERNEL_NAME(dot),
	.dot_gradient = KERNEL_NAME(dot_gradient),
	.dot_gradient_sums = KERNEL_NAME(dot_gradient_sums),
	.resize = KERNEL_NAME(resize),
	.resize_gradient = KERNEL_NAME(resize_gradient),
	.roi_align = KERNEL_NAME(roi_align),
	.roi_align_gradient = KERNEL_NAME(roi_align_gradient),
	.to_float = KERNEL_NAME(to_float),
	.to_probability = KERNEL_NAME(to_probability),
	.from_float = KERNEL_NAME(from_float),
	.adam = KERNEL_NAME(adam),
	.squares = KERNEL_NAME(squares),
};

#undef STORED
#undef LOAD
#undef STORE
#undef LOAD_PAIR
#undef STORE_PAIR
#undef SPANS_STREAM

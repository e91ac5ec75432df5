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
#if KERNEL_STORAGE_BF16
	VectorHalf	half = {0};

	if (n == LANES)
		memcpy(&half, p, sizeof half);
	else
		memcpy(&half, p, n * sizeof(uint16_t));
	return (Vector) (__builtin_convertvector(half, VectorUnsigned) << 16);
#else
	return load_float(p, n);
#endif
}

/* Store n floats in the storage type, rounding to nearest even. */
static inline void
STORE(STORED *p, int n, Vector v)
{
#if KERNEL_STORAGE_BF16
#ifdef __AVX512BF16__
	__m256bh	half = _mm512_cvtneps_pbh((__m512) v);
#else
	VectorUnsigned bits = (VectorUnsigned) v;
	VectorUnsigned nan = (VectorUnsigned) (v != v);
	VectorUnsigned rounded = bits + 0x7FFF + ((bits >> 16) & 1);
	VectorHalf	half = __builtin_convertvector(((rounded & ~nan) | ((bits | 0x400000) & nan)) >> 16, VectorHalf);
#endif
#else
	Vector		half = v;
#endif

	if (n == LANES)
		memcpy(p, &half, LANES * sizeof(STORED));
	else
		memcpy(p, &half, n * sizeof(STORED));
}

static void
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
			VectorByte	bytes = {0};
			Vector		v;

			memcpy(&bytes, args->rgb + i + part, n);
			v = __builtin_convertvector(__builtin_convertvector(bytes, VectorInt), Vector);
			STORE(y + i + part, n, v * load_float(scale + part, LANES) + load_float(shift + part, LANES));
		}
}

static void
KERNEL_NAME(affine) (void *data, int worker, long begin, long end)
{
	const AffineArgs *args = data;
	const STORED *x = args->x;
	const STORED *residual = args->residual;
	STORED	   *y = args->y;

	(void) worker;
	for (long i = begin; i < end; i++)
		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			Vector		v = LOAD(x + i * args->x_stride + c, n);

			if (args->scale != NULL)
				v *= load_float(args->scale + c, n);
			if (args->shift != NULL)
				v += load_float(args->shift + c, n);
			if (residual != NULL)
				v += LOAD(residual + i * args->residual_stride + c, n);
			if (args->relu)
				v = positive_part(v);
			STORE(y + i * args->y_stride + c, n, v);
		}
}

/* Pixels summed in float32 before the sum goes to float64. */
#ifndef SUM_BLOCK
#define SUM_BLOCK 256
#endif

/* Add a vector's n lanes to doubles. */
static inline void
KERNEL_NAME(add_lanes) (double *sums, int n, Vector v)
{
	float		lanes[LANES];

	memcpy(lanes, &v, sizeof lanes);
	for (int k = 0; k < n; k++)
		sums[k] += lanes[k];
}

static void
KERNEL_NAME(moments) (void *data, int worker, long begin, long end)
{
	const MomentArgs *args = data;
	const STORED *x = args->x;
	double	   *sums = args->sums + (size_t) worker * 2 * args->channels;

	for (long block = begin; block < end; block += SUM_BLOCK)
	{
		long		stop = block + SUM_BLOCK < end ? block + SUM_BLOCK : end;

		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			Vector		origin = {0};
			Vector		sum = {0};
			Vector		square = {0};

			if (args->origin != NULL)
				origin = load_float(args->origin + c, n);
			for (long i = block; i < stop; i++)
			{
				Vector		v = LOAD(x + i * args->x_stride + c, n) - origin;

				sum += v;
				square += v * v;
			}
			KERNEL_NAME(add_lanes) (sums + c, n, sum);
			KERNEL_NAME(add_lanes) (sums + args->channels + c, n, square);
		}
	}
}

/* The part of dy that passed the ReLU, at pixel i, channel c. */
static inline Vector
KERNEL_NAME(passed) (const NormGradientArgs *args, long i, int c, int n, Vector x)
{
	Vector		dz = LOAD((const STORED *) args->dy + i * args->dy_stride + c, n);
	Vector		sign;

	if (!args->relu)
		return dz;
	if (args->y != NULL)
		sign = LOAD((const STORED *) args->y + i * args->y_stride + c, n);
	else
		sign = x * load_float(args->scale + c, n) + load_float(args->shift + c, n);
	return select_lanes(sign > (Vector) {0}, dz, (Vector) {0});
}

static void
KERNEL_NAME(norm_gradient_sums) (void *data, int worker, long begin, long end)
{
	const NormGradientArgs *args = data;
	const STORED *x = args->x;
	double	   *sums = args->sums + (size_t) worker * 2 * args->channels;

	for (long block = begin; block < end; block += SUM_BLOCK)
	{
		long		stop = block + SUM_BLOCK < end ? block + SUM_BLOCK : end;

		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			Vector		mean = load_float(args->mean + c, n);
			Vector		sum = {0};
			Vector		product = {0};

			for (long i = block; i < stop; i++)
			{
				Vector		v = LOAD(x + i * args->channels + c, n);
				Vector		dz = KERNEL_NAME(passed) (args, i, c, n, v);

				sum += dz;
				product += dz * (v - mean);
			}
			product *= load_float(args->inverse_std + c, n);
			KERNEL_NAME(add_lanes) (sums + c, n, sum);
			KERNEL_NAME(add_lanes) (sums + args->channels + c, n, product);
		}
	}
}

static void
KERNEL_NAME(norm_gradient) (void *data, int worker, long begin, long end)
{
	const NormGradientArgs *args = data;
	const STORED *x = args->x;
	STORED	   *dx = args->dx;
	STORED	   *dresidual = args->dresidual;

	(void) worker;
	for (long i = begin; i < end; i++)
		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			Vector		v = LOAD(x + i * args->channels + c, n);
			Vector		dz = KERNEL_NAME(passed) (args, i, c, n, v);

			if (dresidual != NULL)
			{
				STORED	   *target = dresidual + i * args->dresidual_stride + c;

				STORE(target, n, args->accumulate_residual ? dz + LOAD(target, n) : dz);
			}
			v = dz * load_float(args->slope_dz + c, n) + v * load_float(args->slope_x + c, n) +
				load_float(args->offset + c, n);
			if (args->accumulate)
				v += LOAD(dx + i * args->channels + c, n);
			STORE(dx + i * args->channels + c, n, v);
		}
}

#include "nn/kernels_windows.h"

static void
KERNEL_NAME(add) (void *data, int worker, long begin, long end)
{
	const AddArgs *args = data;
	const STORED *a = args->a;
	const STORED *b = args->b;
	STORED	   *y = args->y;

	(void) worker;
	for (long i = begin; i < end; i++)
		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			Vector		v = LOAD(a + i * args->a_stride + c, n);

			if (b != NULL)
				v += LOAD(b + i * args->b_stride + c, n);
			STORE(y + i * args->y_stride + c, n, v);
		}
}

static void
KERNEL_NAME(relu_gradient) (void *data, int worker, long begin, long end)
{
	const ReluGradientArgs *args = data;
	const STORED *y = args->y;
	const STORED *dy = args->dy;
	STORED	   *dx = args->dx;

	(void) worker;
	for (long i = begin; i < end; i++)
		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			STORED	   *target = dx + i * args->dx_stride + c;
			Vector		v = select_lanes(LOAD(y + i * args->y_stride + c, n) > (Vector) {0},
										 LOAD(dy + i * args->dy_stride + c, n), (Vector) {0});

			STORE(target, n, args->accumulate ? v + LOAD(target, n) : v);
		}
}

static void
KERNEL_NAME(gelu) (void *data, int worker, long begin, long end)
{
	const GeluArgs *args = data;

	(void) worker;
	for (long i = begin; i < end; i++)
		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			Vector		x = LOAD((const STORED *) args->x + i * args->x_stride + c, n);
			Vector		gauss;

			STORE((STORED *) args->y + i * args->y_stride + c, n, x * normal_probability(x, &gauss));
		}
}

/* The derivative of x * P(x) is P(x) + x * p(x). */
static void
KERNEL_NAME(gelu_gradient) (void *data, int worker, long begin, long end)
{
	const GeluArgs *args = data;

	(void) worker;
	for (long i = begin; i < end; i++)
		for (int c = 0; c < args->channels; c += LANES)
		{
			int			n = lanes_left(args->channels, c);
			STORED	   *target = (STORED *) args->dx + i * args->dx_stride + c;
			Vector		x = LOAD((const STORED *) args->x + i * args->x_stride + c, n);
			Vector		dy = LOAD((const STORED *) args->dy + i * args->dy_stride + c, n);
			Vector		gauss;
			Vector		probability = normal_probability(x, &gauss);
			Vector		v = dy * (probability + x * gauss * 0.39894228f);

			STORE(target, n, args->accumulate ? v + LOAD(target, n) : v);
		}
}

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

		memcpy(to + i, &v, n * sizeof(float));
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

		memcpy(to + i, &v, n * sizeof(float));
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
		memcpy(args->first + i, &m, n * sizeof(float));
		memcpy(args->second + i, &v, n * sizeof(float));
		memcpy(args->weights + i, &w, n * sizeof(float));
	}
}

static void
KERNEL_NAME(squares) (void *data, int worker, long begin, long end)
{
	const SquareArgs *args = data;

	for (long block = begin; block < end; block += SUM_BLOCK)
	{
		long		stop = block + SUM_BLOCK < end ? block + SUM_BLOCK : end;
		double		lanes[LANES] = {0};
		Vector		sum = {0};

		for (long i = block; i < stop; i += LANES)
		{
			Vector		v = load_float(args->values + i, stop - i < LANES ? (int) (stop - i) : LANES);

			sum += v * v;
		}
		KERNEL_NAME(add_lanes) (lanes, LANES, sum);
		for (int k = 0; k < LANES; k++)
			args->sums[worker] += lanes[k];
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
	.resize = KERNEL_NAME(resize),
	.resize_gradient = KERNEL_NAME(resize_gradient),
	.to_float = KERNEL_NAME(to_float),
	.to_probability = KERNEL_NAME(to_probability),
	.from_float = KERNEL_NAME(from_float),
	.adam = KERNEL_NAME(adam),
	.squares = KERNEL_NAME(squares),
};

#undef STORED
#undef LOAD
#undef STORE

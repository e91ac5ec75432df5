/*
 * loops_template.h: the loops behind loops.h. Each file loops_TYPE_SET.c
 * includes it once, compiled for that instruction set, with
 *
 *   LOOPS_TABLE   the name of its table, loops_f32_avx2
 *   STORED_BF16   1 for bfloat16 tensors, 0 for float32
 *
 * A vector is as wide as the instruction set has it. Channel counts that are
 * no multiple of it end in a partial vector, whose unused lanes are zero on
 * load and dropped on store.
 */
#include "nn/loops/loops.h"
#include "nn/loops/stored.h"

/* Not under ASan: its replacement of the stack does not have the alignment
 * that gcc assumes for these arrays. */
static __attribute__((no_sanitize("address"))) void
input(void *data, int worker, long begin, long end)
{
	const InputArgs *args = data;
	Stored	   *y = args->y;
	float		scale[48];
	float		shift[48];
	long		i = 3 * begin;

	(void) worker;
	for (int k = 0; k < 48; k++)
	{
		scale[k] = args->scale[k % 3];
		shift[k] = args->shift[k % 3];
	}
	/* Sixteen pixels at a time: after 48 values each lane has the same channel
	 * again. */
	for (; i < 3 * end; i += 48)
		for (int part = 0; part < 48 && i + part < 3 * end; part += LANES)
		{
			long		left = 3 * end - i - part;
			int			n = left < LANES ? (int) left : LANES;
			Vector		v = __builtin_convertvector(load_bytes(args->rgb + i + part, n), Vector);

			store(y + i + part, n, v * load_float(scale + part, LANES) + load_float(shift + part, LANES));
		}
}

#include "nn/loops/loops_spans.h"
#include "nn/loops/loops_activation.h"
#include "nn/loops/loops_norm.h"
#include "nn/loops/loops_dot.h"
#include "nn/loops/loops_windows.h"
#include "nn/loops/loops_roi.h"

static void
to_float(void *data, int worker, long begin, long end)
{
	const ConvertArgs *args = data;
	const Stored *from = args->from;
	float	   *to = args->to;

	(void) worker;
	for (long i = begin; i < end; i += LANES)
	{
		int			n = end - i < LANES ? (int) (end - i) : LANES;
		Vector		v = load(from + i, n);

		store_float(to + i, n, v);
	}
}

static void
to_probability(void *data, int worker, long begin, long end)
{
	const ConvertArgs *args = data;
	const Stored *from = args->from;
	float	   *to = args->to;

	(void) worker;
	for (long i = begin; i < end; i += LANES)
	{
		int			n = end - i < LANES ? (int) (end - i) : LANES;
		Vector		v = 1.0f / (1.0f + exponential(-load(from + i, n)));

		store_float(to + i, n, v);
	}
}

static void
from_float(void *data, int worker, long begin, long end)
{
	const ConvertArgs *args = data;
	const float *from = args->from;
	Stored	   *to = args->to;

	(void) worker;
	for (long i = begin; i < end; i += LANES)
	{
		int			n = end - i < LANES ? (int) (end - i) : LANES;

		store(to + i, n, load_float(from + i, n));
	}
}

static void
adam(void *data, int worker, long begin, long end)
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

/* So many squares are summed in float32, then the sum is added in float64. */
#define SQUARE_BLOCK 256

static void
squares(void *data, int worker, long begin, long end)
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

const Loops LOOPS_TABLE = {
	.input = input,
	.affine = affine,
	.moments = moments,
	.norm_gradient_sums = norm_gradient_sums,
	.norm_gradient = norm_gradient,
	.max_pool = max_pool,
	.max_pool_gradient = max_pool_gradient,
	.add = add,
	.relu_gradient = relu_gradient,
	.gelu = gelu,
	.gelu_gradient = gelu_gradient,
	.dot = dot,
	.dot_gradient = dot_gradient,
	.dot_gradient_sums = dot_gradient_sums,
	.resize = resize,
	.resize_gradient = resize_gradient,
	.roi_align = roi_align,
	.roi_align_gradient = roi_align_gradient,
	.to_float = to_float,
	.to_probability = to_probability,
	.from_float = from_float,
	.adam = adam,
	.squares = squares,
};

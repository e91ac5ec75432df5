/*
 * plain.c: depthwise convolution by plain loops, of any size and stride, on
 * any CPU. The reference for faster kernels.
 */
#include <string.h>

#include "core/threads.h"
#include "nn/conv/epilogue.h"
#include "nn/conv/kernels.h"
#include "nn/conv/sweep.h"

typedef struct Plain
{
	KernelPass	base;
	float	   *weights;		/* (K * K, C) */
	float	   *bias;			/* (C) */
	size_t		pixels_at;		/* scratch, per thread: (2, C) */
	size_t		sums_at;		/* scratch, per thread: (C) doubles */
} Plain;

/* One run. */
typedef struct PlainJob
{
	const Plain *state;
	const ConvolutionCall *call;
	const PassTensors *tensors;
} PlainJob;

static bool
plain_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) pass;
	return shape->groups > 1 && !use->transposed;
}

static Status
plain_plan(KernelPass *pass)
{
	Plain	   *state = (Plain *) pass;
	size_t		weights_at;
	size_t		bias_at;

	TRY(reserve_held(pass, convolution_weight_count(&pass->shape), sizeof(float), &weights_at));
	TRY(reserve_held(pass, pass->shape.y.c, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "convolution weights"));
	state->weights = arena_at(&pass->arena, weights_at);
	state->bias = arena_at(&pass->arena, bias_at);
	TRY(reserve_scratch(pass, (size_t) pass->shape.y.c * pass->use.threads, sizeof(double), &state->sums_at));
	return reserve_scratch(pass, 2 * (size_t) pass->shape.y.c * pass->use.threads, sizeof(float), &state->pixels_at);
}

static Status
plain_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	Plain	   *state = (Plain *) pass;
	int			channels = pass->shape.y.c;
	int			taps = pass->shape.kernel * pass->shape.kernel;

	(void) call;
	copy_bias(state->bias, pass->use.bias ? bias : NULL, channels);
	for (int t = 0; t < taps; t++)
		for (int c = 0; c < channels; c++)
			state->weights[(size_t) t * channels + c] = weights[(size_t) c * taps + t];
	return status_ok();
}

/*
 * The source pixel of target pixel (y, x) at a tap, or -1 for none. Forward it
 * is (y, x) * stride + tap - padding; backwards it is the pixel that this
 * formula maps to (y, x).
 */
static long
source_pixel(const KernelPass *pass, long image, int y, int x, int tap)
{
	const ConvolutionShape *shape = &pass->shape;
	TensorShape source = source_shape(pass);
	int			tap_y = tap / shape->kernel - shape->padding;
	int			tap_x = tap % shape->kernel - shape->padding;

	if (pass->pass == PASS_BACKWARD_DATA)
	{
		y -= tap_y;
		x -= tap_x;
		if (y % shape->stride != 0 || x % shape->stride != 0)
			return -1;
		y /= shape->stride;
		x /= shape->stride;
	}
	else
	{
		y = y * shape->stride + tap_y;
		x = x * shape->stride + tap_x;
	}
	if (y < 0 || y >= source.h || x < 0 || x >= source.w)
		return -1;
	return (image * source.h + y) * source.w + x;
}

/* Compute rows [begin, end) of the target, counted over all images. */
static void
convolve_rows(void *data, int worker, long begin, long end)
{
	const PlainJob *job = data;
	const KernelPass *pass = &job->state->base;
	const ConvolutionUse *use = &pass->use;
	TensorShape shape = target_shape(pass);
	float	   *restrict sums = (float *) scratch_at(job->call, job->state->pixels_at) + 2 * (size_t) worker * shape.c;
	float	   *restrict loaded = sums + shape.c;

	for (long row = begin; row < end; row++)
		for (int x = 0; x < shape.w; x++)
		{
			long		pixel = row * shape.w + x;

			memset(sums, 0, shape.c * sizeof(float));
			for (int t = 0; t < pass->shape.kernel * pass->shape.kernel; t++)
			{
				const float *restrict weights = job->state->weights + (size_t) t * shape.c;
				long		from = source_pixel(pass, row / shape.h, (int) (row % shape.h), x, t);

				if (from < 0)
					continue;
				load_floats(use->type, job->tensors->source, (size_t) from * source_stride(pass), shape.c, loaded);
				for (int c = 0; c < shape.c; c++)
					sums[c] += loaded[c] * weights[c];
			}
			finish_pixel(pass, job->tensors, job->state->bias, pixel, sums, loaded);
			store_floats(use->type, job->tensors->target, (size_t) pixel * target_stride(pass), shape.c, sums);
		}
}

/* Compute the gradients of taps [begin, end); the index after the last tap is
 * the bias. */
static void
sum_taps(void *data, int worker, long begin, long end)
{
	const PlainJob *job = data;
	const KernelPass *pass = &job->state->base;
	const ConvolutionUse *use = &pass->use;
	TensorShape shape = pass->shape.y;
	int			taps = pass->shape.kernel * pass->shape.kernel;
	float	   *restrict x = (float *) scratch_at(job->call, job->state->pixels_at) + 2 * (size_t) worker * shape.c;
	float	   *restrict dy = x + shape.c;
	double	   *restrict sums = (double *) scratch_at(job->call, job->state->sums_at) + (size_t) worker * shape.c;

	for (long t = begin; t < end; t++)
	{
		memset(sums, 0, shape.c * sizeof(double));
		for (long pixel = 0; pixel < shape_pixels(shape); pixel++)
		{
			long		row = pixel / shape.w;
			long		from = t == taps ? 0 :
				source_pixel(pass, row / shape.h, (int) (row % shape.h), (int) (pixel % shape.w), (int) t);

			if (from < 0)
				continue;
			load_floats(use->type, job->tensors->dy, (size_t) pixel * use->y_pixel_stride, shape.c, dy);
			if (t < taps)
				load_floats(use->type, job->tensors->source, (size_t) from * use->x_pixel_stride, shape.c, x);
			for (int c = 0; c < shape.c; c++)
				sums[c] += t < taps ? x[c] * dy[c] : dy[c];
		}
		for (int c = 0; c < shape.c; c++)
			if (t < taps)
				job->tensors->dw[(size_t) c * taps + t] = (float) sums[c];
			else
				job->tensors->db[c] = (float) sums[c];
	}
}

static Status
plain_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	PlainJob	job = {(const Plain *) pass, call, tensors};
	TensorShape target = target_shape(pass);
	long		taps = (long) pass->shape.kernel * pass->shape.kernel;

	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		threads_run(call->threads, tensors->db != NULL ? taps + 1 : taps, sum_taps, &job);
	else
		threads_run(call->threads, (long) target.n * target.h, convolve_rows, &job);
	return status_ok();
}

const ConvolutionKernel plain_kernel = {
	.name = "plain",
	.owner = KERNEL_REFERENCE,
	.state_size = sizeof(Plain),
	.can = plain_can,
	.plan = plain_plan,
	.set_weights = plain_set_weights,
	.run = plain_run,
};

/*
 * single_output.c: the 1x1 convolution to one channel, as dot products over
 * the channels of x (nn/loops). See kernels.h.
 */
#include <string.h>

#include "core/threads.h"
#include "nn/conv/kernels.h"
#include "nn/loops/loops.h"

typedef struct SingleOutput
{
	KernelPass	base;
	float	   *weights;		/* (C) */
	float	   *bias;			/* of y; of x (C) when transposed */
	size_t		sums_at;		/* scratch: (threads, C + 1) doubles */
} SingleOutput;

static bool
single_output_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) pass;
	return shape->y.c == 1 && shape->groups == 1 && shape->kernel == 1 && shape->stride == 1 &&
		shape->padding == 0 && use->residual_stride == 0;
}

static Status
single_output_plan(KernelPass *pass)
{
	SingleOutput *state = (SingleOutput *) pass;
	size_t		channels = pass->shape.x.c;
	size_t		weights_at;
	size_t		bias_at;

	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		return reserve_scratch(pass, pass->use.threads * (channels + 1), sizeof(double), &state->sums_at);
	TRY(reserve_held(pass, channels, sizeof(float), &weights_at));
	TRY(reserve_held(pass, channels, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "a convolution to one channel"));
	state->weights = arena_at(&pass->arena, weights_at);
	state->bias = arena_at(&pass->arena, bias_at);
	return status_ok();
}

static Status
single_output_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	SingleOutput *state = (SingleOutput *) pass;

	(void) call;
	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		return status_ok();
	memcpy(state->weights, weights, pass->shape.x.c * sizeof(float));
	copy_bias(state->bias, pass->use.bias ? bias : NULL, target_shape(pass).c);
	return status_ok();
}

static void
single_output_forward(const SingleOutput *state, int threads, const PassTensors *tensors)
{
	const ConvolutionUse *use = &state->base.use;
	DotArgs		args = {
		.x = tensors->source,.x_stride = use->x_pixel_stride,.channels = state->base.shape.x.c,
		.weights = state->weights,.bias = state->bias[0],.relu = use->relu,
		.y = tensors->target,.y_stride = use->y_pixel_stride,
	};

	threads_run(threads, shape_pixels(state->base.shape.x), loops_for(use->type)->dot, &args);
}

static void
single_output_backward_data(const SingleOutput *state, int threads, const PassTensors *tensors)
{
	const ConvolutionUse *use = &state->base.use;
	long		pixels = shape_pixels(state->base.shape.x);
	const Loops *loops = loops_for(use->type);
	DotArgs		args = {
		.channels = state->base.shape.x.c,.weights = state->weights,
		.dy = tensors->source,.dy_stride = use->y_pixel_stride,
		.dx = tensors->target,.dx_stride = use->x_pixel_stride,
	};
	AffineArgs	finish = {
		.x = tensors->target,.x_stride = use->x_pixel_stride,
		.y = tensors->target,.y_stride = use->x_pixel_stride,
		.channels = state->base.shape.x.c,.shift = state->bias,.relu = use->relu,
	};

	threads_run(threads, pixels, loops->dot_gradient, &args);
	if (use->bias || use->relu)
		threads_run(threads, pixels, loops->affine, &finish);
}

static void
single_output_backward_weights(const SingleOutput *state, const ConvolutionCall *call, const PassTensors *tensors)
{
	const ConvolutionUse *use = &state->base.use;
	int			channels = state->base.shape.x.c;
	double	   *sums = scratch_at(call, state->sums_at);
	DotArgs		args = {
		.x = tensors->source,.x_stride = use->x_pixel_stride,.channels = channels,
		.dy = tensors->dy,.dy_stride = use->y_pixel_stride,.sums = sums,
	};

	memset(sums, 0, call->threads * (channels + 1) * sizeof(double));
	threads_run(call->threads, shape_pixels(state->base.shape.x), loops_for(use->type)->dot_gradient_sums, &args);
	for (int worker = 1; worker < call->threads; worker++)
		for (int c = 0; c <= channels; c++)
			sums[c] += sums[worker * (channels + 1) + c];
	for (int c = 0; c < channels; c++)
		tensors->dw[c] = (float) sums[c];
	if (tensors->db != NULL)
		tensors->db[0] = (float) sums[channels];
}

static Status
single_output_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const SingleOutput *state = (const SingleOutput *) pass;

	switch (pass->pass)
	{
		case PASS_FORWARD:
			single_output_forward(state, call->threads, tensors);
			break;
		case PASS_BACKWARD_DATA:
			single_output_backward_data(state, call->threads, tensors);
			break;
		case PASS_BACKWARD_WEIGHTS:
			single_output_backward_weights(state, call, tensors);
			break;
	}
	return status_ok();
}

const ConvolutionKernel single_output_kernel = {
	.name = "single_output",
	.owner = KERNEL_OWN,
	.state_size = sizeof(SingleOutput),
	.can = single_output_can,
	.plan = single_output_plan,
	.set_weights = single_output_set_weights,
	.run = single_output_run,
};

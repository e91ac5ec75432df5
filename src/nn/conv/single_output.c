/*
 * single_output.c: see single_output.h. The loops are kernels (kernels.h).
 */
#include "nn/conv/single_output.h"

#include <string.h>

#include "core/arena.h"
#include "nn/conv/kernel.h"
#include "nn/loops/loops.h"

struct Convolution
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionUse use;
	const Loops *loops;
	Arena		arena;
	float	   *weights;		/* (C) */
	float	   *bias;			/* of y; of x (C) when transposed */
	double	   *sums;			/* (threads, C + 1) */
};

bool
single_output_suits(const ConvolutionShape *shape)
{
	return shape->y.c == 1 && shape->groups == 1 && shape->kernel_h == 1 && shape->kernel_w == 1 &&
		shape->stride == 1 && shape->padding == 0;
}

static void
single_output_destroy(Convolution *convolution)
{
	arena_free(&convolution->arena);
	call_free(convolution->call, convolution);
}

/* Allocate weights and sums. */
static Status
allocate(Convolution *convolution)
{
	size_t		channels = convolution->shape.x.c;
	size_t		weights_at;
	size_t		bias_at;
	size_t		sums_at;

	TRY(arena_reserve(&convolution->arena, channels * sizeof(float), &weights_at));
	TRY(arena_reserve(&convolution->arena, channels * sizeof(float), &bias_at));
	TRY(arena_reserve(&convolution->arena, convolution->call->threads * (channels + 1) * sizeof(double), &sums_at));
	TRY(arena_commit(&convolution->arena, "a convolution to one channel"));
	convolution->weights = arena_at(&convolution->arena, weights_at);
	convolution->bias = arena_at(&convolution->arena, bias_at);
	convolution->sums = arena_at(&convolution->arena, sums_at);
	return status_ok();
}

static Status
single_output_create(const Call *call, const ConvolutionShape *shape, const ConvolutionUse *use,
					 Convolution **convolution)
{
	Convolution *made;
	void	   *memory;
	Status		status;

	*convolution = NULL;
	TRY(convolution_check(shape, use));
	if (!single_output_suits(shape))
		return status_error(LS_UNSUPPORTED, "not a 1x1 convolution to one channel");
	TRY(call_alloc_array(call, 1, sizeof(Convolution), &memory));
	made = memory;
	made->call = call;
	made->shape = *shape;
	made->use = *use;
	made->loops = loops_for(use->type);
	arena_init(&made->arena, call);
	status = allocate(made);
	if (status.code != LS_OK)
		single_output_destroy(made);
	else
		*convolution = made;
	return status;
}

static bool
single_output_supports(DataType type)
{
	(void) type;
	return true;
}

static size_t
single_output_memory(const Convolution *convolution)
{
	return convolution->arena.size;
}

static Status
single_output_set_weights(Convolution *convolution, const float *weights, const float *bias)
{
	int			biases = convolution->use.transposed ? convolution->shape.x.c : 1;

	memcpy(convolution->weights, weights, convolution->shape.x.c * sizeof(float));
	memset(convolution->bias, 0, convolution->shape.x.c * sizeof(float));
	if (bias != NULL)
		memcpy(convolution->bias, bias, biases * sizeof(float));
	return status_ok();
}

/* Run a kernel over all pixels. */
static void
run(const Convolution *convolution, ThreadsTask task, void *args)
{
	threads_run(convolution->call->threads, shape_pixels(convolution->shape.x), task, args);
}

static Status
single_output_forward(Convolution *convolution, const void *x, void *y)
{
	const ConvolutionUse *use = &convolution->use;
	DotArgs		args = {
		.x = x,.x_stride = use->x_pixel_stride,.channels = convolution->shape.x.c,
		.weights = convolution->weights,.bias = use->transposed || !use->bias ? 0 : convolution->bias[0],
		.residual = use->residual,.relu = use->relu && !use->transposed,
		.y = y,.y_stride = use->y_pixel_stride,
	};

	run(convolution, convolution->loops->dot, &args);
	return status_ok();
}

static Status
single_output_backward_data(Convolution *convolution, const void *dy, void *dx)
{
	const ConvolutionUse *use = &convolution->use;
	DotArgs		args = {
		.channels = convolution->shape.x.c,.weights = convolution->weights,
		.dy = dy,.dy_stride = use->y_pixel_stride,.dx = dx,.dx_stride = use->x_pixel_stride,
	};
	AffineArgs	finish = {
		.x = dx,.x_stride = use->x_pixel_stride,.y = dx,.y_stride = use->x_pixel_stride,
		.channels = convolution->shape.x.c,.shift = use->bias ? convolution->bias : NULL,.relu = use->relu,
	};

	run(convolution, convolution->loops->dot_gradient, &args);
	if (use->transposed && (use->bias || use->relu))
		run(convolution, convolution->loops->affine, &finish);
	return status_ok();
}

static Status
single_output_backward_weights(Convolution *convolution, const void *x, const void *dy, float *dw, float *db)
{
	const ConvolutionUse *use = &convolution->use;
	int			channels = convolution->shape.x.c;
	double	   *sums = convolution->sums;
	DotArgs		args = {
		.x = x,.x_stride = use->x_pixel_stride,.channels = channels,
		.dy = dy,.dy_stride = use->y_pixel_stride,.sums = sums,
	};

	memset(sums, 0, convolution->call->threads * (channels + 1) * sizeof(double));
	run(convolution, convolution->loops->dot_gradient_sums, &args);
	for (int worker = 1; worker < convolution->call->threads; worker++)
		for (int c = 0; c <= channels; c++)
			sums[c] += sums[worker * (channels + 1) + c];
	for (int c = 0; c < channels; c++)
		dw[c] = (float) sums[c];
	if (db != NULL)
		db[0] = (float) sums[channels];
	return status_ok();
}

static const char *
single_output_implementation(const Convolution *convolution, ConvolutionPass pass)
{
	const ConvolutionUse *use = &convolution->use;
	bool		made = pass == PASS_FORWARD ? use->forward :
		pass == PASS_BACKWARD_DATA ? use->backward_data : use->backward_weights;

	return made ? "single_output" : "";
}

const Backend single_output_backend = {
	.name = "single_output",
	.supports = single_output_supports,
	.create = single_output_create,
	.destroy = single_output_destroy,
	.memory = single_output_memory,
	.set_weights = single_output_set_weights,
	.forward = single_output_forward,
	.backward_data = single_output_backward_data,
	.backward_weights = single_output_backward_weights,
	.implementation = single_output_implementation,
};

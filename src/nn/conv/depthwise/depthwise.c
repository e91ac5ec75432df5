/*
 * depthwise.c: see depthwise.h.
 *
 * The data gradient is a correlation too: of dy with the weights turned by
 * half, padded by what the forward pass does not pad.
 */
#include "nn/conv/depthwise/depthwise.h"

#include <string.h>

#include "core/arena.h"
#include "core/cpu.h"
#include "nn/conv/kernel.h"

/* Scratch for x that one item may fill: it is to stay in a core's cache. */
#define SCRATCH_BYTES ((size_t) 256 << 10)

struct Convolution
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionUse use;
	const DepthwiseKernels *loops;
	Arena		arena;
	DepthwiseArgs forward;		/* also of the weight gradient, but for y */
	DepthwiseArgs backward;
	float	   *forward_weights;	/* (KH, KW, C up to whole blocks) */
	float	   *backward_weights;	/* turned by half */
	float	   *bias;			/* (C up to whole blocks) */
};

bool
depthwise_suits(const ConvolutionShape *shape)
{
	return shape->groups > 1 && shape->groups == shape->x.c && shape->groups == shape->y.c &&
		shape->stride == 1 && shape->dilation == 1 &&
		shape->padding < shape->kernel_h && shape->padding < shape->kernel_w;
}

static const DepthwiseKernels *
kernels_of_cpu(void)
{
	const CpuFeatures *cpu = cpu_features();

	return cpu->avx512 ? &depthwise_avx512 : cpu->avx2 ? &depthwise_avx2 : &depthwise_baseline;
}

/* Divide the rows of y into bands of one height whose scratch fits the cache. */
static void
divide(DepthwiseArgs *args)
{
	size_t		row = (size_t) depthwise_columns(args) * DEPTHWISE_BLOCK * sizeof(float);
	int			rows = (int) (SCRATCH_BYTES / row) - (args->kernel_h - 1);

	if (rows < args->kernel_h)
		rows = args->kernel_h;
	args->blocks = (args->y_shape.c + DEPTHWISE_BLOCK - 1) / DEPTHWISE_BLOCK;
	args->bands = (args->y_shape.h + rows - 1) / rows;
	args->band = (args->y_shape.h + args->bands - 1) / args->bands;
	args->bands = (args->y_shape.h + args->band - 1) / args->band;
	args->scratch_size = depthwise_x_scratch(args) + depthwise_y_scratch(args) + depthwise_tap_scratch(args);
}

/* What the loops need to know of either direction. */
static void
describe(Convolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	const ConvolutionUse *use = &convolution->use;

	convolution->forward = (DepthwiseArgs) {
		.type = use->type,
		.x_shape = shape->x,.x_stride = use->x_pixel_stride,
		.y_shape = shape->y,.y_stride = use->y_pixel_stride,
		.kernel_h = shape->kernel_h,.kernel_w = shape->kernel_w,
		.padding_h = shape->padding,.padding_w = shape->padding,
		.residual = use->residual,.relu = use->relu,
	};
	convolution->backward = (DepthwiseArgs) {
		.type = use->type,
		.x_shape = shape->y,.x_stride = use->y_pixel_stride,
		.y_shape = shape->x,.y_stride = use->x_pixel_stride,
		.kernel_h = shape->kernel_h,.kernel_w = shape->kernel_w,
		.padding_h = shape->kernel_h - 1 - shape->padding,.padding_w = shape->kernel_w - 1 - shape->padding,
	};
	divide(&convolution->forward);
	divide(&convolution->backward);
}

/* Allocate weights, sums and scratch. */
static Status
allocate(Convolution *convolution)
{
	DepthwiseArgs *forward = &convolution->forward;
	DepthwiseArgs *backward = &convolution->backward;
	size_t		threads = convolution->call->threads;
	size_t		width = (size_t) forward->blocks * DEPTHWISE_BLOCK;
	size_t		taps = (size_t) forward->kernel_h * forward->kernel_w;
	size_t		larger = forward->scratch_size > backward->scratch_size ? forward->scratch_size : backward->scratch_size;
	size_t		weights_at;
	size_t		turned_at;
	size_t		bias_at;
	size_t		sums_at;
	size_t		scratch_at;

	TRY(arena_reserve(&convolution->arena, taps * width * sizeof(float), &weights_at));
	TRY(arena_reserve(&convolution->arena, taps * width * sizeof(float), &turned_at));
	TRY(arena_reserve(&convolution->arena, width * sizeof(float), &bias_at));
	TRY(arena_reserve(&convolution->arena, convolution->use.backward_weights ?
					  threads * (taps + 1) * width * sizeof(double) : 0, &sums_at));
	TRY(arena_reserve(&convolution->arena, threads * larger * sizeof(float), &scratch_at));
	TRY(arena_commit(&convolution->arena, "a depthwise convolution"));
	convolution->forward_weights = arena_at(&convolution->arena, weights_at);
	convolution->backward_weights = arena_at(&convolution->arena, turned_at);
	convolution->bias = arena_at(&convolution->arena, bias_at);
	forward->weights = convolution->forward_weights;
	forward->bias = convolution->use.bias ? convolution->bias : NULL;
	backward->weights = convolution->backward_weights;
	forward->sums = arena_at(&convolution->arena, sums_at);
	forward->scratch = backward->scratch = arena_at(&convolution->arena, scratch_at);
	forward->scratch_size = backward->scratch_size = larger;
	return status_ok();
}

static void
depthwise_destroy(Convolution *convolution)
{
	arena_free(&convolution->arena);
	call_free(convolution->call, convolution);
}

Status
depthwise_create_with(const DepthwiseKernels *kernels, const Call *call, const ConvolutionShape *shape,
					  const ConvolutionUse *use, Convolution **convolution)
{
	Convolution *made;
	void	   *memory;
	Status		status;

	*convolution = NULL;
	TRY(convolution_check(shape, use));
	if (!depthwise_suits(shape))
		return status_error(LS_UNSUPPORTED, "not a depthwise convolution of stride 1");
	TRY(call_alloc_array(call, 1, sizeof(Convolution), &memory));
	made = memory;
	made->call = call;
	made->shape = *shape;
	made->use = *use;
	made->loops = kernels;
	arena_init(&made->arena, call);
	describe(made);
	status = allocate(made);
	if (status.code != LS_OK)
		depthwise_destroy(made);
	else
		*convolution = made;
	return status;
}

static Status
depthwise_create(const Call *call, const ConvolutionShape *shape, const ConvolutionUse *use,
				 Convolution **convolution)
{
	return depthwise_create_with(kernels_of_cpu(), call, shape, use, convolution);
}

static bool
depthwise_supports(DataType type)
{
	(void) type;
	return true;
}

static size_t
depthwise_memory(const Convolution *convolution)
{
	return convolution->arena.size;
}

static Status
depthwise_set_weights(Convolution *convolution, const float *weights, const float *bias)
{
	int			channels = convolution->shape.y.c;
	int			taps = convolution->shape.kernel_h * convolution->shape.kernel_w;
	size_t		width = (size_t) convolution->forward.blocks * DEPTHWISE_BLOCK;

	for (int c = 0; c < channels; c++)
		for (int t = 0; t < taps; t++)
		{
			convolution->forward_weights[t * width + c] = weights[(size_t) c * taps + t];
			convolution->backward_weights[(taps - 1 - t) * width + c] = weights[(size_t) c * taps + t];
		}
	memset(convolution->bias, 0, width * sizeof(float));
	if (bias != NULL)
		memcpy(convolution->bias, bias, channels * sizeof(float));
	return status_ok();
}

/* Run a task over the items of args. */
static void
run_items(const Convolution *convolution, DepthwiseArgs *args, ThreadsTask task)
{
	threads_run(convolution->call->threads, (long) args->x_shape.n * args->bands * args->blocks, task, args);
}

static Status
depthwise_forward(Convolution *convolution, const void *x, void *y)
{
	convolution->forward.x = x;
	convolution->forward.y = y;
	run_items(convolution, &convolution->forward, convolution->loops->correlate);
	return status_ok();
}

static Status
depthwise_backward_data(Convolution *convolution, const void *dy, void *dx)
{
	convolution->backward.x = dy;
	convolution->backward.y = dx;
	run_items(convolution, &convolution->backward, convolution->loops->correlate);
	return status_ok();
}

static Status
depthwise_backward_weights(Convolution *convolution, const void *x, const void *dy, float *dw, float *db)
{
	DepthwiseArgs *args = &convolution->forward;
	int			channels = convolution->shape.y.c;
	int			taps = args->kernel_h * args->kernel_w;
	size_t		width = (size_t) args->blocks * DEPTHWISE_BLOCK;
	size_t		count = (taps + 1) * width;

	args->x = x;
	args->y = (void *) dy;
	memset(args->sums, 0, convolution->call->threads * count * sizeof(double));
	run_items(convolution, args, convolution->loops->gradient);
	for (int worker = 1; worker < convolution->call->threads; worker++)
		for (size_t i = 0; i < count; i++)
			args->sums[i] += args->sums[worker * count + i];
	for (int c = 0; c < channels; c++)
		for (int t = 0; t < taps; t++)
			dw[(size_t) c * taps + t] = (float) args->sums[t * width + c];
	for (int c = 0; c < channels && db != NULL; c++)
		db[c] = (float) args->sums[taps * width + c];
	return status_ok();
}

static const char *
depthwise_implementation(const Convolution *convolution, ConvolutionPass pass)
{
	const ConvolutionUse *use = &convolution->use;
	bool		made = pass == PASS_FORWARD ? use->forward :
		pass == PASS_BACKWARD_DATA ? use->backward_data : use->backward_weights;

	if (!made)
		return "";
	return convolution->loops == &depthwise_avx512 ? "depthwise:avx512" :
		convolution->loops == &depthwise_avx2 ? "depthwise:avx2" : "depthwise";
}

const Backend depthwise_backend = {
	.name = "depthwise",
	.supports = depthwise_supports,
	.create = depthwise_create,
	.destroy = depthwise_destroy,
	.memory = depthwise_memory,
	.set_weights = depthwise_set_weights,
	.forward = depthwise_forward,
	.backward_data = depthwise_backward_data,
	.backward_weights = depthwise_backward_weights,
	.implementation = depthwise_implementation,
};

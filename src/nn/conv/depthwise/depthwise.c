/*
 * depthwise.c: the rows of depthwise.h, and how they run the loops.
 *
 * The data gradient is a correlation too: of dy with the weights turned by 180
 * degrees, and the padding K - 1 - padding.
 */
#include "nn/conv/depthwise/depthwise.h"

#include <string.h>

#include "nn/conv/kernels.h"

/* Scratch for x of one item: it should stay in a core's cache. */
#define SCRATCH_BYTES ((size_t) 256 << 10)

typedef struct Depthwise
{
	KernelPass	base;
	DepthwiseArgs args;			/* all but the pointers of a run */
	float	   *weights;		/* (K, K, C up to whole blocks); backwards turned by half */
	float	   *bias;			/* (C up to whole blocks) */

	/* Scratch. */
	size_t		loops_at;
	size_t		sums_at;		/* backward-weights: (threads, K * K + 1, C up to whole blocks) doubles */
} Depthwise;

static bool
depthwise_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) pass;
	return shape->groups > 1 && shape->stride == 1 && shape->padding < shape->kernel && !use->transposed;
}

/* Divide the rows of y into bands of equal height whose scratch fits the
 * cache. */
static void
divide_rows(DepthwiseArgs *args)
{
	size_t		row = (size_t) depthwise_columns(args) * DEPTHWISE_BLOCK * sizeof(float);
	int			rows = (int) (SCRATCH_BYTES / row) - (args->kernel - 1);

	if (rows < args->kernel)
		rows = args->kernel;
	args->blocks = (args->y_shape.c + DEPTHWISE_BLOCK - 1) / DEPTHWISE_BLOCK;
	args->bands = (args->y_shape.h + rows - 1) / rows;
	args->band = (args->y_shape.h + args->bands - 1) / args->bands;
	args->bands = (args->y_shape.h + args->band - 1) / args->band;
	args->scratch_size = depthwise_x_scratch(args) + depthwise_y_scratch(args) + depthwise_tap_scratch(args);
}

static Status
depthwise_plan(KernelPass *pass)
{
	Depthwise  *state = (Depthwise *) pass;
	const ConvolutionUse *use = &pass->use;
	DepthwiseArgs *args = &state->args;
	int			kernel = pass->shape.kernel;
	size_t		taps = (size_t) kernel * kernel;
	size_t		width;
	size_t		weights_at;
	size_t		bias_at;

	*args = (DepthwiseArgs) {
		.type = use->type,
		.x_shape = source_shape(pass),.x_stride = source_stride(pass),
		.y_shape = target_shape(pass),.y_stride = target_stride(pass),
		.kernel = kernel,
		.padding = pass->pass == PASS_BACKWARD_DATA ? kernel - 1 - pass->shape.padding : pass->shape.padding,
		.residual_stride = use->residual_stride,.relu_before = use->relu_before,
		.relu = use->relu,
	};
	divide_rows(args);
	width = (size_t) args->blocks * DEPTHWISE_BLOCK;
	TRY(reserve_scratch(pass, args->scratch_size * use->threads, sizeof(float), &state->loops_at));
	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		return reserve_scratch(pass, (taps + 1) * width * use->threads, sizeof(double), &state->sums_at);
	TRY(reserve_held(pass, taps * width, sizeof(float), &weights_at));
	TRY(reserve_held(pass, width, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "a depthwise convolution"));
	args->weights = state->weights = arena_at(&pass->arena, weights_at);
	state->bias = arena_at(&pass->arena, bias_at);
	args->bias = pass->use.bias ? state->bias : NULL;
	return status_ok();
}

static Status
depthwise_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	Depthwise  *state = (Depthwise *) pass;
	int			taps = pass->shape.kernel * pass->shape.kernel;
	size_t		width = (size_t) state->args.blocks * DEPTHWISE_BLOCK;

	(void) call;
	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		return status_ok();
	for (int c = 0; c < pass->shape.y.c; c++)
		for (int t = 0; t < taps; t++)
		{
			int			to = pass->pass == PASS_FORWARD ? t : taps - 1 - t;

			state->weights[to * width + c] = weights[(size_t) c * taps + t];
		}
	copy_bias(state->bias, bias, pass->shape.y.c);
	return status_ok();
}

/* Run a task over the items of args. */
static void
run_items(DepthwiseArgs *args, int threads, ThreadsTask task)
{
	threads_run(threads, (long) args->x_shape.n * args->bands * args->blocks, task, args);
}

/* Add up the workers' gradients of weights and bias. */
static void
depthwise_backward_weights(const Depthwise *state, const ConvolutionCall *call, const PassTensors *tensors,
						   DepthwiseArgs *args)
{
	const DepthwiseLoops *loops = state->base.kernel->loops;
	int			channels = state->base.shape.y.c;
	int			taps = args->kernel * args->kernel;
	size_t		width = (size_t) args->blocks * DEPTHWISE_BLOCK;
	size_t		count = (taps + 1) * width;
	double	   *sums = scratch_at(call, state->sums_at);

	args->y = (void *) tensors->dy;
	args->sums = sums;
	memset(sums, 0, call->threads * count * sizeof(double));
	run_items(args, call->threads, loops->gradient);
	for (int worker = 1; worker < call->threads; worker++)
		for (size_t i = 0; i < count; i++)
			sums[i] += sums[worker * count + i];
	for (int c = 0; c < channels; c++)
		for (int t = 0; t < taps; t++)
			tensors->dw[(size_t) c * taps + t] = (float) sums[t * width + c];
	for (int c = 0; c < channels && tensors->db != NULL; c++)
		tensors->db[c] = (float) sums[taps * width + c];
}

static Status
depthwise_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const Depthwise *state = (const Depthwise *) pass;
	const DepthwiseLoops *loops = pass->kernel->loops;
	DepthwiseArgs args = state->args;

	args.x = tensors->source;
	args.scratch = scratch_at(call, state->loops_at);
	if (pass->pass == PASS_BACKWARD_WEIGHTS)
	{
		depthwise_backward_weights(state, call, tensors, &args);
		return status_ok();
	}
	args.y = tensors->target;
	args.residual = tensors->residual;
	run_items(&args, call->threads, loops->correlate);
	return status_ok();
}

/* The common part of the rows. */
#define DEPTHWISE_ROW \
	.owner = KERNEL_OWN, \
	.state_size = sizeof(Depthwise), \
	.can = depthwise_can, \
	.plan = depthwise_plan, \
	.set_weights = depthwise_set_weights, \
	.run = depthwise_run

const ConvolutionKernel depthwise_baseline_kernel = {
	DEPTHWISE_ROW,
	.name = "depthwise",
	.loops = &depthwise_baseline,
};

#ifdef __x86_64__
const ConvolutionKernel depthwise_avx2_kernel = {
	DEPTHWISE_ROW,
	.name = "depthwise:avx2",
	.runs = runs_avx2,
	.loops = &depthwise_avx2,
};

const ConvolutionKernel depthwise_avx512_kernel = {
	DEPTHWISE_ROW,
	.name = "depthwise:avx512",
	.runs = runs_avx512,
	.loops = &depthwise_avx512,
};
#endif

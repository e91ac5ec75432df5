/*
 * winograd.c: the rows of winograd.h, and how they run the loops.
 */
#include "nn/conv/winograd/winograd.h"

#include <string.h>

#include "nn/conv/kernels.h"

/* Maps and products of an item should fit a core's cache. But weights are read
 * again for each run of tiles, so long runs are better for deep layers. */
#define ITEM_BYTES ((size_t) 512 << 10)
#define FEWEST_ITEM_TILES 32

/* Below these, mapping takes more time than the products save: few channels,
 * few pixels, or tiles that are mostly outside the image. */
#define FEWEST_CHANNELS 16
#define FEWEST_PIXELS 1024
#define FEWEST_ROWS 8

/* A gap of floats between planes, so that they do not all begin at the same
 * place of the cache. */
#define PLANE_GAP 16

typedef struct Winograd
{
	KernelPass	base;
	WinogradArgs args;			/* all but the pointers of a run */
	int			workers;
	float	   *weights;		/* (36, blocks, C_in, WINOGRAD_BLOCK) */
	float	   *bias;			/* (C_out up to whole blocks) */
	size_t		scratch_at;
} Winograd;

static bool
winograd_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass == PASS_FORWARD && use->type == DATA_F32 && shape->kernel == 3 && shape->stride == 1 &&
		shape->groups == 1;
}

/* Training in float32 computes directly. */
static bool
winograd_pays(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) pass;
	return !use->backward_data && !use->backward_weights &&
		shape->x.c >= FEWEST_CHANNELS && shape->y.c >= FEWEST_CHANNELS &&
		shape->y.h >= FEWEST_ROWS && shape->y.w >= FEWEST_ROWS &&
		(long) shape->y.h * shape->y.w >= FEWEST_PIXELS;
}

static int
tiles_of(int pixels)
{
	return (pixels + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
}

/* Choose runs of tiles and, if there are fewer runs than threads, groups of
 * output channels. */
static void
divide_tiles(WinogradArgs *args, int threads)
{
	size_t		channels = (size_t) args->x_shape.c + args->blocks * WINOGRAD_BLOCK;
	size_t		tile_bytes = WINOGRAD_PLANES * channels * sizeof(float);
	long		most = (long) (ITEM_BYTES / tile_bytes);
	long		runs;

	most = most < FEWEST_ITEM_TILES ? FEWEST_ITEM_TILES : most;
	runs = (args->tiles + most - 1) / most;
	if (runs > threads)
		runs = (runs + threads - 1) / threads * threads;
	args->item_tiles = (int) ((args->tiles + runs - 1) / runs);
	args->groups = (int) ((threads + runs - 1) / runs);
	args->groups = args->groups < args->blocks ? args->groups : args->blocks;
	args->width = (args->blocks + args->groups - 1) / args->groups * WINOGRAD_BLOCK;
}

/* Items of a forward pass. */
static long
items_of(const WinogradArgs *args)
{
	return (args->tiles + args->item_tiles - 1) / args->item_tiles * args->groups;
}

/* Set the arguments of the loops. */
static void
describe_loops(Winograd *state)
{
	const ConvolutionShape *shape = &state->base.shape;
	const ConvolutionUse *use = &state->base.use;
	WinogradArgs *args = &state->args;

	*args = (WinogradArgs) {
		.x_shape = shape->x,.x_stride = use->x_pixel_stride,
		.y_shape = shape->y,.y_stride = use->y_pixel_stride,
		.padding = shape->padding,
		.residual_stride = use->residual_stride,.relu_before = use->relu_before,.relu = use->relu,
		.blocks = (shape->y.c + WINOGRAD_BLOCK - 1) / WINOGRAD_BLOCK,
		.tiles_down = tiles_of(shape->y.h),
		.tiles_across = tiles_of(shape->y.w),
	};
	args->tiles = (long) shape->y.n * args->tiles_down * args->tiles_across;
	divide_tiles(args, use->threads);
	args->x_plane = (size_t) args->item_tiles * shape->x.c + PLANE_GAP;
	args->product_plane = (size_t) args->item_tiles * args->width + PLANE_GAP;
	args->scratch_size = WINOGRAD_PLANES * (args->x_plane + args->product_plane);
	state->workers = items_of(args) < use->threads ? (int) items_of(args) : use->threads;
}

static Status
winograd_plan(KernelPass *pass)
{
	Winograd   *state = (Winograd *) pass;
	WinogradArgs *args = &state->args;
	size_t		width;
	size_t		weights_at;
	size_t		bias_at;

	describe_loops(state);
	width = (size_t) args->blocks * WINOGRAD_BLOCK;
	TRY(reserve_held(pass, WINOGRAD_PLANES * width * args->x_shape.c, sizeof(float), &weights_at));
	TRY(reserve_held(pass, width, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "a 3x3 convolution"));
	args->weights = state->weights = arena_at(&pass->arena, weights_at);
	args->bias = state->bias = arena_at(&pass->arena, bias_at);
	return reserve_scratch(pass, state->workers * args->scratch_size, sizeof(float), &state->scratch_at);
}

/* Map three weights along one axis to six. */
static void
map_weights(const double in[3], double out[WINOGRAD_IN])
{
	double		even = in[0] + in[2];
	double		far_even = in[0] + 4 * in[2];

	out[0] = in[0] / 4;
	out[1] = -(even + in[1]) / 6;
	out[2] = -(even - in[1]) / 6;
	out[3] = (far_even + 2 * in[1]) / 24;
	out[4] = (far_even - 2 * in[1]) / 24;
	out[5] = in[2];
}

/* Arguments of the work of set_weights, divided by input channels. */
typedef struct MapWeights
{
	const Winograd *state;
	const float *weights;		/* (C_out, C_in, 3, 3) */
} MapWeights;

static void
map_weights_of(void *data, int worker, long begin, long end)
{
	const MapWeights *task = data;
	const WinogradArgs *args = &task->state->args;
	int			inputs = args->x_shape.c;
	size_t		plane = (size_t) args->blocks * inputs * WINOGRAD_BLOCK;

	(void) worker;
	for (int o = 0; o < args->y_shape.c; o++)
		for (long c = begin; c < end; c++)
		{
			const float *from = task->weights + ((size_t) o * inputs + c) * 9;
			float	   *to = task->state->weights +
				((size_t) (o / WINOGRAD_BLOCK) * inputs + c) * WINOGRAD_BLOCK + o % WINOGRAD_BLOCK;
			double		half[3][WINOGRAD_IN];	/* by column of the weights */

			for (int j = 0; j < 3; j++)
				map_weights((const double[3]) {from[j], from[3 + j], from[6 + j]}, half[j]);
			for (int i = 0; i < WINOGRAD_IN; i++)
			{
				double		mapped[WINOGRAD_IN];

				map_weights((const double[3]) {half[0][i], half[1][i], half[2][i]}, mapped);
				for (int j = 0; j < WINOGRAD_IN; j++)
					to[(size_t) (i * WINOGRAD_IN + j) * plane] = (float) mapped[j];
			}
		}
}

static Status
winograd_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	Winograd   *state = (Winograd *) pass;
	MapWeights	task = {.state = state,.weights = weights};

	threads_run(call->threads, pass->shape.x.c, map_weights_of, &task);
	copy_bias(state->bias, pass->use.bias ? bias : NULL, pass->shape.y.c);
	return status_ok();
}

static Status
winograd_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const Winograd *state = (const Winograd *) pass;
	const WinogradLoops *loops = pass->kernel->loops;
	WinogradArgs args = state->args;

	args.x = tensors->source;
	args.y = tensors->target;
	args.residual = tensors->residual;
	args.scratch = scratch_at(call, state->scratch_at);
	threads_run(call->threads < state->workers ? call->threads : state->workers, items_of(&args), loops->convolve,
				&args);
	return status_ok();
}

/* The common part of the rows. */
#define WINOGRAD_ROW \
	.owner = KERNEL_OWN, \
	.state_size = sizeof(Winograd), \
	.can = winograd_can, \
	.pays = winograd_pays, \
	.plan = winograd_plan, \
	.set_weights = winograd_set_weights, \
	.run = winograd_run

const ConvolutionKernel winograd_baseline_kernel = {
	WINOGRAD_ROW,
	.name = "winograd",
	.loops = &winograd_baseline,
};

#ifdef __x86_64__
const ConvolutionKernel winograd_avx2_kernel = {
	WINOGRAD_ROW,
	.name = "winograd:avx2",
	.runs = runs_avx2,
	.loops = &winograd_avx2,
};

const ConvolutionKernel winograd_avx512_kernel = {
	WINOGRAD_ROW,
	.name = "winograd:avx512",
	.runs = runs_avx512,
	.loops = &winograd_avx512,
};
#endif

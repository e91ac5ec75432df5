/*
 * winograd.c: the rows of winograd.h, and how they run the loops.
 */
#include "nn/conv/winograd/winograd.h"

#include <string.h>

#include "nn/conv/kernels.h"

/* Maps and products of an item should fit a core's cache. But weights are read
 * again for each run of tiles, so where they do not fit it, long runs are better. */
#define ITEM_BYTES ((size_t) 512 << 10)
#define DEEP_BYTES ((size_t) 4 << 20)
#define FEWEST_ITEM_TILES 32
#define MOST_DEEP_TILES 128

/* The fewest channels and rows. */
#define FEWEST_CHANNELS 16
#define FEWEST_ROWS 8

/* The most memory for weights that inference keeps mapped, where an image has
 * fewer than so many pixels. */
#define MOST_SMALL_BYTES ((size_t) 6 << 20)
#define SMALL_PIXELS 1024

typedef struct Winograd
{
	KernelPass	base;
	WinogradArgs args;			/* all but the pointers of a run */
	int			workers;
	void	   *weights;		/* held: mapped; in training plain, (C_out, C_in, 3, 3) */
	float	   *bias;			/* (C_out up to whole blocks) */
	size_t		mapped_at;		/* scratch for mapped weights in training */
	size_t		scratch_at;
} Winograd;

bool
winograd_fits(const ConvolutionShape *shape)
{
	return shape->kernel == 3 && shape->stride == 1 && shape->groups == 1;
}

/* Can it compute that pass, in whatever type? */
static bool
winograd_can_pass(const ConvolutionShape *shape, ConvolutionPass pass)
{
	return winograd_fits(shape) && (pass == PASS_FORWARD || (pass == PASS_BACKWARD_DATA && shape->padding <= 2));
}

static bool
winograd_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return use->type == DATA_F32 && winograd_can_pass(shape, pass);
}

/*
 * Does each run map the weights? In training they are used once between two
 * changes, and the maps of all layers would need four times the memory of the
 * weights, in both passes.
 */
static bool
maps_in_run(const ConvolutionUse *use)
{
	return use->backward_weights;
}

bool
winograd_saves(const ConvolutionShape *shape, TensorShape image)
{
	return shape->x.c >= FEWEST_CHANNELS && shape->y.c >= FEWEST_CHANNELS &&
		image.h >= FEWEST_ROWS && image.w >= FEWEST_ROWS;
}

/* Are mapped weights worth their memory, four times that of plain ones? */
static bool
worth_memory(const ConvolutionShape *shape, TensorShape image)
{
	return (long) image.h * image.w >= SMALL_PIXELS ||
		(size_t) shape->x.c * shape->y.c <= MOST_SMALL_BYTES / (WINOGRAD_PLANES * sizeof(float));
}

static bool
winograd_pays(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	TensorShape image = pass == PASS_FORWARD ? shape->y : shape->x;

	return winograd_saves(shape, image) && (maps_in_run(use) || worth_memory(shape, image));
}

WinogradTiles
winograd_tiles(TensorShape x, int stride, int padding, TensorShape y, int out)
{
	WinogradTiles tiles = {
		.shape = x,.stride = stride,.padding = padding,.out = out,
		.down = (y.h + out - 1) / out,
		.across = (y.w + out - 1) / out,
	};

	tiles.count = (long) y.n * tiles.down * tiles.across;
	return tiles;
}

/* Values of a tile's map. */
static int
planes_of(const WinogradTiles *tiles)
{
	return (tiles->out + 2) * (tiles->out + 2);
}

/* Choose runs of tiles and, if there are fewer runs than threads, groups of
 * output channels. */
static void
divide_tiles(WinogradArgs *args, int threads)
{
	size_t		words = (size_t) args->depth + args->blocks * WINOGRAD_BLOCK;
	size_t		tile_bytes = planes_of(&args->tiles) * words * sizeof(float);
	size_t		weight_bytes = planes_of(&args->tiles) * args->weights_plane * sizeof(float);
	long		most = (long) (ITEM_BYTES / tile_bytes);
	long		runs;

	if (weight_bytes > DEEP_BYTES)
		most = args->tiles.count / threads < MOST_DEEP_TILES ? args->tiles.count / threads : MOST_DEEP_TILES;
	most = most < FEWEST_ITEM_TILES ? FEWEST_ITEM_TILES : most;
	runs = (args->tiles.count + most - 1) / most;
	if (runs > threads)
		runs = (runs + threads - 1) / threads * threads;
	args->item_tiles = (int) ((args->tiles.count + runs - 1) / runs);
	args->groups = (int) ((threads + runs - 1) / runs);
	args->groups = args->groups < args->blocks ? args->groups : args->blocks;
	args->width = (args->blocks + args->groups - 1) / args->groups * WINOGRAD_BLOCK;
}

/* Items of a run. */
static long
items_of(const WinogradArgs *args)
{
	return (args->tiles.count + args->item_tiles - 1) / args->item_tiles * args->groups;
}

/* Set the arguments of the loops. */
static void
describe_loops(Winograd *state)
{
	const KernelPass *pass = &state->base;
	const ConvolutionUse *use = &pass->use;
	TensorShape x = source_shape(pass);
	TensorShape y = target_shape(pass);
	int			padding = pass->pass == PASS_FORWARD ? pass->shape.padding : 2 - pass->shape.padding;
	WinogradArgs *args = &state->args;
	const WinogradLoops *loops = pass->kernel->loops;

	*args = (WinogradArgs) {
		.tiles = winograd_tiles(x, source_stride(pass), padding, y, loops->out),
		.depth = use->type == DATA_BF16 ? x.c / 2 : x.c,
		.y_shape = y,.y_stride = target_stride(pass),
		.residual_stride = use->residual_stride,.relu_before = use->relu_before,.relu = use->relu,
		.blocks = (y.c + WINOGRAD_BLOCK - 1) / WINOGRAD_BLOCK,
	};
	args->weights_plane = (size_t) args->blocks * args->depth * WINOGRAD_BLOCK + WINOGRAD_GAP;
	divide_tiles(args, use->threads);
	args->x_plane = (size_t) args->item_tiles * args->depth + WINOGRAD_GAP;
	args->product_plane = (size_t) args->item_tiles * args->width + WINOGRAD_GAP;
	args->scratch_size = planes_of(&args->tiles) * (args->x_plane + args->product_plane);
	state->workers = items_of(args) < use->threads ? (int) items_of(args) : use->threads;
}

static Status
winograd_plan(KernelPass *pass)
{
	Winograd   *state = (Winograd *) pass;
	WinogradArgs *args = &state->args;
	bool		in_run = maps_in_run(&pass->use);
	size_t		mapped;
	size_t		weights_at;
	size_t		bias_at;

	describe_loops(state);
	mapped = planes_of(&args->tiles) * args->weights_plane;
	TRY(reserve_held(pass, in_run ? convolution_weight_count(&pass->shape) : mapped, sizeof(float), &weights_at));
	TRY(reserve_held(pass, (size_t) args->blocks * WINOGRAD_BLOCK, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "a 3x3 convolution"));
	state->weights = arena_at(&pass->arena, weights_at);
	args->bias = state->bias = arena_at(&pass->arena, bias_at);
	TRY(reserve_scratch(pass, in_run ? mapped : 0, sizeof(float), &state->mapped_at));
	return reserve_scratch(pass, state->workers * args->scratch_size, sizeof(float), &state->scratch_at);
}

/* Map plain weights to `mapped`. */
static void
map_weights(const Winograd *state, int threads, const float *plain, void *mapped)
{
	const KernelPass *pass = &state->base;
	const WinogradLoops *loops = pass->kernel->loops;
	bool		forward = pass->pass == PASS_FORWARD;
	size_t		in_step = 9;
	size_t		out_step = 9 * (size_t) pass->shape.x.c;
	WinogradWeights args = {
		.plain = plain,
		.x_step = forward ? in_step : out_step,.y_step = forward ? out_step : in_step,
		.turned = !forward,
		.depth = state->args.depth,.y_channels = target_shape(pass).c,
		.mapped = mapped,.plane = state->args.weights_plane,
	};

	threads_run(threads, (long) state->args.blocks * args.depth, loops->map_weights, &args);
}

static Status
winograd_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	Winograd   *state = (Winograd *) pass;

	if (maps_in_run(&pass->use))
		memcpy(state->weights, weights, convolution_weight_count(&pass->shape) * sizeof(float));
	else
		map_weights(state, call->threads, weights, state->weights);
	copy_bias(state->bias, pass->use.bias ? bias : NULL, target_shape(pass).c);
	return status_ok();
}

static Status
winograd_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const Winograd *state = (const Winograd *) pass;
	const WinogradLoops *loops = pass->kernel->loops;
	WinogradArgs args = state->args;

	args.weights = state->weights;
	if (maps_in_run(&pass->use))
	{
		float	   *mapped = scratch_at(call, state->mapped_at);

		map_weights(state, call->threads, state->weights, mapped);
		args.weights = mapped;
	}
	args.tiles.x = tensors->source;
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
	.plan = winograd_plan, \
	.set_weights = winograd_set_weights, \
	.run = winograd_run

const ConvolutionKernel winograd_baseline_kernel = {
	WINOGRAD_ROW,
	.name = "winograd",
	.can = winograd_can,
	.pays = winograd_pays,
	.loops = &winograd_baseline,
};

#ifdef __x86_64__
const ConvolutionKernel winograd_avx2_kernel = {
	WINOGRAD_ROW,
	.name = "winograd:avx2",
	.runs = runs_avx2,
	.can = winograd_can,
	.pays = winograd_pays,
	.loops = &winograd_avx2,
};

const ConvolutionKernel winograd_avx512_kernel = {
	WINOGRAD_ROW,
	.name = "winograd:avx512",
	.runs = runs_avx512,
	.can = winograd_can,
	.pays = winograd_pays,
	.loops = &winograd_avx512,
};

/* The maps of small tiles are less than twice as large as what a direct kernel
 * keeps. Of float32 the larger tiles come first, so these get the deep layers of
 * inference alone. */
static bool
winograd_small_pays(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) use;
	return winograd_saves(shape, pass == PASS_FORWARD ? shape->y : shape->x);
}

const ConvolutionKernel winograd_small_avx2_kernel = {
	WINOGRAD_ROW,
	.name = "winograd_small:avx2",
	.runs = runs_avx2,
	.can = winograd_can,
	.pays = winograd_small_pays,
	.loops = &winograd_small_avx2,
};

const ConvolutionKernel winograd_small_avx512_kernel = {
	WINOGRAD_ROW,
	.name = "winograd_small:avx512",
	.runs = runs_avx512,
	.can = winograd_can,
	.pays = winograd_small_pays,
	.loops = &winograd_small_avx512,
};

/* Two channels of what a pass reads make a word. */
static bool
winograd_bf16_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	int			channels = pass == PASS_FORWARD ? shape->x.c : shape->y.c;

	return use->type == DATA_BF16 && channels % 2 == 0 && winograd_can_pass(shape, pass);
}

const ConvolutionKernel winograd_bf16_kernel = {
	WINOGRAD_ROW,
	.name = "winograd:bf16",
	.runs = runs_avx512_bf16,
	.can = winograd_bf16_can,
	.pays = winograd_small_pays,
	.loops = &winograd_bf16_avx512bf16,
};
#endif

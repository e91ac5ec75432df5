/*
 * winograd_gradient.c: the rows of winograd_gradient.h, and how they run the
 * loops.
 */
#include "nn/conv/winograd/winograd_gradient.h"

#include "nn/conv/kernels.h"

/* Sums of all parts, where one part's are not larger; and the most parts. */
#define SUMS_BYTES ((size_t) 16 << 20)
#define MOST_PARTS 16

/* Maps of a run should fit a core's cache. But sums are read and written for
 * each run, so where these are larger, the maps may be as large. */
#define RUN_BYTES ((size_t) 768 << 10)
#define FEWEST_RUN_TILES 32
#define MOST_RUN_TILES 128

typedef struct WinogradGradient
{
	KernelPass	base;
	WinogradGradientArgs args;	/* all but the pointers of a run */
	int			workers;

	/* Scratch. */
	size_t		maps_at;
	size_t		sums_at;
	size_t		dy_sums_at;
} WinogradGradient;

static bool
winograd_gradient_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass == PASS_BACKWARD_WEIGHTS && use->type == DATA_F32 && winograd_fits(shape);
}

static bool
winograd_gradient_pays(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) use;
	(void) pass;
	return winograd_saves(shape, shape->y);
}

static int
divide_up(long a, long b)
{
	return (int) ((a + b - 1) / b);
}

/* Choose parts, their runs and their groups. */
static void
divide_tiles(WinogradGradientArgs *args, int threads)
{
	size_t		part_bytes = WINOGRAD_PLANES * args->sums_plane * sizeof(float);
	size_t		tile_bytes = WINOGRAD_PLANES * (size_t) (args->x_row + args->dy_shape.c) * sizeof(float);
	long		most = (long) ((part_bytes > RUN_BYTES ? part_bytes : RUN_BYTES) / tile_bytes);
	long		part_tiles;

	args->parts = MOST_PARTS;
	while (args->parts > 1 && (args->parts * part_bytes > SUMS_BYTES || args->parts > args->tiles.count))
		args->parts /= 2;
	part_tiles = divide_up(args->tiles.count, args->parts);
	most = most < FEWEST_RUN_TILES ? FEWEST_RUN_TILES : most > MOST_RUN_TILES ? MOST_RUN_TILES : most;
	args->run_tiles = divide_up(part_tiles, divide_up(part_tiles, most));

	args->dy_row = divide_up(args->dy_shape.c, divide_up(threads, args->parts));
	args->dy_row = divide_up(args->dy_row, WINOGRAD_GAP) * WINOGRAD_GAP;
	args->groups = divide_up(args->dy_shape.c, args->dy_row);
}

/* Set the arguments of the loops. */
static void
describe_loops(WinogradGradient *state)
{
	const ConvolutionShape *shape = &state->base.shape;
	const ConvolutionUse *use = &state->base.use;
	WinogradGradientArgs *args = &state->args;
	int			items;

	*args = (WinogradGradientArgs) {
		.tiles = winograd_tiles(shape->x, use->x_pixel_stride, shape->padding, shape->y, WINOGRAD_OUT),
		.dy_shape = shape->y,.dy_stride = use->y_pixel_stride,
		.x_row = divide_up(shape->x.c, WINOGRAD_GAP) * WINOGRAD_GAP,
	};
	args->sums_plane = (size_t) shape->y.c * args->x_row + WINOGRAD_GAP;
	divide_tiles(args, use->threads);
	args->x_plane = (size_t) args->run_tiles * args->x_row + WINOGRAD_GAP;
	args->dy_plane = (size_t) args->run_tiles * args->dy_row + WINOGRAD_GAP;
	args->scratch_size = WINOGRAD_PLANES * (args->x_plane + args->dy_plane);
	items = args->parts * args->groups;
	state->workers = items < use->threads ? items : use->threads;
}

static Status
winograd_gradient_plan(KernelPass *pass)
{
	WinogradGradient *state = (WinogradGradient *) pass;
	WinogradGradientArgs *args = &state->args;

	describe_loops(state);
	TRY(reserve_scratch(pass, state->workers * args->scratch_size, sizeof(float), &state->maps_at));
	TRY(reserve_scratch(pass, args->parts * WINOGRAD_PLANES * args->sums_plane, sizeof(float), &state->sums_at));
	return reserve_scratch(pass, (size_t) args->parts * pass->shape.y.c, sizeof(float), &state->dy_sums_at);
}

static Status
winograd_gradient_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const WinogradGradient *state = (const WinogradGradient *) pass;
	const WinogradGradientLoops *loops = pass->kernel->loops;
	WinogradGradientArgs args = state->args;

	args.tiles.x = tensors->source;
	args.dy = tensors->dy;
	args.dw = tensors->dw;
	args.db = tensors->db;
	args.scratch = scratch_at(call, state->maps_at);
	args.sums = scratch_at(call, state->sums_at);
	args.dy_sums = scratch_at(call, state->dy_sums_at);
	threads_run(call->threads < state->workers ? call->threads : state->workers, args.parts * args.groups,
				loops->sum_products, &args);
	threads_run(call->threads, pass->shape.y.c, loops->map_sums, &args);
	return status_ok();
}

/* The common part of the rows. */
#define WINOGRAD_GRADIENT_ROW \
	.owner = KERNEL_OWN, \
	.state_size = sizeof(WinogradGradient), \
	.pays = winograd_gradient_pays, \
	.plan = winograd_gradient_plan, \
	.run = winograd_gradient_run

const ConvolutionKernel winograd_gradient_baseline_kernel = {
	WINOGRAD_GRADIENT_ROW,
	.name = "winograd_gradient",
	.can = winograd_gradient_can,
	.loops = &winograd_gradient_baseline,
};

#ifdef __x86_64__
const ConvolutionKernel winograd_gradient_avx2_kernel = {
	WINOGRAD_GRADIENT_ROW,
	.name = "winograd_gradient:avx2",
	.runs = runs_avx2,
	.can = winograd_gradient_can,
	.loops = &winograd_gradient_avx2,
};

const ConvolutionKernel winograd_gradient_avx512_kernel = {
	WINOGRAD_GRADIENT_ROW,
	.name = "winograd_gradient:avx512",
	.runs = runs_avx512,
	.can = winograd_gradient_can,
	.loops = &winograd_gradient_avx512,
};

static bool
winograd_gradient_bf16_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	return pass == PASS_BACKWARD_WEIGHTS && use->type == DATA_BF16 && winograd_fits(shape);
}

const ConvolutionKernel winograd_gradient_bf16_kernel = {
	WINOGRAD_GRADIENT_ROW,
	.name = "winograd_gradient:bf16",
	.runs = runs_avx512,
	.can = winograd_gradient_bf16_can,
	.loops = &winograd_gradient_bf16_avx512,
};
#endif

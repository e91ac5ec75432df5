/*
 * winograd.c: see winograd.h.
 */
#include "nn/conv/winograd/winograd.h"

#include <string.h>

#include "core/arena.h"
#include "core/cpu.h"
#include "nn/conv/kernel.h"

/* Maps and products of an item should fit a core's cache, but weights are
 * read again for each run of tiles, so deep layers rather have long ones. */
#define ITEM_BYTES ((size_t) 512 << 10)
#define FEWEST_ITEM_TILES 32

/* Below this, mapping costs more than the products save: few channels, few
 * pixels, or tiles that are mostly outside of the image. */
#define FEWEST_CHANNELS 16
#define FEWEST_PIXELS 1024
#define FEWEST_ROWS 8

/* Floats between planes beyond what they hold, lest all begin at the same
 * place of the cache. */
#define PLANE_GAP 16

struct Convolution
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionUse use;
	ThreadsTask convolve;
	Arena		arena;
	WinogradArgs args;
	float	   *weights;
	float	   *bias;
};

static int
tiles_of(int pixels)
{
	return (pixels + WINOGRAD_OUT - 1) / WINOGRAD_OUT;
}

/* Is it a convolution that the loops can do? */
static bool
possible(const ConvolutionShape *shape, const ConvolutionUse *use)
{
	return use->type == DATA_F32 && use->forward && !use->backward_data && !use->backward_weights &&
		shape->kernel_h == 3 && shape->kernel_w == 3 && shape->stride == 1 && shape->dilation == 1 &&
		shape->groups == 1;
}

bool
winograd_suits(const ConvolutionShape *shape, const ConvolutionUse *use)
{
	return possible(shape, use) && shape->x.c >= FEWEST_CHANNELS && shape->y.c >= FEWEST_CHANNELS &&
		shape->y.h >= FEWEST_ROWS && shape->y.w >= FEWEST_ROWS &&
		(long) shape->y.h * shape->y.w >= FEWEST_PIXELS;
}

static ThreadsTask
loops_of_cpu(void)
{
	const CpuFeatures *cpu = cpu_features();

	return cpu->avx512 ? winograd_avx512 : cpu->avx2 ? winograd_avx2 : winograd_baseline;
}

/* Runs of tiles, and groups of output channels where there are fewer runs
 * than threads. */
static void
divide(WinogradArgs *args, int threads)
{
	size_t		tile_bytes = WINOGRAD_PLANES * ((size_t) args->x_shape.c + args->blocks * WINOGRAD_BLOCK) * sizeof(float);
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

/* Threads that share them out. */
static int
workers_of(const Convolution *convolution)
{
	long		items = items_of(&convolution->args);

	return items < convolution->call->threads ? (int) items : convolution->call->threads;
}

/* What the loops need to know. */
static void
describe(Convolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	const ConvolutionUse *use = &convolution->use;
	WinogradArgs *args = &convolution->args;

	*args = (WinogradArgs) {
		.x_shape = shape->x,.x_stride = use->x_pixel_stride,
		.y_shape = shape->y,.y_stride = use->y_pixel_stride,
		.padding = shape->padding,
		.residual = use->residual,.relu = use->relu,
		.blocks = (shape->y.c + WINOGRAD_BLOCK - 1) / WINOGRAD_BLOCK,
		.tiles_down = tiles_of(shape->y.h),
		.tiles_across = tiles_of(shape->y.w),
	};
	args->tiles = (long) shape->y.n * args->tiles_down * args->tiles_across;
	divide(args, convolution->call->threads);
	args->x_plane = (size_t) args->item_tiles * shape->x.c + PLANE_GAP;
	args->product_plane = (size_t) args->item_tiles * args->width + PLANE_GAP;
	args->scratch_size = WINOGRAD_PLANES * (args->x_plane + args->product_plane);
}

/* Allocate weights, and scratch unless it is shared. */
static Status
allocate(Convolution *convolution)
{
	ConvolutionScratch *shared = convolution->use.scratch;
	size_t		scratch_bytes = workers_of(convolution) * convolution->args.scratch_size * sizeof(float);
	WinogradArgs *args = &convolution->args;
	size_t		width = (size_t) args->blocks * WINOGRAD_BLOCK;
	size_t		weights_at;
	size_t		bias_at;
	size_t		scratch_at;

	TRY(arena_reserve(&convolution->arena, WINOGRAD_PLANES * width * args->x_shape.c * sizeof(float), &weights_at));
	TRY(arena_reserve(&convolution->arena, width * sizeof(float), &bias_at));
	TRY(arena_reserve(&convolution->arena, shared == NULL ? scratch_bytes : 0, &scratch_at));
	TRY(arena_commit(&convolution->arena, "a 3x3 convolution"));
	args->weights = convolution->weights = arena_at(&convolution->arena, weights_at);
	args->bias = convolution->bias = arena_at(&convolution->arena, bias_at);
	args->scratch = arena_at(&convolution->arena, scratch_at);
	if (shared != NULL && shared->bytes < scratch_bytes)
		shared->bytes = scratch_bytes;
	return status_ok();
}

static void
winograd_destroy(Convolution *convolution)
{
	arena_free(&convolution->arena);
	call_free(convolution->call, convolution);
}

Status
winograd_create_with(ThreadsTask convolve, const Call *call, const ConvolutionShape *shape,
					 const ConvolutionUse *use, Convolution **convolution)
{
	Convolution *made;
	void	   *memory;
	Status		status;

	*convolution = NULL;
	TRY(convolution_check(shape, use));
	if (!possible(shape, use))
		return status_error(LS_UNSUPPORTED, "not the forward pass of a 3x3 convolution of stride 1 in f32");
	TRY(call_alloc_array(call, 1, sizeof(Convolution), &memory));
	made = memory;
	made->call = call;
	made->shape = *shape;
	made->use = *use;
	made->convolve = convolve;
	arena_init(&made->arena, call);
	describe(made);
	status = allocate(made);
	if (status.code != LS_OK)
		winograd_destroy(made);
	else
		*convolution = made;
	return status;
}

static Status
winograd_create(const Call *call, const ConvolutionShape *shape, const ConvolutionUse *use,
				Convolution **convolution)
{
	return winograd_create_with(loops_of_cpu(), call, shape, use, convolution);
}

static bool
winograd_supports(DataType type)
{
	return type == DATA_F32;
}

static size_t
winograd_memory(const Convolution *convolution)
{
	return convolution->arena.size;
}

/* The map of three weights along one axis to six. */
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

/* What set_weights shares out: input channels. */
typedef struct MapWeights
{
	const Convolution *convolution;
	const float *weights;		/* (C_out, C_in, 3, 3) */
} MapWeights;

static void
map_weights_of(void *data, int worker, long begin, long end)
{
	const MapWeights *task = data;
	const WinogradArgs *args = &task->convolution->args;
	int			inputs = args->x_shape.c;

	(void) worker;
	for (int o = 0; o < args->y_shape.c; o++)
		for (long c = begin; c < end; c++)
		{
			const float *from = task->weights + ((size_t) o * inputs + c) * 9;
			float	   *to = task->convolution->weights +
				((size_t) (o / WINOGRAD_BLOCK) * inputs + c) * WINOGRAD_BLOCK + o % WINOGRAD_BLOCK;
			size_t		plane = (size_t) args->blocks * inputs * WINOGRAD_BLOCK;
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
winograd_set_weights(Convolution *convolution, const float *weights, const float *bias)
{
	MapWeights	task = {.convolution = convolution,.weights = weights};

	threads_run(convolution->call->threads, convolution->shape.x.c, map_weights_of, &task);
	memset(convolution->bias, 0, convolution->shape.y.c * sizeof(float));
	if (bias != NULL && convolution->use.bias)
		memcpy(convolution->bias, bias, convolution->shape.y.c * sizeof(float));
	return status_ok();
}

static Status
winograd_forward(Convolution *convolution, const void *x, void *y)
{
	WinogradArgs *args = &convolution->args;

	args->x = x;
	args->y = y;
	if (convolution->use.scratch != NULL)
		args->scratch = convolution->use.scratch->memory;
	threads_run(workers_of(convolution), items_of(args), convolution->convolve, args);
	return status_ok();
}

static Status
winograd_backward_data(Convolution *convolution, const void *dy, void *dx)
{
	(void) convolution;
	(void) dy;
	(void) dx;
	return status_error(LS_INTERNAL, "a convolution made for its forward pass runs backwards");
}

static Status
winograd_backward_weights(Convolution *convolution, const void *x, const void *dy, float *dw, float *db)
{
	(void) x;
	(void) dw;
	(void) db;
	return winograd_backward_data(convolution, dy, NULL);
}

static const char *
winograd_implementation(const Convolution *convolution, ConvolutionPass pass)
{
	if (pass != PASS_FORWARD)
		return "";
	return convolution->convolve == winograd_avx512 ? "winograd:avx512" :
		convolution->convolve == winograd_avx2 ? "winograd:avx2" : "winograd";
}

const Backend winograd_backend = {
	.name = "winograd",
	.supports = winograd_supports,
	.create = winograd_create,
	.destroy = winograd_destroy,
	.memory = winograd_memory,
	.set_weights = winograd_set_weights,
	.forward = winograd_forward,
	.backward_data = winograd_backward_data,
	.backward_weights = winograd_backward_weights,
	.implementation = winograd_implementation,
};

/*
 * openblas.c: dense convolution as matrix products over gathered tiles.
 *
 * A tile is a run of pixels of a sweep (sweep.h). The source values that each
 * pixel needs are gathered into a row (im2col), and rows times packed weights
 * give the target: one sgemm per tile, tiles divided between the threads. The
 * weight gradient gathers as forward does, and multiplies by dy.
 *
 * Gathering also converts bfloat16 and handles pixel strides, so all types and
 * strides use the same path.
 *
 * Results do not vary from run to run: the tiles depend on the shape and the
 * thread count alone, and partial sums are added in a fixed order.
 */
#include <cblas.h>
#include <string.h>

#include "core/threads.h"
#include "nn/conv/epilogue.h"
#include "nn/conv/kernels.h"
#include "nn/conv/openblas_room.h"
#include "nn/conv/sweep.h"

/* Gathered floats in a tile: 2 MB, which stays in cache beside the weights. */
#define TILE_FLOATS (512 * 1024)
#define MAX_TILE_PIXELS 1024
#define MIN_TILE_PIXELS 16

/* How a sweep is cut into tiles. */
typedef struct Tiling
{
	int			pixels;			/* pixels of a tile */
	long		count;			/* over the whole batch */
} Tiling;

typedef struct OpenBlas
{
	KernelPass	base;
	Sweeps		sweeps;			/* forward's in backward-weights */
	Tiling	   *tilings;		/* by sweep */
	float	   *weights;		/* (taps, C_source, C_target), sweep after sweep */
	float	   *bias;			/* (C_target), zeros without one */

	/* Scratch, each per thread. */
	size_t		gathered_at;	/* rows of a tile */
	size_t		gathered_size;	/* floats */
	size_t		result_at;		/* (tile pixels, C_target or C_out), then one pixel's residual */
	size_t		result_size;
	size_t		partial_at;		/* backward-weights: dw as (taps, C_in, C_out), then db */
	size_t		partial_size;
} OpenBlas;

/* One sweep of one run. */
typedef struct SweepJob
{
	const OpenBlas *state;
	const ConvolutionCall *call;
	const PassTensors *tensors;
	int			sweep;
} SweepJob;

/* ---- planning ---- */

static bool
openblas_can(const ConvolutionShape *shape, const ConvolutionUse *use, ConvolutionPass pass)
{
	(void) use;
	(void) pass;
	return shape->groups == 1;
}

/* Choose tiles for a sweep that gathers a given number of floats per pixel. */
static Tiling
plan_tiles(const Sweep *sweep, long images, size_t row_floats, int threads)
{
	long		positions = images * sweep->rows * sweep->columns;
	long		most = row_floats == 0 ? MAX_TILE_PIXELS : (long) (TILE_FLOATS / row_floats);
	long		pieces;
	Tiling		tiling = {1, 0};

	if (most > MAX_TILE_PIXELS)
		most = MAX_TILE_PIXELS;
	if (most < MIN_TILE_PIXELS)
		most = MIN_TILE_PIXELS;

	/* Round to a number of tiles that divides evenly between the threads. */
	pieces = (positions + most - 1) / most;
	pieces = (pieces + threads - 1) / threads * threads;
	if (positions > 0)
		tiling.pixels = (int) ((positions + pieces - 1) / pieces);
	tiling.count = (positions + tiling.pixels - 1) / tiling.pixels;
	return tiling;
}

/* The larger of two counts of floats, rounded up to whole cache lines, so that
 * threads do not share a line. */
static size_t
larger_lines(size_t a, size_t b)
{
	return a > b ? a : (b + 15) / 16 * 16;
}

static Status
openblas_plan(KernelPass *pass)
{
	OpenBlas   *state = (OpenBlas *) pass;
	bool		gradient = pass->pass == PASS_BACKWARD_WEIGHTS;
	int			threads = pass->use.threads;
	size_t		source = source_shape(pass).c;
	size_t		target = target_shape(pass).c;
	size_t		weights_at;
	size_t		bias_at;
	void	   *memory;

	TRY(openblas_need_room(threads));
	TRY(sweeps_create(pass->host, &pass->shape, gradient ? PASS_FORWARD : pass->pass, &state->sweeps));
	TRY(host_alloc_array(pass->host, state->sweeps.count, sizeof(Tiling), &memory));
	state->tilings = memory;
	for (int s = 0; s < state->sweeps.count; s++)
	{
		const Sweep *sweep = &state->sweeps.sweeps[s];
		Tiling	   *tiling = &state->tilings[s];

		*tiling = plan_tiles(sweep, pass->shape.x.n, sweep->tap_count * source, threads);
		state->gathered_size = larger_lines(state->gathered_size, tiling->pixels * sweep->tap_count * source);
		state->result_size = larger_lines(state->result_size, (tiling->pixels + 1) * target);
	}
	TRY(reserve_scratch(pass, state->gathered_size * threads, sizeof(float), &state->gathered_at));
	TRY(reserve_scratch(pass, state->result_size * threads, sizeof(float), &state->result_at));
	if (gradient)
	{
		state->partial_size = larger_lines(0, convolution_weight_count(&pass->shape) + target);
		return reserve_scratch(pass, state->partial_size * threads, sizeof(float), &state->partial_at);
	}
	TRY(reserve_held(pass, convolution_weight_count(&pass->shape), sizeof(float), &weights_at));
	TRY(reserve_held(pass, target, sizeof(float), &bias_at));
	TRY(arena_commit(&pass->arena, NULL, "convolution weights"));
	state->weights = arena_at(&pass->arena, weights_at);
	state->bias = arena_at(&pass->arena, bias_at);
	return status_ok();
}

static void
openblas_release(KernelPass *pass)
{
	OpenBlas   *state = (OpenBlas *) pass;

	sweeps_free(pass->host, &state->sweeps);
	host_free(pass->host, state->tilings);
}

/* The index in an (O, I, K, K) array of a tap's (input, output) element. */
static inline size_t
plain_index(const ConvolutionShape *shape, int tap, int input, int output)
{
	return ((size_t) output * shape->x.c + input) * shape->kernel * shape->kernel + tap;
}

static Status
openblas_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias)
{
	OpenBlas   *state = (OpenBlas *) pass;
	const ConvolutionShape *shape = &pass->shape;
	bool		forward = pass->pass == PASS_FORWARD;
	int			inputs = shape->x.c;
	int			outputs = shape->y.c;

	(void) call;
	if (pass->pass == PASS_BACKWARD_WEIGHTS)
		return status_ok();
	copy_bias(state->bias, pass->use.bias ? bias : NULL, target_shape(pass).c);
	for (int t = 0; t < shape->kernel * shape->kernel; t++)
		for (int o = 0; o < outputs; o++)
			for (int i = 0; i < inputs; i++)
			{
				size_t		place = forward ? (size_t) i * outputs + o : (size_t) o * inputs + i;

				state->weights[(size_t) t * inputs * outputs + place] =
					weights[plain_index(shape, state->sweeps.taps[t].index, i, o)];
			}
	return status_ok();
}

/* ---- running ---- */

/* The image, row and column of a sweep's position-th target pixel. */
static inline void
sweep_position(const Sweep *sweep, long position, int *image, int *row, int *column)
{
	*column = (int) (position % sweep->columns);
	*row = (int) (position / sweep->columns % sweep->rows);
	*image = (int) (position / sweep->columns / sweep->rows);
}

/* The number of the target's pixel at a sweep's position. */
static inline long
target_pixel(const SweepJob *job, long position)
{
	const Sweeps *sweeps = &job->state->sweeps;
	const Sweep *sweep = &sweeps->sweeps[job->sweep];
	TensorShape shape = target_shape(&job->state->base);
	int			image;
	int			row;
	int			column;

	sweep_position(sweep, position, &image, &row, &column);
	return ((long) image * shape.h + sweep->start_y + (long) row * sweeps->target_step) * shape.w +
		sweep->start_x + (long) column * sweeps->target_step;
}

/* Gather count positions from begin into rows (count, taps, C_source). */
static void
gather_rows(const SweepJob *job, long begin, int count, float *rows)
{
	const KernelPass *pass = &job->state->base;
	const Sweeps *sweeps = &job->state->sweeps;
	const Sweep *sweep = &sweeps->sweeps[job->sweep];
	TensorShape shape = source_shape(pass);

	for (int i = 0; i < count; i++)
	{
		int			image;
		int			row;
		int			column;

		sweep_position(sweep, begin + i, &image, &row, &column);
		for (int t = 0; t < sweep->tap_count; t++, rows += shape.c)
		{
			const SweepTap *tap = &sweeps->taps[sweep->first_tap + t];
			long		y = (long) row * sweeps->source_step + tap->y;
			long		x = (long) column * sweeps->source_step + tap->x;

			if (y < 0 || y >= shape.h || x < 0 || x >= shape.w)
				memset(rows, 0, shape.c * sizeof(float));
			else
				load_floats(pass->use.type, job->tensors->source,
							(size_t) (((long) image * shape.h + y) * shape.w + x) * source_stride(pass), shape.c, rows);
		}
	}
}

/* Finish a tile's values (count, C_target) and store them in the target. */
static void
store_tile(const SweepJob *job, long begin, int count, float *values)
{
	const KernelPass *pass = &job->state->base;
	int			channels = target_shape(pass).c;
	float	   *residual = values + (size_t) count * channels;

	for (int i = 0; i < count; i++, values += channels)
	{
		long		pixel = target_pixel(job, begin + i);

		finish_pixel(pass, job->tensors, job->state->bias, pixel, values, residual);
		store_floats(pass->use.type, job->tensors->target, (size_t) pixel * target_stride(pass), channels, values);
	}
}

/* Pixels of a sweep's tile; the last may have fewer, or none. */
static int
tile_pixels(const SweepJob *job, long tile)
{
	const Sweep *sweep = &job->state->sweeps.sweeps[job->sweep];
	int			pixels = job->state->tilings[job->sweep].pixels;
	long		left = (long) job->state->base.shape.x.n * sweep->rows * sweep->columns - tile * pixels;

	return left < 0 ? 0 : left < pixels ? (int) left : pixels;
}

/* Run tiles [first, last) of a sweep on one thread. */
static void
multiply_tiles(void *data, int worker, long first, long last)
{
	const SweepJob *job = data;
	const OpenBlas *state = job->state;
	const Sweep *sweep = &state->sweeps.sweeps[job->sweep];
	float	   *gathered = (float *) scratch_at(job->call, state->gathered_at) + worker * state->gathered_size;
	float	   *result = (float *) scratch_at(job->call, state->result_at) + worker * state->result_size;
	int			source = source_shape(&state->base).c;
	int			target = target_shape(&state->base).c;
	int			row_floats = sweep->tap_count * source;
	const float *weights = state->weights + (size_t) sweep->first_tap * source * target;

	for (long tile = first; tile < last; tile++)
	{
		long		begin = tile * state->tilings[job->sweep].pixels;
		int			count = tile_pixels(job, tile);

		if (sweep->tap_count == 0)
			memset(result, 0, (size_t) count * target * sizeof(float));
		else if (count > 0)
		{
			gather_rows(job, begin, count, gathered);
			cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, count, target, row_floats, 1.0f,
						gathered, row_floats, weights, target, 0.0f, result, target);
		}
		store_tile(job, begin, count, result);
	}
}

/* Add tiles [first, last) to one thread's partial weight and bias gradient. */
static void
sum_tiles(void *data, int worker, long first, long last)
{
	const SweepJob *job = data;
	const OpenBlas *state = job->state;
	const ConvolutionUse *use = &state->base.use;
	float	   *gathered = (float *) scratch_at(job->call, state->gathered_at) + worker * state->gathered_size;
	float	   *dy = (float *) scratch_at(job->call, state->result_at) + worker * state->result_size;
	float	   *dw = (float *) scratch_at(job->call, state->partial_at) + worker * state->partial_size;
	float	   *db = dw + convolution_weight_count(&state->base.shape);
	int			channels = state->base.shape.y.c;
	int			row_floats = state->sweeps.sweeps[0].tap_count * state->base.shape.x.c;

	for (long tile = first; tile < last; tile++)
	{
		long		begin = tile * state->tilings[0].pixels;
		int			count = tile_pixels(job, tile);

		if (count == 0)
			continue;
		for (int i = 0; i < count; i++)
		{
			float	   *pixel_dy = dy + (size_t) i * channels;

			load_floats(use->type, job->tensors->dy, (size_t) target_pixel(job, begin + i) * use->y_pixel_stride,
						channels, pixel_dy);
			for (int c = 0; c < channels; c++)
				db[c] += pixel_dy[c];
		}
		gather_rows(job, begin, count, gathered);
		cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, row_floats, channels, count, 1.0f,
					gathered, row_floats, dy, channels, 1.0f, dw, channels);
	}
}

static void
openblas_backward_weights(const OpenBlas *state, const ConvolutionCall *call, const PassTensors *tensors)
{
	const ConvolutionShape *shape = &state->base.shape;
	size_t		weights = convolution_weight_count(shape);
	float	   *sum = scratch_at(call, state->partial_at);
	SweepJob	job = {state, call, tensors, 0};

	memset(sum, 0, state->partial_size * call->threads * sizeof(float));
	threads_run(call->threads, state->tilings[0].count, sum_tiles, &job);
	for (int worker = 1; worker < call->threads; worker++)
	{
		const float *part = sum + worker * state->partial_size;

		for (size_t i = 0; i < weights + shape->y.c; i++)
			sum[i] += part[i];
	}
	for (int t = 0; t < shape->kernel * shape->kernel; t++)
		for (int o = 0; o < shape->y.c; o++)
			for (int i = 0; i < shape->x.c; i++)
				tensors->dw[plain_index(shape, t, i, o)] = sum[((size_t) t * shape->x.c + i) * shape->y.c + o];
	if (tensors->db != NULL)
		memcpy(tensors->db, sum + weights, shape->y.c * sizeof(float));
}

static Status
openblas_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors)
{
	const OpenBlas *state = (const OpenBlas *) pass;

	if (pass->pass == PASS_BACKWARD_WEIGHTS)
	{
		openblas_backward_weights(state, call, tensors);
		return status_ok();
	}
	for (int s = 0; s < state->sweeps.count; s++)
	{
		SweepJob	job = {state, call, tensors, s};

		threads_run(call->threads, state->tilings[s].count, multiply_tiles, &job);
	}
	return status_ok();
}

const ConvolutionKernel openblas_kernel = {
	.name = "openblas",
	.owner = KERNEL_REFERENCE,
	.state_size = sizeof(OpenBlas),
	.can = openblas_can,
	.plan = openblas_plan,
	.release = openblas_release,
	.set_weights = openblas_set_weights,
	.run = openblas_run,
};

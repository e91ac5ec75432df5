/*
 * openblas_convolution.c: convolution as matrix products over gathered tiles.
 *
 * A tile is a run of output pixels. The input values that each of them needs
 * are gathered into a row (im2col), and rows times packed weights give the
 * output: one sgemm per tile, tiles shared out over the threads.
 *
 * Backward-data has the same form, so it is the same code: each pixel of dx
 * gathers the pixels of dy that it contributed to. With a stride s, which
 * kernel taps those are depends on the pixel's position modulo s; each of
 * the s * s phases is a sweep with taps and packed weights of its own, and
 * nothing is multiplied by zeros. Forward is one sweep.
 *
 * Gathering into a tile also is where bfloat16 and wide pixel strides are
 * dealt with, so every type and stride goes through one path. Depthwise
 * convolutions use the same sweeps with direct loops in place of sgemm.
 *
 * Results do not vary from run to run: the tiles depend on the shape and the
 * thread count alone, and partial sums are added in a fixed order.
 */
#include "nn/conv/kernel.h"

#include <string.h>

#include "core/arena.h"
#include "core/checked.h"
#include "core/threads.h"

/* Gathered floats in a tile: 2 MB, which stays in cache beside the weights. */
#define TILE_FLOATS (512 * 1024)
#define MAX_TILE_PIXELS 1024
#define MIN_TILE_PIXELS 16

/* One kernel element, and where it reads relative to a sweep's position. */
typedef struct Tap
{
	int			kernel_y;
	int			kernel_x;
	int			offset_y;
	int			offset_x;
} Tap;

/*
 * Destination pixels that share their taps: (start + j * step), for j in
 * [0, rows) x [0, columns), reads source pixel j * source_step + tap offset.
 */
typedef struct Sweep
{
	int			start_y;
	int			start_x;
	int			step;
	int			rows;
	int			columns;
	int			source_step;
	int			tap_count;
	Tap		   *taps;
	float	   *weights;		/* (taps, C_source, C_destination), or (taps, C) depthwise */
	int			tile_pixels;
	long		tile_count;		/* over the whole batch */
} Sweep;

struct Convolution
{
	const Call *call;
	ConvolutionShape shape;
	ConvolutionUse use;
	Arena		arena;
	int			threads;
	Sweep		forward;		/* also the gathering of backward_weights */
	Sweep	   *phases;			/* of backward_data, stride * stride */
	int			phase_count;
	float	   *bias;			/* (C_out), zeros without one */
	float	   *gathered;		/* per thread: rows of a tile */
	size_t		gathered_size;
	float	   *result;			/* per thread: (tile pixels, C) */
	size_t		result_size;
	float	   *partial;		/* per thread: dw as (taps, C_in, C_out), then db */
	size_t		partial_size;
};

/* One call: what runs over which tensors. */
typedef struct Job
{
	const Convolution *convolution;
	const Sweep *sweep;
	const void *source;
	TensorShape source_shape;
	int			source_stride;
	void	   *destination;
	TensorShape destination_shape;
	int			destination_stride;
	bool		epilogue;		/* bias, residual and ReLU as use says */
} Job;

static bool
is_depthwise(const ConvolutionShape *shape)
{
	return shape->groups > 1;
}

/* Floats that a sweep gathers per pixel from a source of so many channels. */
static size_t
row_floats(const Sweep *sweep, int channels)
{
	return (size_t) sweep->tap_count * channels;
}

/* Read channels elements as float32. */
static inline void
load_floats(DataType type, const void *source, size_t offset, int channels, float *restrict target)
{
	if (type == DATA_F32)
		memcpy(target, (const float *) source + offset, channels * sizeof(float));
	else
	{
		const bfloat16 *values = (const bfloat16 *) source + offset;

		for (int c = 0; c < channels; c++)
			target[c] = bfloat16_to_float(values[c]);
	}
}

/* Write channels elements from float32. */
static inline void
store_floats(DataType type, void *target, size_t offset, int channels, const float *restrict source)
{
	if (type == DATA_F32)
		memcpy((float *) target + offset, source, channels * sizeof(float));
	else
	{
		bfloat16   *values = (bfloat16 *) target + offset;

		for (int c = 0; c < channels; c++)
			values[c] = bfloat16_from_float(source[c]);
	}
}

/* The image, row and column of a sweep's position-th destination pixel. */
static inline void
sweep_position(const Sweep *sweep, long position, int *image, int *row, int *column)
{
	*column = (int) (position % sweep->columns);
	*row = (int) (position / sweep->columns % sweep->rows);
	*image = (int) (position / sweep->columns / sweep->rows);
}

/* The element where a position's source pixel for tap begins, or -1 outside. */
static inline long
source_offset(const Job *job, int image, int row, int column, const Tap *tap)
{
	long		y = (long) row * job->sweep->source_step + tap->offset_y;
	long		x = (long) column * job->sweep->source_step + tap->offset_x;

	if (y < 0 || y >= job->source_shape.h || x < 0 || x >= job->source_shape.w)
		return -1;
	return (((long) image * job->source_shape.h + y) * job->source_shape.w + x) * job->source_stride;
}

/* The element where a position's destination pixel begins. */
static inline long
destination_offset(const Job *job, int image, int row, int column)
{
	const Sweep *sweep = job->sweep;
	long		y = sweep->start_y + (long) row * sweep->step;
	long		x = sweep->start_x + (long) column * sweep->step;

	return (((long) image * job->destination_shape.h + y) * job->destination_shape.w + x) *
		job->destination_stride;
}

/* Gather count positions from begin into rows (count, taps, C_source). */
static void
gather(const Job *job, long begin, int count, float *rows)
{
	const Sweep *sweep = job->sweep;
	int			channels = job->source_shape.c;

	for (int i = 0; i < count; i++)
	{
		int			image;
		int			row;
		int			column;

		sweep_position(sweep, begin + i, &image, &row, &column);
		for (int t = 0; t < sweep->tap_count; t++, rows += channels)
		{
			long		offset = source_offset(job, image, row, column, &sweep->taps[t]);

			if (offset < 0)
				memset(rows, 0, channels * sizeof(float));
			else
				load_floats(job->convolution->use.type, job->source, offset, channels, rows);
		}
	}
}

/* Values in the bias. */
static size_t
bias_channels(const Convolution *convolution)
{
	return convolution->use.transposed ? convolution->shape.x.c : convolution->shape.y.c;
}

/* Add the convolution's bias and residual to a pixel's values, clip by ReLU. */
static void
finish_pixel(const Convolution *convolution, const void *y, long offset, int channels, float *values)
{
	if (convolution->use.bias)
		for (int c = 0; c < channels; c++)
			values[c] += convolution->bias[c];
	if (convolution->use.residual)
	{
		if (convolution->use.type == DATA_F32)
			for (int c = 0; c < channels; c++)
				values[c] += ((const float *) y)[offset + c];
		else
			for (int c = 0; c < channels; c++)
				values[c] += bfloat16_to_float(((const bfloat16 *) y)[offset + c]);
	}
	if (convolution->use.relu)
		for (int c = 0; c < channels; c++)
			values[c] = values[c] > 0.0f ? values[c] : 0.0f;
}

/* Store a tile's values (count, C_destination) where they belong. */
static void
store_tile(const Job *job, long begin, int count, float *values)
{
	int			channels = job->destination_shape.c;

	for (int i = 0; i < count; i++, values += channels)
	{
		int			image;
		int			row;
		int			column;
		long		offset;

		sweep_position(job->sweep, begin + i, &image, &row, &column);
		offset = destination_offset(job, image, row, column);
		if (job->epilogue)
			finish_pixel(job->convolution, job->destination, offset, channels, values);
		store_floats(job->convolution->use.type, job->destination, offset, channels, values);
	}
}

/* Convolve each channel alone: count positions into values (count, C). */
static void
depthwise_tile(const Job *job, long begin, int count, float *values, float *pixel)
{
	const Sweep *sweep = job->sweep;
	int			channels = job->destination_shape.c;

	memset(values, 0, (size_t) count * channels * sizeof(float));
	for (int i = 0; i < count; i++, values += channels)
	{
		int			image;
		int			row;
		int			column;

		sweep_position(sweep, begin + i, &image, &row, &column);
		for (int t = 0; t < sweep->tap_count; t++)
		{
			const float *restrict weights = sweep->weights + (size_t) t * channels;
			long		offset = source_offset(job, image, row, column, &sweep->taps[t]);

			if (offset < 0)
				continue;
			load_floats(job->convolution->use.type, job->source, offset, channels, pixel);
			for (int c = 0; c < channels; c++)
				values[c] += pixel[c] * weights[c];
		}
	}
}

/* Run tiles [first, last) of a job's sweep on one thread. */
static void
sweep_task(void *data, int worker, long first, long last)
{
	const Job  *job = data;
	const Convolution *convolution = job->convolution;
	const Sweep *sweep = job->sweep;
	long		positions = (long) job->destination_shape.n * sweep->rows * sweep->columns;
	float	   *gathered = convolution->gathered + worker * convolution->gathered_size;
	float	   *result = convolution->result + worker * convolution->result_size;
	int			k = (int) row_floats(sweep, job->source_shape.c);

	for (long tile = first; tile < last; tile++)
	{
		long		begin = tile * sweep->tile_pixels;
		long		left = positions - begin;
		int			count = left < sweep->tile_pixels ? (int) left : sweep->tile_pixels;

		if (count <= 0)
			break;
		if (is_depthwise(&convolution->shape))
			depthwise_tile(job, begin, count, result, gathered);
		else if (sweep->tap_count == 0)
			memset(result, 0, (size_t) count * job->destination_shape.c * sizeof(float));
		else
		{
			gather(job, begin, count, gathered);
			matrix_product(count, job->destination_shape.c, k, gathered, k, false,
						   sweep->weights, job->destination_shape.c, false, 0.0f,
						   result, job->destination_shape.c);
		}
		store_tile(job, begin, count, result);
	}
}

/* Add tiles [first, last) to one thread's partial weight and bias gradient;
 * the job's destination is dy. */
static void
gradient_task(void *data, int worker, long first, long last)
{
	const Job  *job = data;
	const Convolution *convolution = job->convolution;
	const Sweep *sweep = job->sweep;
	DataType	type = convolution->use.type;
	int			channels = job->destination_shape.c;
	long		positions = (long) job->destination_shape.n * sweep->rows * sweep->columns;
	float	   *gathered = convolution->gathered + worker * convolution->gathered_size;
	float	   *dy = convolution->result + worker * convolution->result_size;
	float	   *dw = convolution->partial + worker * convolution->partial_size;
	float	   *db = dw + convolution_weight_count(&convolution->shape);
	int			k = (int) row_floats(sweep, job->source_shape.c);

	for (long tile = first; tile < last; tile++)
	{
		long		begin = tile * sweep->tile_pixels;
		long		left = positions - begin;
		int			count = left < sweep->tile_pixels ? (int) left : sweep->tile_pixels;

		for (int i = 0; i < count; i++)
		{
			float	   *pixel_dy = dy + (size_t) i * channels;
			int			image;
			int			row;
			int			column;

			sweep_position(sweep, begin + i, &image, &row, &column);
			load_floats(type, job->destination, destination_offset(job, image, row, column), channels,
						pixel_dy);
			for (int c = 0; c < channels; c++)
				db[c] += pixel_dy[c];
			if (!is_depthwise(&convolution->shape))
				continue;
			for (int t = 0; t < sweep->tap_count; t++)
			{
				float	   *restrict tap_dw = dw + (size_t) t * channels;
				long		offset = source_offset(job, image, row, column, &sweep->taps[t]);

				if (offset < 0)
					continue;
				load_floats(type, job->source, offset, channels, gathered);
				for (int c = 0; c < channels; c++)
					tap_dw[c] += gathered[c] * pixel_dy[c];
			}
		}
		if (count <= 0 || is_depthwise(&convolution->shape))
			continue;
		gather(job, begin, count, gathered);
		matrix_product(k, channels, count, gathered, k, true, dy, channels, false, 1.0f, dw, channels);
	}
}

/* The element of a (O, I, KH, KW) array where a tap's (input, output) stands. */
static inline size_t
plain_index(const ConvolutionShape *shape, const Tap *tap, int input, int output)
{
	int			inputs = shape->x.c / shape->groups;

	return (((size_t) output * inputs + input) * shape->kernel_h + tap->kernel_y) * shape->kernel_w +
		tap->kernel_x;
}

/* Copy plain weights to a sweep as (taps, C_in, C_out), or (taps, C_out,
 * C_in) when the sweep runs from y to x. */
static void
pack_weights(const ConvolutionShape *shape, Sweep *sweep, bool backward, const float *weights)
{
	int			inputs = shape->x.c / shape->groups;
	int			outputs = shape->y.c;

	for (int t = 0; t < sweep->tap_count; t++)
		for (int o = 0; o < outputs; o++)
			for (int i = 0; i < inputs; i++)
			{
				size_t		place = backward && !is_depthwise(shape) ?
					(size_t) o * inputs + i : (size_t) i * outputs + o;

				sweep->weights[(size_t) t * inputs * outputs + place] =
					weights[plain_index(shape, &sweep->taps[t], i, o)];
			}
}

/* Choose tiles for a sweep that gathers k floats per pixel. */
static void
plan_tiles(Sweep *sweep, long images, size_t k, int threads)
{
	long		positions = images * sweep->rows * sweep->columns;
	long		most = k == 0 ? MAX_TILE_PIXELS : (long) (TILE_FLOATS / k);
	long		pieces;

	if (most > MAX_TILE_PIXELS)
		most = MAX_TILE_PIXELS;
	if (most < MIN_TILE_PIXELS)
		most = MIN_TILE_PIXELS;

	/* As many tiles as the threads share evenly. */
	pieces = (positions + most - 1) / most;
	pieces = (pieces + threads - 1) / threads * threads;
	sweep->tile_pixels = positions == 0 ? 1 : (int) ((positions + pieces - 1) / pieces);
	sweep->tile_count = (positions + sweep->tile_pixels - 1) / sweep->tile_pixels;
}

/* Where forward reads for each tap; taps has room for all. */
static void
plan_forward(Convolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	Sweep	   *sweep = &convolution->forward;

	sweep->step = 1;
	sweep->rows = shape->y.h;
	sweep->columns = shape->y.w;
	sweep->source_step = shape->stride;
	for (int ky = 0; ky < shape->kernel_h; ky++)
		for (int kx = 0; kx < shape->kernel_w; kx++)
		{
			Tap		   *tap = &sweep->taps[sweep->tap_count++];

			tap->kernel_y = ky;
			tap->kernel_x = kx;
			tap->offset_y = ky * shape->dilation - shape->padding;
			tap->offset_x = kx * shape->dilation - shape->padding;
		}
}

/*
 * Where one phase of backward-data reads. Pixel x of the input meets pixel y
 * of the output at tap k when y * stride = x + padding - k * dilation; with
 * x = phase + j * stride that is y = j + (phase + padding - k * dilation) /
 * stride, where the division must leave no remainder.
 */
static void
plan_phase(Convolution *convolution, int phase_y, int phase_x, Sweep *sweep)
{
	const ConvolutionShape *shape = &convolution->shape;
	int			stride = shape->stride;

	sweep->start_y = phase_y;
	sweep->start_x = phase_x;
	sweep->step = stride;
	sweep->rows = (shape->x.h - phase_y + stride - 1) / stride;
	sweep->columns = (shape->x.w - phase_x + stride - 1) / stride;
	if (sweep->rows <= 0 || sweep->columns <= 0)
		sweep->rows = sweep->columns = 0;
	sweep->source_step = 1;
	for (int ky = 0; ky < shape->kernel_h; ky++)
		for (int kx = 0; kx < shape->kernel_w; kx++)
		{
			int			distance_y = phase_y + shape->padding - ky * shape->dilation;
			int			distance_x = phase_x + shape->padding - kx * shape->dilation;
			Tap		   *tap = &sweep->taps[sweep->tap_count];

			if (distance_y % stride != 0 || distance_x % stride != 0)
				continue;
			sweep->tap_count++;
			tap->kernel_y = ky;
			tap->kernel_x = kx;
			tap->offset_y = distance_y / stride;
			tap->offset_x = distance_x / stride;
		}
}

/* Reserve room for count floats at a time for each of threads. */
static Status
reserve_floats(Convolution *convolution, size_t count, int threads, size_t *offset)
{
	size_t		bytes;

	if (!checked_mul(count, sizeof(float), &bytes) || !checked_mul(bytes, (size_t) threads, &bytes))
		return status_error(LS_LIMIT_EXCEEDED, "a convolution of %d to %d channels is too large",
							convolution->shape.x.c, convolution->shape.y.c);
	return arena_reserve(&convolution->arena, bytes, offset);
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* Round up to whole cache lines of floats, so that threads do not share one. */
static size_t
line_floats(size_t count)
{
	return (count + 15) / 16 * 16;
}

/* Size and place everything in the arena; taps and phases exist already. */
static Status
plan_memory(Convolution *convolution)
{
	const ConvolutionShape *shape = &convolution->shape;
	const ConvolutionUse *use = &convolution->use;
	bool		depthwise = is_depthwise(shape);
	size_t		weights = convolution_weight_count(shape);
	size_t		per_tap = weights / ((size_t) shape->kernel_h * shape->kernel_w);
	size_t		forward_at = 0;
	size_t		bias_at = 0;
	size_t		phases_at = 0;
	size_t		gathered_at;
	size_t		result_at;
	size_t		partial_at = 0;
	size_t		placed = 0;

	if (use->forward || use->backward_weights)
	{
		Sweep	   *sweep = &convolution->forward;
		size_t		k = depthwise ? (size_t) shape->x.c : row_floats(sweep, shape->x.c);

		plan_tiles(sweep, shape->y.n, k, convolution->threads);
		convolution->gathered_size = line_floats(depthwise ? k : sweep->tile_pixels * k);
		convolution->result_size = line_floats((size_t) sweep->tile_pixels * shape->y.c);
	}
	if (use->forward)
		TRY(reserve_floats(convolution, weights, 1, &forward_at));
	TRY(reserve_floats(convolution, bias_channels(convolution), 1, &bias_at));
	if (use->backward_data)
	{
		for (int p = 0; p < convolution->phase_count; p++)
		{
			Sweep	   *sweep = &convolution->phases[p];
			size_t		k = depthwise ? (size_t) shape->y.c : row_floats(sweep, shape->y.c);

			plan_tiles(sweep, shape->x.n, k, convolution->threads);
			convolution->gathered_size =
				larger(convolution->gathered_size, line_floats(depthwise ? k : sweep->tile_pixels * k));
			convolution->result_size =
				larger(convolution->result_size, line_floats((size_t) sweep->tile_pixels * shape->x.c));
		}
		TRY(reserve_floats(convolution, weights, 1, &phases_at));
	}
	if (use->backward_weights)
	{
		convolution->partial_size = line_floats(weights + shape->y.c);
		TRY(reserve_floats(convolution, convolution->partial_size, convolution->threads, &partial_at));
	}
	TRY(reserve_floats(convolution, convolution->gathered_size, convolution->threads, &gathered_at));
	TRY(reserve_floats(convolution, convolution->result_size, convolution->threads, &result_at));
	TRY(arena_commit(&convolution->arena, "convolution weights and tiles"));

	convolution->gathered = arena_at(&convolution->arena, gathered_at);
	convolution->result = arena_at(&convolution->arena, result_at);
	convolution->bias = arena_at(&convolution->arena, bias_at);
	if (use->forward)
		convolution->forward.weights = arena_at(&convolution->arena, forward_at);
	if (use->backward_data)
		for (int p = 0; p < convolution->phase_count; p++)
		{
			Sweep	   *sweep = &convolution->phases[p];

			sweep->weights = (float *) arena_at(&convolution->arena, phases_at) + placed;
			placed += sweep->tap_count * per_tap;
		}
	if (use->backward_weights)
		convolution->partial = arena_at(&convolution->arena, partial_at);
	return status_ok();
}

static void
openblas_destroy(Convolution *convolution)
{
	const Call *call;

	if (convolution == NULL)
		return;
	call = convolution->call;
	arena_free(&convolution->arena);
	call_free(call, convolution->forward.taps);
	if (convolution->phases != NULL)
		call_free(call, convolution->phases[0].taps);
	call_free(call, convolution->phases);
	call_free(call, convolution);
}

/* Work out sweeps and memory of a convolution whose fields are filled in. */
static Status
plan_convolution(Convolution *convolution)
{
	const Call *call = convolution->call;
	const ConvolutionShape *shape = &convolution->shape;
	size_t		taps = (size_t) shape->kernel_h * shape->kernel_w;
	void	   *memory;

	TRY(call_alloc_array(call, taps, sizeof(Tap), &memory));
	convolution->forward.taps = memory;
	plan_forward(convolution);
	if (convolution->use.backward_data)
	{
		size_t		phases = (size_t) shape->stride * shape->stride;
		Tap		   *phase_taps;

		TRY(call_alloc_array(call, phases, sizeof(Sweep), &memory));
		convolution->phases = memory;

		/* Every tap belongs to one phase; the last may look one beyond. */
		TRY(call_alloc_array(call, taps + 1, sizeof(Tap), &memory));
		phase_taps = memory;
		convolution->phase_count = (int) phases;
		for (int p = 0; p < convolution->phase_count; p++)
		{
			Sweep	   *sweep = &convolution->phases[p];

			sweep->taps = phase_taps;
			plan_phase(convolution, p / shape->stride, p % shape->stride, sweep);
			phase_taps += sweep->tap_count;
		}
	}
	return plan_memory(convolution);
}

static Status
openblas_create(const Call *call, const ConvolutionShape *shape, const ConvolutionUse *use,
				Convolution **convolution)
{
	Convolution *made;
	Status		status;
	void	   *memory;

	*convolution = NULL;
	TRY(convolution_check(shape, use));
	TRY(call_alloc_array(call, 1, sizeof(Convolution), &memory));
	made = memory;
	made->call = call;
	made->shape = *shape;
	made->use = *use;
	made->threads = call->threads > 1 ? call->threads : 1;
	arena_init(&made->arena, call);
	status = plan_convolution(made);
	if (status.code != LS_OK)
		openblas_destroy(made);
	else
		*convolution = made;
	return status;
}

static bool
openblas_supports(DataType type)
{
	return type == DATA_F32;
}

static size_t
openblas_memory(const Convolution *convolution)
{
	return convolution->arena.size;
}

static Status
openblas_set_weights(Convolution *convolution, const float *weights, const float *bias)
{
	const ConvolutionShape *shape = &convolution->shape;

	if (bias != NULL)
		memcpy(convolution->bias, bias, bias_channels(convolution) * sizeof(float));
	else
		memset(convolution->bias, 0, bias_channels(convolution) * sizeof(float));
	if (convolution->use.forward)
		pack_weights(shape, &convolution->forward, false, weights);
	for (int p = 0; p < convolution->phase_count; p++)
		pack_weights(shape, &convolution->phases[p], true, weights);
	return status_ok();
}

/* Run a task over a sweep's tiles. */
static void
run_job(Job *job, ThreadsTask task)
{
	threads_use(job->convolution->threads);
	threads_run(job->convolution->threads, job->sweep->tile_count, task, job);
}

static Status
openblas_forward(Convolution *convolution, const void *x, void *y)
{
	Job			job = {
		.convolution = convolution,
		.sweep = &convolution->forward,
		.source = x,
		.source_shape = convolution->shape.x,
		.source_stride = convolution->use.x_pixel_stride,
		.destination = y,
		.destination_shape = convolution->shape.y,
		.destination_stride = convolution->use.y_pixel_stride,
		.epilogue = !convolution->use.transposed,
	};

	run_job(&job, sweep_task);
	return status_ok();
}

static Status
openblas_backward_data(Convolution *convolution, const void *dy, void *dx)
{
	Job			job = {
		.convolution = convolution,
		.source = dy,
		.source_shape = convolution->shape.y,
		.source_stride = convolution->use.y_pixel_stride,
		.destination = dx,
		.destination_shape = convolution->shape.x,
		.destination_stride = convolution->use.x_pixel_stride,
		.epilogue = convolution->use.transposed,
	};

	for (int p = 0; p < convolution->phase_count; p++)
	{
		job.sweep = &convolution->phases[p];
		run_job(&job, sweep_task);
	}
	return status_ok();
}

static Status
openblas_backward_weights(Convolution *convolution, const void *x, const void *dy, float *dw, float *db)
{
	const ConvolutionShape *shape = &convolution->shape;
	size_t		weights = convolution_weight_count(shape);
	int			inputs = shape->x.c / shape->groups;
	float	   *sum = convolution->partial;
	Job			job = {
		.convolution = convolution,
		.sweep = &convolution->forward,
		.source = x,
		.source_shape = shape->x,
		.source_stride = convolution->use.x_pixel_stride,
		.destination = (void *) dy,
		.destination_shape = shape->y,
		.destination_stride = convolution->use.y_pixel_stride,
	};

	memset(sum, 0, convolution->partial_size * convolution->threads * sizeof(float));
	run_job(&job, gradient_task);
	for (int worker = 1; worker < convolution->threads; worker++)
	{
		const float *part = sum + worker * convolution->partial_size;

		for (size_t i = 0; i < weights + shape->y.c; i++)
			sum[i] += part[i];
	}
	for (int t = 0; t < convolution->forward.tap_count; t++)
		for (int o = 0; o < shape->y.c; o++)
			for (int i = 0; i < inputs; i++)
				dw[plain_index(shape, &convolution->forward.taps[t], i, o)] =
					sum[((size_t) t * inputs + i) * shape->y.c + o];
	if (db != NULL)
		memcpy(db, sum + weights, shape->y.c * sizeof(float));
	return status_ok();
}

static const char *
openblas_implementation(const Convolution *convolution, ConvolutionPass pass)
{
	const ConvolutionUse *use = &convolution->use;
	bool		made = pass == PASS_FORWARD ? use->forward :
		pass == PASS_BACKWARD_DATA ? use->backward_data : use->backward_weights;

	if (!made)
		return "";
	return is_depthwise(&convolution->shape) ? "loops" : "im2col:sgemm";
}

const Backend openblas_backend = {
	.name = "openblas",
	.supports = openblas_supports,
	.create = openblas_create,
	.destroy = openblas_destroy,
	.memory = openblas_memory,
	.set_weights = openblas_set_weights,
	.forward = openblas_forward,
	.backward_data = openblas_backward_data,
	.backward_weights = openblas_backward_weights,
	.implementation = openblas_implementation,
};

/*
 * upscale.c: more pixels, by cubic convolution in each direction.
 *
 * Keys' kernel with a = -1/2, weights in 1/2^14 that sum to one. A worker
 * keeps the last source rows that it filtered across; a result row is a
 * weighted sum of four of them.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "core/threads.h"
#include "enhance/steps/steps.h"

#define WEIGHT_BITS 14
#define WEIGHT_ONE (1 << WEIGHT_BITS)
#define FRACTION_BITS 6			/* of a row that was filtered across: 255 and its overshoot fit 16 bits */
#define TAPS 4

/* The four source pixels of one result pixel: first .. first + 3, which may
 * lie beyond an edge. */
typedef struct CubicTaps
{
	int			first;
	int			weights[TAPS];
} CubicTaps;

typedef struct Upscale
{
	const Image *source;
	Image	   *result;
	CubicTaps  *across;			/* one per result column */
	CubicTaps  *down;			/* and row */
	int16_t    *rows;			/* per thread: TAPS rows filtered across */
} Upscale;

/* Keys' kernel at the distances 1 + t, t, 1 - t, 2 - t. */
static void
cubic_weights(double t, int weights[TAPS])
{
	double		exact[TAPS];
	int			sum = 0;

	exact[0] = ((-0.5 * t + 1) * t - 0.5) * t;
	exact[1] = (1.5 * t - 2.5) * t * t + 1;
	exact[2] = ((-1.5 * t + 2) * t + 0.5) * t;
	exact[3] = (0.5 * t - 0.5) * t * t;
	for (int k = 0; k < TAPS; k++)
	{
		weights[k] = (int) floor(exact[k] * WEIGHT_ONE + 0.5);
		sum += weights[k];
	}
	weights[t < 0.5 ? 1 : 2] += WEIGHT_ONE - sum;
}

/* Taps from source to result pixels, centres at half integers. */
static void
make_taps(int source, int result, CubicTaps *taps)
{
	for (int i = 0; i < result; i++)
	{
		double		at = (i + 0.5) * source / result - 0.5;
		double		left = floor(at);

		taps[i].first = (int) left - 1;
		cubic_weights(at - left, taps[i].weights);
	}
}

static int
clamp_index(int i, int count)
{
	return i < 0 ? 0 : i >= count ? count - 1 : i;
}

/* Filter source row y across. */
static void
filter_row(const Upscale *task, int y, int16_t *out)
{
	const Image *source = task->source;
	const uint8_t *row = image_row(source, y);
	int			channels = source->channels;

	for (int x = 0; x < task->result->width; x++, out += channels)
	{
		const CubicTaps *taps = &task->across[x];
		const uint8_t *pixels[TAPS];

		for (int k = 0; k < TAPS; k++)
			pixels[k] = row + (size_t) clamp_index(taps->first + k, source->width) * (size_t) channels;
		for (int c = 0; c < channels; c++)
		{
			int			sum = 1 << (WEIGHT_BITS - FRACTION_BITS - 1);

			for (int k = 0; k < TAPS; k++)
				sum += taps->weights[k] * pixels[k][c];
			out[c] = (int16_t) (sum >> (WEIGHT_BITS - FRACTION_BITS));
		}
	}
}

static void
upscale_rows(void *data, int worker, long begin, long end)
{
	Upscale    *task = data;
	size_t		samples = samples_in_row(task->result);
	int16_t    *rows = task->rows + (size_t) worker * TAPS * samples;
	int			kept[TAPS] = {-1, -1, -1, -1};	/* source row in each slot */

	for (long y = begin; y < end; y++)
	{
		const CubicTaps *taps = &task->down[y];
		uint8_t    *out = image_row(task->result, y);
		const int16_t *from[TAPS];

		for (int k = 0; k < TAPS; k++)
		{
			int			wanted = clamp_index(taps->first + k, task->source->height);
			int			slot = wanted % TAPS;

			if (kept[slot] != wanted)
			{
				filter_row(task, wanted, rows + (size_t) slot * samples);
				kept[slot] = wanted;
			}
			from[k] = rows + (size_t) slot * samples;
		}
		for (size_t i = 0; i < samples; i++)
		{
			int			sum = 1 << (WEIGHT_BITS + FRACTION_BITS - 1);

			for (int k = 0; k < TAPS; k++)
				sum += taps->weights[k] * from[k][i];
			out[i] = to_byte(sum >> (WEIGHT_BITS + FRACTION_BITS));
		}
	}
}

/* Allocate taps and rows, and compute all rows of the result. */
static Status
enlarge_cubic(const Call *call, Upscale *task)
{
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) task->result->width, sizeof(CubicTaps), &memory));
	task->across = memory;
	TRY(call_alloc_array(call, (size_t) task->result->height, sizeof(CubicTaps), &memory));
	task->down = memory;
	TRY(call_alloc_array(call, (size_t) call->threads * TAPS * sizeof(int16_t), samples_in_row(task->result), &memory));
	task->rows = memory;
	make_taps(task->source->width, task->result->width, task->across);
	make_taps(task->source->height, task->result->height, task->down);
	return threads_run_polled(call, task->result->height, rows_between_polls(task->result), upscale_rows, task);
}

Status
step_upscale(const Call *call, const EnhanceOptions *options, Image *image)
{
	double		width = floor(image->width * options->upscale_factor + 0.5);
	double		height = floor(image->height * options->upscale_factor + 0.5);
	Image		result = {0};
	Upscale		task = {.source = image, .result = &result};
	Status		status;

	if (width > INT_MAX || height > INT_MAX)
		return status_error(LS_LIMIT_EXCEEDED, "%d x %d pixels enlarged by %g are too many", image->width,
							image->height,
							options->upscale_factor);
	TRY(image_create(call, (int) width, (int) height, image->channels, &result));
	status = enlarge_cubic(call, &task);
	call_free(call, task.across);
	call_free(call, task.down);
	call_free(call, task.rows);
	if (status.code != LS_OK)
	{
		image_free(call, &result);
		return status;
	}
	image_free(call, image);
	*image = result;
	return status_ok();
}

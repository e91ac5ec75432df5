/*
 * resize.c: a whole image resized (resize_filters.h), and nearest neighbour for
 * masks.
 *
 * A source row is filtered across once and kept while result rows need it
 * (neighbouring result rows share at most two). Threads divide the result's
 * rows; each keeps its own filtered rows.
 */
#include <string.h>

#include "core/threads.h"
#include "image/codec/formats.h"
#include "image/resize/nearest.h"
#include "image/resize/resize_filters.h"

#define BLOCK_SAMPLES 2000000	/* samples read or written between two polls, about */

/* Memory of one thread. */
typedef struct ResizeWorker
{
	uint32_t   *scratch;
	uint16_t   *rows[2];		/* source rows filtered across: row y is kept in y % 2 */
	int			kept[2];		/* the source row that each holds, -1 at first */
	uint32_t   *sums;			/* one result row being summed up */
} ResizeWorker;

/* What the passes of one resize share. */
typedef struct Resize
{
	const Call *call;	/* for polls when the main thread works alone */
	const Image *source;
	Image	   *result;
	ResizeFilters filters;
	ResizeWorker *workers;
	int			threads;
	long		first;			/* result row at which the block begins */
	Status		status;			/* of polling */
} Resize;

/* Give source row y, filtered across. */
static const uint16_t *
filtered_row(const Resize *resize, ResizeWorker *worker, int y)
{
	const uint8_t *source = resize->source->pixels + (size_t) y * (size_t) resize->filters.source_samples;

	if (worker->kept[y % 2] != y)
		resize_row_across(&resize->filters, worker->scratch, source, worker->rows[y % 2]);
	worker->kept[y % 2] = y;
	return worker->rows[y % 2];
}

/* Sum up any number of source rows to a result row. */
static Status
sum_rows(const Resize *resize, ResizeWorker *worker, Taps taps, uint8_t *out)
{
	const ResizeFilters *filters = &resize->filters;
	int			samples = filters->result_samples;

	resize_sums_start(filters, worker->sums);
	for (int j = 0; j < taps.count; j++)
	{
		if (resize->call != NULL && j % POLL_ROWS == 0)
			TRY(call_poll(resize->call));
		filters->kernels->add(worker->sums, filtered_row(resize, worker, taps.first + j),
							  filters->down.weights[taps.weights + j], samples);
	}
	filters->kernels->finish(out, worker->sums, samples);
	return status_ok();
}

/* Compute result rows begin .. end of the block. */
static void
resize_rows(void *data, int number, long begin, long end)
{
	Resize	   *resize = data;
	const ResizeFilters *filters = &resize->filters;
	ResizeWorker *worker = &resize->workers[number];

	for (long y = resize->first + begin; y < resize->first + end; y++)
	{
		Taps		taps = filters->down.taps[y];
		const uint16_t *weights = filters->down.weights + taps.weights;
		uint8_t    *out = resize->result->pixels + (size_t) y * (size_t) filters->result_samples;

		if (taps.count == 2)
		{
			const uint16_t *a = filtered_row(resize, worker, taps.first);
			const uint16_t *b = filtered_row(resize, worker, taps.first + 1);

			filters->kernels->blend(out, a, weights[0], b, weights[1], filters->result_samples);
		}
		else
		{
			Status		status = sum_rows(resize, worker, taps, out);

			if (status.code != LS_OK)
			{
				resize->status = status;
				return;
			}
		}
	}
}

/* Allocate a thread's memory. */
static Status
worker_create(const Call *call, const ResizeFilters *filters, ResizeWorker *worker)
{
	TRY(resize_scratch_create(call, filters, &worker->scratch));
	for (int i = 0; i < 2; i++)
	{
		TRY(resize_row_create(call, filters, &worker->rows[i]));
		worker->kept[i] = -1;
	}
	return resize_sums_create(call, filters, &worker->sums);
}

/* Set up both passes and run them, block by block. */
static Status
resize_run(const Call *call, Resize *resize)
{
	const Image *source = resize->source;
	Image	   *result = resize->result;
	int64_t		source_rows = source->height / result->height + 1;
	int64_t		per_row = source_rows * source->width + result->width;
	int64_t		block = BLOCK_SAMPLES / (per_row * result->channels);
	void	   *memory;

	/* when one row takes long, the main thread works alone and polls within
	 * it */
	resize->threads = block < 2 * call->threads ? 1 : call->threads;
	resize->call = resize->threads == 1 ? call : NULL;
	block = block < 1 ? 1 : block;
	TRY(resize_filters_create(call, source->width, source->height, result->width, result->height, source->channels,
							  &resize->filters));
	TRY(call_alloc_array(call, (size_t) resize->threads, sizeof(ResizeWorker), &memory));
	resize->workers = memory;
	for (int t = 0; t < resize->threads; t++)
		TRY(worker_create(call, &resize->filters, &resize->workers[t]));
	for (; resize->first < result->height; resize->first += block)
	{
		long		left = result->height - resize->first;

		TRY(call_poll(call));
		threads_run(resize->threads, left < block ? left : (long) block, resize_rows, resize);
		if (resize->status.code != LS_OK)
			return resize->status;
	}
	return status_ok();
}

/* Free what resize_run allocated. */
static void
resize_free(const Call *call, Resize *resize)
{
	for (int t = 0; resize->workers != NULL && t < resize->threads; t++)
	{
		call_free(call, resize->workers[t].scratch);
		call_free(call, resize->workers[t].rows[0]);
		call_free(call, resize->workers[t].rows[1]);
		call_free(call, resize->workers[t].sums);
	}
	call_free(call, resize->workers);
	resize_filters_free(call, &resize->filters);
}

Status
image_resize(const Call *call, const Image *source, int width, int height, Image *result)
{
	Resize		resize = {.source = source,.result = result};
	Status		status;

	TRY(image_allocate(call, width, height, source->channels, result));
	if (width == source->width && height == source->height)
	{
		memcpy(result->pixels, source->pixels, (size_t) width * (size_t) height * (size_t) source->channels);
		return status_ok();
	}
	status = resize_run(call, &resize);
	resize_free(call, &resize);
	if (status.code != LS_OK)
		image_free(call, result);
	return status;
}

Status
image_resize_nearest(const Call *call, const Image *source, int width, int height, Image *result)
{
	size_t		channels = (size_t) source->channels;
	void	   *memory;
	int		   *columns;
	Status		status;

	TRY(image_create(call, width, height, source->channels, result));
	status = call_alloc_array(call, (size_t) width, sizeof(int), &memory);
	columns = memory;
	for (int x = 0; status.code == LS_OK && x < width; x++)
		columns[x] = nearest_index(x, source->width, width);
	for (int y = 0; status.code == LS_OK && y < height; y++)
	{
		const uint8_t *row = source->pixels +
			(size_t) nearest_index(y, source->height, height) * (size_t) source->width * channels;
		uint8_t    *out = result->pixels + (size_t) y * (size_t) width * channels;

		for (int x = 0; x < width; x++, out += channels)
			memcpy(out, row + (size_t) columns[x] * channels, channels);
		if (y % POLL_ROWS == 0)
			status = call_poll(call);
	}
	call_free(call, columns);
	if (status.code != LS_OK)
		image_free(call, result);
	return status;
}

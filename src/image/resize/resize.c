/*
 * resize.c: area average when shrinking, bilinear when enlarging, each
 * direction for itself; nearest neighbour for masks.
 *
 * Both filters are separable, and both are a short list of weighted source
 * pixels per result pixel. So one pair of passes serves both: a source row is
 * filtered across once, into 8.8 fixed point, and kept while result rows need
 * it (neighbouring result rows share at most two); result rows are weighted
 * sums of these. Threads divide the result's rows; each keeps its own filtered
 * rows. Weights are integers that sum to exactly WEIGHT_ONE, so a constant
 * image stays constant and every machine gets the same bytes.
 */
#include <string.h>

#include "core/threads.h"
#include "image/codec/formats.h"
#include "image/resize/resize_kernels.h"

#define WEIGHT_ONE (1 << RESIZE_WEIGHT_BITS)
#define BLOCK_SAMPLES 2000000	/* samples read or written between two polls, about */

/* The source pixels that make up one result pixel. */
typedef struct Taps
{
	int			first;			/* first source pixel */
	int			count;
	int			weights;		/* index of the first weight */
} Taps;

/* All taps along one direction. */
typedef struct Filter
{
	Taps	   *taps;			/* one per result pixel */
	uint16_t   *weights;		/* count per tap, summing to WEIGHT_ONE */
} Filter;

/*
 * Area average: result pixel i covers source [i s, (i + 1) s), s = source /
 * result; the weight of a source pixel is the share of it that lies inside.
 * Positions are counted in units of 1 / result of a source pixel, so they are
 * integers; weights are differences of rounded cumulative sums.
 */
static void
filter_area(Filter *filter, int source, int result)
{
	int			used = 0;

	for (int i = 0; i < result; i++)
	{
		int64_t		begin = (int64_t) i * source;
		int64_t		end = begin + source;
		int			first = (int) (begin / result);
		int			last = (int) ((end - 1) / result);
		int64_t		before = 0;

		filter->taps[i] = (Taps) {first, last - first + 1, used};
		for (int j = first; j <= last; j++)
		{
			int64_t		covered = (int64_t) (j + 1) * result;
			int64_t		upto;

			covered = (covered < end ? covered : end) - begin;
			upto = (covered * WEIGHT_ONE + source / 2) / source;
			filter->weights[used++] = (uint16_t) (upto - before);
			before = upto;
		}
	}
}

/* Bilinear: the centre of result pixel i lies at (i + 1/2) s - 1/2 between two
 * source pixels; beyond the outermost centres the outermost pixel is used. */
static void
filter_linear(Filter *filter, int source, int result)
{
	int			used = 0;

	for (int i = 0; i < result; i++)
	{
		/* the centre in units of 1 / (2 result) of a source pixel */
		int64_t		centre = (2 * (int64_t) i + 1) * source - result;
		int64_t		unit = 2 * (int64_t) result;
		int			first;
		int			weight;

		if (centre < 0)
			centre = 0;
		first = (int) (centre / unit);
		if (first >= source - 1)
		{
			filter->taps[i] = (Taps) {source - 1, 1, used};
			filter->weights[used++] = WEIGHT_ONE;
			continue;
		}
		weight = (int) (((centre - first * unit) * WEIGHT_ONE + result) / unit);
		filter->taps[i] = (Taps) {first, 2, used};
		filter->weights[used++] = (uint16_t) (WEIGHT_ONE - weight);
		filter->weights[used++] = (uint16_t) weight;
	}
}

/* Make the filter from source to result pixels. */
static Status
filter_create(const Call *call, int source, int result, Filter *filter)
{
	/* Neighbouring areas share at most one source pixel. */
	size_t		weights = source > result ? (size_t) source + (size_t) result : 2 * (size_t) result;
	void	   *memory;

	memset(filter, 0, sizeof *filter);
	TRY(call_alloc_array(call, (size_t) result, sizeof(Taps), &memory));
	filter->taps = memory;
	TRY(call_alloc_array(call, weights, sizeof(uint16_t), &memory));
	filter->weights = memory;
	if (source > result)
		filter_area(filter, source, result);
	else
		filter_linear(filter, source, result);
	return status_ok();
}

static void
filter_free(const Call *call, Filter *filter)
{
	call_free(call, filter->taps);
	call_free(call, filter->weights);
}

/* Lay out a filter across for interleaved channels. */
static Status
sample_filter_create(const Call *call, const Filter *filter, int width, int channels, SampleFilter *samples)
{
	size_t		count = (size_t) width * (size_t) channels;
	int			taps = 0;
	void	   *memory;

	for (int x = 0; x < width; x++)
		taps = filter->taps[x].count > taps ? filter->taps[x].count : taps;
	samples->count = (int) count;
	samples->step = channels;
	samples->pairs = (taps + 1) / 2;
	TRY(call_alloc_array(call, count, sizeof(int32_t), &memory));
	samples->first = memory;
	TRY(call_alloc_array(call, count, (size_t) samples->pairs * sizeof(uint32_t), &memory));
	samples->weights = memory;
	for (size_t i = 0; i < count; i++)
	{
		const Taps *of_pixel = &filter->taps[i / (size_t) channels];

		samples->first[i] = of_pixel->first * channels + (int) (i % (size_t) channels);
		for (int k = 0; k < of_pixel->count; k++)
			samples->weights[(size_t) (k / 2) * count + i] |=
				(uint32_t) filter->weights[of_pixel->weights + k] << (k % 2 == 0 ? 0 : 16);
	}
	return status_ok();
}

/*
 * Lay out a filter of at most two taps for across_pairs. When enlarging, a
 * block's results are so close together that all their samples are within
 * reach.
 */
static Status
pair_filter_create(const Call *call, const Filter *filter, int width, int channels, PairFilter *pairs)
{
	size_t		blocks = ((size_t) width * (size_t) channels - 1) / PAIR_BLOCK + 1;
	void	   *memory;

	TRY(call_alloc_array(call, blocks, sizeof(int32_t), &memory));
	pairs->bases = memory;
	TRY(call_alloc_array(call, blocks, 2 * PAIR_BLOCK * sizeof(int16_t), &memory));
	pairs->places = memory;
	TRY(call_alloc_array(call, blocks, 2 * PAIR_BLOCK * sizeof(int16_t), &memory));
	pairs->weights = memory;
	for (size_t i = 0; i < (size_t) width * (size_t) channels; i++)
	{
		const Taps *taps = &filter->taps[i / (size_t) channels];
		int			first = taps->first * channels + (int) (i % (size_t) channels);

		if (i % PAIR_BLOCK == 0)
			pairs->bases[i / PAIR_BLOCK] = taps->first * channels;
		for (int k = 0; k < taps->count; k++)
		{
			pairs->places[2 * i + (size_t) k] = (int16_t) (first + k * channels - pairs->bases[i / PAIR_BLOCK]);
			pairs->weights[2 * i + (size_t) k] = (int16_t) filter->weights[taps->weights + k];
		}
	}
	return status_ok();
}

/* Memory of one thread. */
typedef struct ResizeWorker
{
	uint32_t   *scratch;		/* a source row, and zeros after it for taps of weight 0 */
	uint16_t   *rows[2];		/* source rows filtered across: row y is kept in y % 2 */
	int			kept[2];		/* the source row that each holds, -1 at first */
	uint32_t   *sums;			/* one result row being summed up */
} ResizeWorker;

/* What the passes of one resize share. */
typedef struct Resize
{
	const Call *call;	/* for polls when the main thread works alone */
	const ImageKernels *kernels;
	const Image *source;
	Image	   *result;
	Filter		across;
	Filter		down;
	bool		by_pairs;		/* across_pairs is used */
	SampleFilter samples;		/* across, unless by pairs */
	PairFilter	pairs;
	ResizeWorker *workers;
	int			threads;
	long		first;			/* result row at which the block begins */
	Status		status;			/* of polling */
} Resize;

/* Give source row y, filtered across. */
static const uint16_t *
filtered_row(const Resize *resize, ResizeWorker *worker, int y)
{
	const Image *source = resize->source;
	int			samples = source->width * source->channels;

	if (worker->kept[y % 2] == y)
		return worker->rows[y % 2];
	if (resize->by_pairs)
		resize->kernels->across_pairs(worker->rows[y % 2], source->pixels + (size_t) y * (size_t) samples, samples,
									  &resize->pairs, (resize->result->width * source->channels - 1) / PAIR_BLOCK + 1);
	else
		resize->kernels->across(worker->rows[y % 2], source->pixels + (size_t) y * (size_t) samples, samples,
								worker->scratch, &resize->samples);
	worker->kept[y % 2] = y;
	return worker->rows[y % 2];
}

/* Sum up any number of source rows to a result row. */
static Status
sum_rows(const Resize *resize, ResizeWorker *worker, Taps taps, uint8_t *out)
{
	int			samples = resize->result->width * resize->result->channels;

	for (int i = 0; i < samples; i++)
		worker->sums[i] = 1 << (RESIZE_WEIGHT_BITS + RESIZE_FRACTION_BITS - 1);
	for (int j = 0; j < taps.count; j++)
	{
		if (resize->call != NULL && j % POLL_ROWS == 0)
			TRY(call_poll(resize->call));
		resize->kernels->add(worker->sums, filtered_row(resize, worker, taps.first + j),
							 resize->down.weights[taps.weights + j], samples);
	}
	resize->kernels->finish(out, worker->sums, samples);
	return status_ok();
}

/* Compute result rows begin .. end of the block. */
static void
resize_rows(void *data, int number, long begin, long end)
{
	Resize	   *resize = data;
	ResizeWorker *worker = &resize->workers[number];
	int			samples = resize->result->width * resize->result->channels;

	for (long y = resize->first + begin; y < resize->first + end; y++)
	{
		Taps		taps = resize->down.taps[y];
		uint8_t    *out = resize->result->pixels + (size_t) y * (size_t) samples;

		if (taps.count == 2)
		{
			const uint16_t *a = filtered_row(resize, worker, taps.first);
			const uint16_t *b = filtered_row(resize, worker, taps.first + 1);

			resize->kernels->blend(out, a, resize->down.weights[taps.weights], b,
								   resize->down.weights[taps.weights + 1],
								   samples);
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
worker_create(const Call *call, const Resize *resize, ResizeWorker *worker)
{
	const Image *source = resize->source;
	size_t		samples = (size_t) resize->result->width * (size_t) source->channels;
	void	   *memory;

	TRY(call_alloc_array(call,
						 ((size_t) source->width + 2 * (size_t) resize->samples.pairs) * (size_t) source->channels,
						 sizeof(uint32_t), &memory));
	worker->scratch = memory;
	for (int i = 0; i < 2; i++)
	{
		TRY(call_alloc_array(call, samples + PAIR_BLOCK, sizeof(uint16_t), &memory));
		worker->rows[i] = memory;
		worker->kept[i] = -1;
	}
	TRY(call_alloc_array(call, samples, sizeof(uint32_t), &memory));
	worker->sums = memory;
	return status_ok();
}

/* Set up both passes and run them, block by block. */
static Status
resize_run(const Call *call, Resize *resize)
{
	Image	   *result = resize->result;
	int64_t		source_rows = resize->source->height / result->height + 1;
	int64_t		per_row = source_rows * resize->source->width + result->width;
	int64_t		block = BLOCK_SAMPLES / (per_row * result->channels);
	void	   *memory;

	/* when one row takes long, the main thread works alone and polls within
	 * it */
	resize->threads = block < 2 * call->threads ? 1 : call->threads;
	resize->call = resize->threads == 1 ? call : NULL;
	block = block < 1 ? 1 : block;
	TRY(filter_create(call, resize->source->width, result->width, &resize->across));
	TRY(filter_create(call, resize->source->height, result->height, &resize->down));
	resize->by_pairs = resize->kernels->across_pairs != NULL && resize->source->width <= result->width;
	if (resize->by_pairs)
		TRY(pair_filter_create(call, &resize->across, result->width, result->channels, &resize->pairs));
	else
		TRY(sample_filter_create(call, &resize->across, result->width, result->channels, &resize->samples));
	TRY(call_alloc_array(call, (size_t) resize->threads, sizeof(ResizeWorker), &memory));
	resize->workers = memory;
	for (int t = 0; t < resize->threads; t++)
		TRY(worker_create(call, resize, &resize->workers[t]));
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
	call_free(call, resize->samples.first);
	call_free(call, resize->samples.weights);
	call_free(call, resize->pairs.bases);
	call_free(call, resize->pairs.places);
	call_free(call, resize->pairs.weights);
	filter_free(call, &resize->across);
	filter_free(call, &resize->down);
}

Status
image_resize(const Call *call, const Image *source, int width, int height, Image *result)
{
	Resize		resize = {.kernels = image_kernels(),.source = source,.result = result};
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

/* The source pixel whose area holds the centre of result pixel i. */
static inline int
nearest_index(int i, int source, int result)
{
	return (int) ((2 * (int64_t) i + 1) * source / (2 * (int64_t) result));
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

/*
 * resize.c: area average when shrinking, bilinear when enlarging, each
 * direction for itself; nearest neighbour for masks.
 *
 * Both filters are separable and both are a short list of weighted source
 * pixels per result pixel, so one pair of passes serves: a source row is
 * filtered across once, into 8.8 fixed point, and kept while result rows
 * need it (never more than two are shared between neighbours); result rows
 * are weighted sums of those. Weights are integers that sum to exactly
 * WEIGHT_ONE, so a constant image stays constant and every machine gets the
 * same bytes.
 */
#include <string.h>

#include "image/formats.h"

#define WEIGHT_BITS 14
#define WEIGHT_ONE (1 << WEIGHT_BITS)
#define FRACTION_BITS 8			/* of a row that was filtered across */

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

/* Area average: result pixel i covers source [i s, (i + 1) s), s = source /
 * result, and weighs every source pixel by the share of it that lies
 * inside. Positions are counted in units of 1 / result of a source pixel, so
 * they are integers; weights are differences of rounded cumulative sums. */
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

/* Bilinear: the centre of result pixel i lies at (i + 1/2) s - 1/2 between
 * two source pixels; beyond the outermost centres the outermost pixel
 * counts. */
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
filter_create(const HostContext *host, int source, int result, Filter *filter)
{
	/* Neighbouring areas share at most one source pixel. */
	size_t		weights = source > result ? (size_t) source + (size_t) result : 2 * (size_t) result;
	void	   *memory;

	memset(filter, 0, sizeof *filter);
	TRY(host_alloc_array(host, (size_t) result, sizeof(Taps), &memory));
	filter->taps = memory;
	TRY(host_alloc_array(host, weights, sizeof(uint16_t), &memory));
	filter->weights = memory;
	if (source > result)
		filter_area(filter, source, result);
	else
		filter_linear(filter, source, result);
	return status_ok();
}

static void
filter_free(const HostContext *host, Filter *filter)
{
	host_free(host, filter->taps);
	host_free(host, filter->weights);
}

/* Filter one row across. Inlined for each number of channels. */
static inline void
filter_across(const Filter *filter, const uint8_t *row, int channels, int width, uint16_t *out)
{
	for (int x = 0; x < width; x++, out += channels)
	{
		Taps		taps = filter->taps[x];
		const uint16_t *weights = filter->weights + taps.weights;
		const uint8_t *in = row + (size_t) taps.first * (size_t) channels;
		uint32_t	sums[3] = {0, 0, 0};

		for (int i = 0; i < taps.count; i++, in += channels)
		{
			for (int c = 0; c < channels; c++)
				sums[c] += (uint32_t) weights[i] * in[c];
		}
		for (int c = 0; c < channels; c++)
			out[c] = (uint16_t) ((sums[c] + (1 << (WEIGHT_BITS - FRACTION_BITS - 1))) >>
								 (WEIGHT_BITS - FRACTION_BITS));
	}
}

/* What the passes of one resize work with. */
typedef struct Resize
{
	const Image *source;
	Filter		across;
	Filter		down;
	uint16_t   *rows[2];		/* source rows filtered across: row y is kept in y % 2 */
	int			kept[2];		/* which source row each holds, -1 at first */
	uint32_t   *sums;			/* one result row being summed up */
} Resize;

/* Give source row y, filtered across. */
static const uint16_t *
filtered_row(Resize *resize, int y, int width)
{
	const Image *source = resize->source;
	const uint8_t *row = source->pixels + (size_t) y * (size_t) source->width * (size_t) source->channels;
	uint16_t   *out = resize->rows[y % 2];

	if (resize->kept[y % 2] != y)
	{
		if (source->channels == 1)
			filter_across(&resize->across, row, 1, width, out);
		else
			filter_across(&resize->across, row, 3, width, out);
		resize->kept[y % 2] = y;
	}
	return out;
}

/* Compute all rows of result. */
static Status
resize_rows(const HostContext *host, Resize *resize, Image *result)
{
	size_t		samples = (size_t) result->width * (size_t) result->channels;
	int			polled = 0;		/* source row at the last poll */

	for (int y = 0; y < result->height; y++)
	{
		Taps		taps = resize->down.taps[y];
		uint8_t    *out = result->pixels + (size_t) y * samples;
		uint32_t   *sums = resize->sums;

		for (size_t i = 0; i < samples; i++)
			sums[i] = 1 << (WEIGHT_BITS + FRACTION_BITS - 1);
		for (int j = 0; j < taps.count; j++)
		{
			const uint16_t *row = filtered_row(resize, taps.first + j, result->width);
			uint32_t	weight = resize->down.weights[taps.weights + j];

#pragma omp simd
			for (size_t i = 0; i < samples; i++)
				sums[i] += weight * row[i];
			if (taps.first + j >= polled + POLL_ROWS)
			{
				polled = taps.first + j;
				TRY(host_poll(host));
			}
		}
#pragma omp simd
		for (size_t i = 0; i < samples; i++)
			out[i] = (uint8_t) (sums[i] >> (WEIGHT_BITS + FRACTION_BITS));
		if (y % POLL_ROWS == 0)
			TRY(host_poll(host));
	}
	return status_ok();
}

/* Set up both passes and run them. */
static Status
resize_run(const HostContext *host, Resize *resize, Image *result)
{
	size_t		samples = (size_t) result->width * (size_t) result->channels;
	void	   *memory;

	TRY(filter_create(host, resize->source->width, result->width, &resize->across));
	TRY(filter_create(host, resize->source->height, result->height, &resize->down));
	for (int i = 0; i < 2; i++)
	{
		TRY(host_alloc_array(host, samples, sizeof(uint16_t), &memory));
		resize->rows[i] = memory;
		resize->kept[i] = -1;
	}
	TRY(host_alloc_array(host, samples, sizeof(uint32_t), &memory));
	resize->sums = memory;
	return resize_rows(host, resize, result);
}

Status
image_resize(const HostContext *host, const Image *source, int width, int height, Image *result)
{
	Resize		resize = {.source = source};
	Status		status;

	TRY(image_create(host, width, height, source->channels, result));
	if (width == source->width && height == source->height)
	{
		memcpy(result->pixels, source->pixels, (size_t) width * (size_t) height * (size_t) source->channels);
		return status_ok();
	}
	status = resize_run(host, &resize, result);
	filter_free(host, &resize.across);
	filter_free(host, &resize.down);
	host_free(host, resize.rows[0]);
	host_free(host, resize.rows[1]);
	host_free(host, resize.sums);
	if (status.code != LS_OK)
		image_free(host, result);
	return status;
}

/* The source pixel whose area holds the centre of result pixel i. */
static inline int
nearest(int i, int source, int result)
{
	return (int) ((2 * (int64_t) i + 1) * source / (2 * (int64_t) result));
}

Status
image_resize_nearest(const HostContext *host, const Image *source, int width, int height, Image *result)
{
	size_t		channels = (size_t) source->channels;
	void	   *memory;
	int		   *columns;
	Status		status;

	TRY(image_create(host, width, height, source->channels, result));
	status = host_alloc_array(host, (size_t) width, sizeof(int), &memory);
	columns = memory;
	for (int x = 0; status.code == LS_OK && x < width; x++)
		columns[x] = nearest(x, source->width, width);
	for (int y = 0; status.code == LS_OK && y < height; y++)
	{
		const uint8_t *row = source->pixels +
			(size_t) nearest(y, source->height, height) * (size_t) source->width * channels;
		uint8_t    *out = result->pixels + (size_t) y * (size_t) width * channels;

		for (int x = 0; x < width; x++, out += channels)
			memcpy(out, row + (size_t) columns[x] * channels, channels);
		if (y % POLL_ROWS == 0)
			status = host_poll(host);
	}
	host_free(host, columns);
	if (status.code != LS_OK)
		image_free(host, result);
	return status;
}

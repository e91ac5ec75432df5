/*
 * resize_filters.c: area average when shrinking, bilinear when enlarging, each
 * direction for itself. Weights are integers that sum to exactly WEIGHT_ONE, so
 * a constant image stays constant and every machine gets the same bytes.
 */
#include "image/resize/resize_filters.h"

#include <string.h>

#define WEIGHT_ONE (1 << RESIZE_WEIGHT_BITS)

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

Status
resize_filters_create(const Call *call, int source_width, int source_height, int width, int height, int channels,
					  ResizeFilters *filters)
{
	filters->kernels = image_kernels();
	filters->source_samples = source_width * channels;
	filters->result_samples = width * channels;
	filters->by_pairs = filters->kernels->across_pairs != NULL && source_width <= width;
	TRY(filter_create(call, source_width, width, &filters->across));
	TRY(filter_create(call, source_height, height, &filters->down));
	if (filters->by_pairs)
		return pair_filter_create(call, &filters->across, width, channels, &filters->pairs);
	return sample_filter_create(call, &filters->across, width, channels, &filters->samples);
}

void
resize_filters_free(const Call *call, ResizeFilters *filters)
{
	call_free(call, filters->samples.first);
	call_free(call, filters->samples.weights);
	call_free(call, filters->pairs.bases);
	call_free(call, filters->pairs.places);
	call_free(call, filters->pairs.weights);
	filter_free(call, &filters->across);
	filter_free(call, &filters->down);
}

Status
resize_scratch_create(const Call *call, const ResizeFilters *filters, uint32_t **scratch)
{
	/* a source row, and zeros after it for taps of weight 0 */
	size_t		behind = 2 * (size_t) filters->samples.pairs * (size_t) filters->samples.step;
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) filters->source_samples + behind, sizeof(uint32_t), &memory));
	*scratch = memory;
	return status_ok();
}

Status
resize_row_create(const Call *call, const ResizeFilters *filters, uint16_t **row)
{
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) filters->result_samples + PAIR_BLOCK, sizeof(uint16_t), &memory));
	*row = memory;
	return status_ok();
}

Status
resize_sums_create(const Call *call, const ResizeFilters *filters, uint32_t **sums)
{
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) filters->result_samples, sizeof(uint32_t), &memory));
	*sums = memory;
	return status_ok();
}

void
resize_sums_start(const ResizeFilters *filters, uint32_t *sums)
{
	for (int i = 0; i < filters->result_samples; i++)
		sums[i] = 1 << (RESIZE_WEIGHT_BITS + RESIZE_FRACTION_BITS - 1);
}

void
resize_row_across(const ResizeFilters *filters, uint32_t *scratch, const uint8_t *source, uint16_t *row)
{
	if (filters->by_pairs)
		filters->kernels->across_pairs(row, source, filters->source_samples, &filters->pairs,
									   (filters->result_samples - 1) / PAIR_BLOCK + 1);
	else
		filters->kernels->across(row, source, filters->source_samples, scratch, &filters->samples);
}

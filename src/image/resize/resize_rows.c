/*
 * resize_rows.c: see resize_rows.h.
 *
 * A source row counts towards at most two result rows when shrinking, and
 * towards any number when enlarging. Result rows of two source rows are a blend
 * of the last two; others are summed up as rows come. All sums are of integers,
 * so the order in which image_resize makes them does not matter.
 */
#include "image/resize/resize_rows.h"

#include <string.h>

#include "image/codec/formats.h"
#include "image/resize/resize_filters.h"

struct ResizeRows
{
	ResizeFilters filters;
	Image		result;
	uint32_t   *scratch;
	uint16_t   *rows[2];		/* the last two source rows, filtered across: row y is kept in y % 2 */
	uint32_t   *sums;			/* of result row `next` */
	int			taken;			/* rows of the source */
	int			next;			/* the first result row that is not complete */
};

/* Allocate what a resize needs. */
static Status
prepare(const Call *call, int source_width, int source_height, int channels, int width, int height,
		ResizeRows *resize)
{
	TRY(image_allocate(call, width, height, channels, &resize->result));
	TRY(resize_filters_create(call, source_width, source_height, width, height, channels, &resize->filters));
	TRY(resize_scratch_create(call, &resize->filters, &resize->scratch));
	for (int i = 0; i < 2; i++)
		TRY(resize_row_create(call, &resize->filters, &resize->rows[i]));
	TRY(resize_sums_create(call, &resize->filters, &resize->sums));
	resize_sums_start(&resize->filters, resize->sums);
	return status_ok();
}

Status
resize_rows_create(const Call *call, int source_width, int source_height, int channels, int width, int height,
				   ResizeRows **result)
{
	void	   *memory;
	Status		status;

	*result = NULL;
	TRY(call_alloc_array(call, 1, sizeof(ResizeRows), &memory));
	status = prepare(call, source_width, source_height, channels, width, height, memory);
	if (status.code != LS_OK)
	{
		resize_rows_free(call, memory);
		return status;
	}
	*result = memory;
	return status_ok();
}

/* Use source row y for the first result row that is not complete. Does that
 * complete it? */
static bool
use_row(ResizeRows *resize, int y)
{
	const ResizeFilters *filters = &resize->filters;
	const ImageKernels *kernels = filters->kernels;
	int			samples = filters->result_samples;
	Taps		taps = filters->down.taps[resize->next];
	const uint16_t *weights = filters->down.weights + taps.weights;
	uint8_t    *out = resize->result.pixels + (size_t) resize->next * (size_t) samples;
	bool		last = y == taps.first + taps.count - 1;

	if (taps.count != 2)
		kernels->add(resize->sums, resize->rows[y % 2], weights[y - taps.first], samples);
	else if (last)
		kernels->blend(out, resize->rows[taps.first % 2], weights[0], resize->rows[y % 2], weights[1], samples);
	if (last && taps.count != 2)
	{
		kernels->finish(out, resize->sums, samples);
		resize_sums_start(filters, resize->sums);
	}
	return last;
}

void
resize_rows_take(ResizeRows *resize, const uint8_t *row)
{
	int			y = resize->taken++;

	resize_row_across(&resize->filters, resize->scratch, row, resize->rows[y % 2]);
	while (resize->next < resize->result.height && resize->filters.down.taps[resize->next].first <= y)
	{
		if (!use_row(resize, y))
			break;
		resize->next++;
	}
}

Image
resize_rows_result(ResizeRows *resize)
{
	Image		result = resize->result;

	memset(&resize->result, 0, sizeof resize->result);
	return result;
}

void
resize_rows_free(const Call *call, ResizeRows *resize)
{
	if (resize == NULL)
		return;
	image_free(call, &resize->result);
	resize_filters_free(call, &resize->filters);
	call_free(call, resize->scratch);
	call_free(call, resize->rows[0]);
	call_free(call, resize->rows[1]);
	call_free(call, resize->sums);
	call_free(call, resize);
}

/*
 * resize_filters.h: which source pixels make up each result pixel of a resize,
 * and with what weights. Private to this folder.
 *
 * Both directions are a short list of weighted source pixels per result pixel.
 * A source row is filtered across once, into 8.8 fixed point; result rows are
 * weighted sums of these.
 */
#ifndef LESIONSEG_IMAGE_RESIZE_FILTERS_H
#define LESIONSEG_IMAGE_RESIZE_FILTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/resize/resize_kernels.h"

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

/* What one resize needs to know; the same for all its rows and threads. */
typedef struct ResizeFilters
{
	const ImageKernels *kernels;
	int			source_samples; /* of a row */
	int			result_samples;
	Filter		across;
	Filter		down;
	bool		by_pairs;		/* across_pairs is used */
	SampleFilter samples;		/* across, unless by pairs */
	PairFilter	pairs;
} ResizeFilters;

/* Make the filters from source to result size, into zeroed memory. Free them also
 * after a failure. */
Status		resize_filters_create(const Call *call, int source_width, int source_height, int width, int height,
								  int channels, ResizeFilters *filters);
void		resize_filters_free(const Call *call, ResizeFilters *filters);

/* Memory for filtering rows across: `scratch` for one caller at a time, `row` for
 * one filtered row, `sums` for one result row being summed up. */
Status		resize_scratch_create(const Call *call, const ResizeFilters *filters, uint32_t **scratch);
Status		resize_row_create(const Call *call, const ResizeFilters *filters, uint16_t **row);
Status		resize_sums_create(const Call *call, const ResizeFilters *filters, uint32_t **sums);

/* Begin a result row: what rounds it. */
void		resize_sums_start(const ResizeFilters *filters, uint32_t *sums);

/* Filter a source row across. */
void		resize_row_across(const ResizeFilters *filters, uint32_t *scratch, const uint8_t *source, uint16_t *row);

#endif

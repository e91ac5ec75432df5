/*
 * distance.h: exact Euclidean distances to the nearest marked pixel.
 *
 * There are two passes, both linear in the number of pixels: along columns the
 * distance to the nearest marked pixel of the column, then along rows the
 * lower envelope of the parabolas that follow from these (Felzenszwalb and
 * Huttenlocher, Theory of Computing 8(19), 2012). The second pass works row by
 * row, so that the whole map of distances need not be in memory. Without a
 * spacing all squared distances are integers and exact.
 */
#ifndef LESIONSEG_MEASURE_DISTANCE_H
#define LESIONSEG_MEASURE_DISTANCE_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

/* The distances between the centres of neighbouring pixels. */
typedef struct PixelSpacing
{
	double		down;			/* from row to row */
	double		across;			/* from column to column */
} PixelSpacing;

/* The result of the first pass: distance in rows to the nearest marked pixel
 * of the column. */
typedef struct DistanceColumns
{
	int			width;
	int			height;
	PixelSpacing spacing;
	int32_t    *rows;			/* (height, width); DISTANCE_NONE where the column has none */
} DistanceColumns;

#define DISTANCE_NONE (INT32_MAX / 2)

/* What one thread needs for the second pass; see distance_row. */
typedef struct DistanceRow
{
	int		   *places;			/* (width) columns of the envelope's parabolas */
	double	   *heights;		/* (width) their lowest values */
	double	   *starts;			/* (width) where each begins to be the lowest */
	int			count;
} DistanceRow;

/* The first pass over marked (height, width), not 0 where marked, on the
 * call's threads. On success free with distance_columns_free. */
Status		distance_columns(const Call *call, const uint8_t *marked, int width, int height, PixelSpacing spacing,
							 DistanceColumns *columns);
void		distance_columns_free(const Call *call, DistanceColumns *columns);

Status		distance_row_create(const Call *call, int width, DistanceRow *row);
void		distance_row_free(const Call *call, DistanceRow *row);

/*
 * Build the envelope of row y; then ask for its distances from left to right,
 * with `at` 0 before the first. Distances are infinite if nothing is marked.
 */
void		distance_row_build(const DistanceColumns *columns, int y, DistanceRow *row);
double		distance_row_at(const DistanceRow *row, const PixelSpacing *spacing, int x, int *at);

/* The distances of all pixels to the nearest marked one, (height, width). */
Status		distance_map(const Call *call, const uint8_t *marked, int width, int height, PixelSpacing spacing,
						 float *distances);

#endif

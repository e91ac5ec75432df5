/*
 * heat_map.h: a table of numbers as a picture.
 */
#ifndef LESIONSEG_IMAGE_HEAT_MAP_H
#define LESIONSEG_IMAGE_HEAT_MAP_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

#define HEAT_MAP_LETTERS 24		/* most letters of a name that are shown */
#define HEAT_MAP_MOST 100		/* rows or columns, at most */
#define HEAT_MAP_TITLE 120		/* letters of the title that are shown */

typedef struct HeatMap
{
	int			rows;			/* 1 .. HEAT_MAP_MOST, as columns */
	int			columns;
	const char *const *row_names;
	const char *const *column_names;
	const double *cells;		/* (rows, columns); NaN = no number */
	double		worst;			/* what is darkest; 0 and below are white */
	const char *title;			/* NULL = none */
} HeatMap;

/* Draw the table as an RGB image, with one decimal in each cell, the title above it and
 * a scale of its shades below. The caller frees result. */
Status		heat_map_draw(const Call *call, const HeatMap *map, Image *result);

#endif

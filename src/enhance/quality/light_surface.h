/*
 * light_surface.h: the light on a frame as a smooth surface. Private to this
 * folder.
 */
#ifndef LESIONSEG_ENHANCE_LIGHT_SURFACE_H
#define LESIONSEG_ENHANCE_LIGHT_SURFACE_H

#include "image/image.h"

#define LIGHT_TERMS 6			/* 1, x, y, x^2, x y, y^2 */
#define LIGHT_CELLS 16			/* each way */
#define LIGHT_BLACK 16			/* luma up to which a cell is the lens's rim, not skin */

/* Luma of lit skin at (x, y), each -1 .. 1 from edge to edge. */
typedef struct LightSurface
{
	double		terms[LIGHT_TERMS];
	double		low;			/* the least and the most of it over the frame, >= 0 */
	double		high;

	/* By how much cells (rows, columns) are brighter than that: light that the
	 * surface does not follow, such as an edge that is dark all over. */
	float		excess[LIGHT_CELLS][LIGHT_CELLS];
} LightSurface;

/* Fit the surface to the luma of cells by least squares, reweighted so that
 * what is darker than it, lesions, does not pull it down. */
void		light_surface_fit(const Image *frame, LightSurface *surface);

#endif

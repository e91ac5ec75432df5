/*
 * light_surface.h: the light on a frame as a smooth surface. Private to this
 * folder.
 */
#ifndef LESIONSEG_ENHANCE_LIGHT_SURFACE_H
#define LESIONSEG_ENHANCE_LIGHT_SURFACE_H

#include "image/image.h"

#define LIGHT_TERMS 6			/* 1, x, y, x^2, x y, y^2 */
#define LIGHT_CELLS 16			/* each way */
#define LIGHT_BLACK 16			/* a cell with luma up to this is the lens's rim, not skin */

/* Luma of lit skin at (x, y), each -1 .. 1 from edge to edge. */
typedef struct LightSurface
{
	double		terms[LIGHT_TERMS];
	double		low;			/* its minimum and maximum over the frame, >= 0 */
	double		high;

	/*
	 * By cell (row, column): luma above the surface. This is light that the
	 * surface does not follow, for instance near an edge that is dark all
	 * over.
	 */
	float		excess[LIGHT_CELLS][LIGHT_CELLS];
} LightSurface;

/* Fit the surface to the luma of cells by least squares, reweighted so that
 * darker areas (lesions) do not pull it down. */
void		light_surface_fit(const Image *frame, LightSurface *surface);

#endif

/*
 * light_surface.h: the light on a frame as a smooth surface. Private to this
 * folder.
 */
#ifndef LESIONSEG_ENHANCE_LIGHT_SURFACE_H
#define LESIONSEG_ENHANCE_LIGHT_SURFACE_H

#include "image/image.h"

#define LIGHT_TERMS 6			/* 1, x, y, x^2, x y, y^2 */
#define LIGHT_BLACK 16			/* luma up to which a cell is the lens's rim, not skin */

/* Luma of lit skin at (x, y), each -1 .. 1 from edge to edge. */
typedef struct LightSurface
{
	double		terms[LIGHT_TERMS];
	double		low;			/* the least and the most of it over the frame, >= 0 */
	double		high;
} LightSurface;

/* Fit the surface to the luma of 16 x 16 cells by least squares, reweighted so
 * that what is darker than it, lesions, does not pull it down. */
void		light_surface_fit(const Image *frame, LightSurface *surface);

#endif

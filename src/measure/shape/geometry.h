/*
 * geometry.h: size and form of the lesion in a mask.
 *
 * area: pixels times their area.
 * perimeter: outline_length (outline.h), or the hull's perimeter where that is
 * longer, as it is of a few pixels.
 * The convex hull is that of discs as wide as a pixel: the hull of the pixels'
 * centres, wider by half a pixel all around (Steiner's formulas: perimeter +
 * pi w, area + perimeter w / 2 + pi w^2 / 4).
 * equivalent_diameter: of the circle of that area, sqrt(4 area / pi).
 * largest_diameter, smallest_diameter: of Feret, the greatest and the least
 * distance of two parallels that touch the hull.
 * major_axis, minor_axis, orientation, eccentricity: of the ellipse of the
 * same second moments (4 times the root of their eigenvalues; each pixel adds
 * the 1/12 of its own area, as in MATLAB's regionprops).
 * circularity: 4 pi area / perimeter^2 (Cox, J. Paleontology 1(3), 1927).
 * solidity: area / area of the hull.
 * irregularity: 1 - perimeter of the hull / perimeter (1 less the convexity of
 * Russ, The Image Processing Handbook; what it sees and what not: Zunic and
 * Rosin, IEEE PAMI 26(7), 2004). NAN where the outline encloses over a quarter
 * more or less than the area: of lines and gaps one pixel wide, which smoothing
 * takes away, and of a few pixels.
 */
#ifndef LESIONSEG_MEASURE_GEOMETRY_H
#define LESIONSEG_MEASURE_GEOMETRY_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/distance.h"

typedef struct Geometry
{
	double		area;			/* in squares of the unit of spacing */
	double		perimeter;		/* in that unit, as what follows */
	double		equivalent_diameter;
	double		largest_diameter;
	double		smallest_diameter;
	double		major_axis;
	double		minor_axis;
	double		centroid_x;		/* in pixels, from the mask's left edge */
	double		centroid_y;		/* in pixels, from its upper edge */
	double		orientation;	/* of the major axis to the rows: degrees, -90 < to <= 90, anticlockwise as seen */
	double		eccentricity;	/* 0 (circle) .. 1 */
	double		circularity;	/* 0 .. 1 (circle) */
	double		solidity;		/* 0 .. 1 (convex) */
	double		irregularity;	/* 0 (convex) .. 1, or NAN */
} Geometry;

/* Measure all lesion pixels (255) of a 1-channel 0/255 mask, at least one. */
Status		geometry_measure(const Call *call, const Image *mask, PixelSpacing spacing, Geometry *geometry);

/* The same geometry for square pixels with sides of `spacing`. */
Geometry	geometry_scale(const Geometry *in_pixels, double spacing);

#endif

/*
 * hull.h: the convex hull of the lesion in a mask, and how wide it is.
 */
#ifndef LESIONSEG_MEASURE_HULL_H
#define LESIONSEG_MEASURE_HULL_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/distance.h"

typedef struct HullPoint
{
	double		x;
	double		y;
} HullPoint;

/* Corners in the order in which one goes around. */
typedef struct Hull
{
	HullPoint  *points;
	int			count;			/* 0 for a mask without lesion */
} Hull;

/* What a pixel contributes to the hull. */
typedef enum HullOf
{
	HULL_CENTRES,				/* a point in its middle */
	HULL_RECTANGLES				/* all of its area */
} HullOf;

/* Make the hull of the pixels that are not 0, in the unit of spacing, from the
 * mask's upper left corner. On success free with hull_free. */
Status		hull_make(const Call *call, const Image *mask, PixelSpacing spacing, HullOf of, Hull *hull);
void		hull_free(const Call *call, Hull *hull);

double		hull_area(const Hull *hull);
double		hull_perimeter(const Hull *hull);

/* The greatest distance of two points; *along gets its direction, of length 1
 * (0, 0 of a point). */
Status		hull_longest(const Call *call, const Hull *hull, double *longest, HullPoint *along);

/* The extent at right angles to a direction. */
double		hull_across(const Hull *hull, HullPoint along);

/* The least extent in any direction. */
Status		hull_narrowest(const Call *call, const Hull *hull, double *narrowest);

#endif

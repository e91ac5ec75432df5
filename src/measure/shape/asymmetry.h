/*
 * asymmetry.h: how much a lesion differs from its mirror image.
 */
#ifndef LESIONSEG_MEASURE_ASYMMETRY_H
#define LESIONSEG_MEASURE_ASYMMETRY_H

#include <stdbool.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/distance.h"

/* An axis through the centroid, in a mask. */
typedef struct MirrorAxis
{
	double		x;				/* the centroid, in pixels from the upper left corner */
	double		y;
	double		degrees;		/* angle to the rows, anticlockwise as seen, with the pixels' spacing */
	PixelSpacing spacing;
} MirrorAxis;

/* The map from a point of the mask to its mirror image: linear about the
 * centroid. */
typedef struct Mirror
{
	double		x;
	double		y;
	double		xx;				/* columns per column */
	double		xy;				/* columns per row */
	double		yx;				/* rows per column */
	double		yy;				/* rows per row */
} Mirror;

/* The mirror in an axis, or in the one at right angles to it. */
Mirror		mirror_make(const MirrorAxis *axis, bool right_angles);

/*
 * The share of the lesion whose mirror image is no lesion. This is half of the
 * area that only one of the two covers, divided by the lesion's area
 * (Stoecker, Li and Moss, Computerized Medical Imaging and Graphics 16(3),
 * 1992). 0 (symmetric) to 1.
 */
Status		asymmetry_measure(const Call *call, const Image *mask, const Mirror *mirror, double *asymmetry);

#endif

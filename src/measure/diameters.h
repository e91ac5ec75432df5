/*
 * diameters.h: how large a lesion is, in millimetres.
 */
#ifndef LESIONSEG_MEASURE_DIAMETERS_H
#define LESIONSEG_MEASURE_DIAMETERS_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* All 0 for a mask without lesion. */
typedef struct Diameters
{
	double		area;			/* mm2: of all lesion pixels */
	double		longest;		/* mm: the greatest distance of two points of the lesion, pixels being rectangles */
	double		across;			/* mm: the lesion's extent at right angles to that */
} Diameters;

/* Measure a mask (lesion is not 0); spacing is the width and height of its
 * pixels in mm. */
Status		diameters_measure(const Call *call, const Image *mask, double width, double height,
							  Diameters *diameters);

#endif

/*
 * shape_measures.h: all measures of a lesion that need only its mask.
 */
#ifndef LESIONSEG_MEASURE_SHAPE_MEASURES_H
#define LESIONSEG_MEASURE_SHAPE_MEASURES_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/morphology.h"
#include "measure/shape/geometry.h"

typedef struct ShapeMeasures
{
	int			components;		/* of the whole mask; 0 = no lesion, then nothing else is set */
	PixelSpacing spacing;		/* as given */
	LesionShape box;			/* this and all that follows: of the largest component */
	Geometry	pixels;			/* in pixels; its centroid is in the whole mask */
	Geometry	spaced;			/* in the unit of spacing, and in true proportions */
	double		dimension;		/* fractal, NAN where the lesion is too small */
	double		asymmetry_major;	/* about the major axis, 0 .. 1 */
	double		asymmetry_minor;	/* about the minor axis */
} ShapeMeasures;

/* Measure the largest component of a 1-channel 0/255 mask; the others are
 * removed from the mask. */
Status		shape_measure(const Call *call, Image *mask, PixelSpacing spacing, ShapeMeasures *measures);

#endif

/*
 * morphology.h: the shape of the lesion in a mask.
 */
#ifndef LESIONSEG_MEASURE_MORPHOLOGY_H
#define LESIONSEG_MEASURE_MORPHOLOGY_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

typedef struct LesionShape
{
	int64_t		area;			/* pixels */
	int			x;				/* smallest rectangle around all of it; */
	int			y;				/* 0, 0, 0, 0 when there is no lesion */
	int			width;
	int			height;
	int			components;		/* connected parts; touching at a corner connects */
} LesionShape;

/* Measure the lesion (pixels that are not 0) in a 1-channel mask. */
Status		lesion_shape(const Call *call, const Image *mask, LesionShape *shape);

#endif

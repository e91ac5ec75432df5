/*
 * lesion_patch.h: a lesion and the skin around it, reduced and in CIELAB, for
 * the measures of colour. Private to this folder.
 */
#ifndef LESIONSEG_MEASURE_LESION_PATCH_H
#define LESIONSEG_MEASURE_LESION_PATCH_H

#include "image/cielab.h"
#include "measure/colour/colour_measures.h"
#include "measure/shape/asymmetry.h"

typedef struct LesionPatch
{
	Image		mask;			/* 0 or 255 */
	Cielab	   *colours;		/* (height, width) */
	float	   *outside;		/* (height, width): distance to the lesion, 0 in it, in D */
	float	   *inside;			/* (height, width): distance to what is no lesion, in D */
	MirrorAxis	axis;			/* the major axis, in the patch */
	float		diameter;		/* D, in the unit of axis.spacing */
} LesionPatch;

/* Make a patch of an image and a mask; the caller frees it, also after a
 * failure. */
Status		lesion_patch_make(const Call *call, const Image *image, const Image *mask, const ShapeMeasures *shape,
							  LesionPatch *patch);
void		lesion_patch_free(const Call *call, LesionPatch *patch);

#endif

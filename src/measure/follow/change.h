/*
 * change.h: what has become of a lesion between two photographs that are
 * registered.
 */
#ifndef LESIONSEG_MEASURE_CHANGE_H
#define LESIONSEG_MEASURE_CHANGE_H

#include <stdint.h>

#include "measure/follow/register.h"

/* Pixels of the first photograph, of the part that the second shows, too. */
typedef struct LesionChange
{
	int64_t		common;			/* pixels of that part */
	int64_t		before;			/* lesion in the first */
	int64_t		after;			/* lesion in the second */
	int64_t		fresh;			/* in the second alone */
	int64_t		gone;			/* in the first alone */
} LesionChange;

/* Compare masks of 1 channel; map is between them. */
Status		change_measure(const Call *call, const Image *before, const Image *after, const Similarity *map,
						   LesionChange *change);

/* Turn the second photograph (1 or 3 channels) the way the first is, at the first
 * one's size: what it does not show is white, in masks no lesion. */
Status		change_warp(const Call *call, const Image *after, const Similarity *map, int width, int height,
						Image *warped);

#endif

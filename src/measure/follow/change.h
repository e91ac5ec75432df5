/*
 * change.h: the change of a lesion between two registered photographs.
 */
#ifndef LESIONSEG_MEASURE_CHANGE_H
#define LESIONSEG_MEASURE_CHANGE_H

#include <stdint.h>

#include "measure/follow/register.h"

/* Counts of pixels of the first photograph, in the part that both photographs
 * show. */
typedef struct LesionChange
{
	int64_t		common;			/* pixels of that part */
	int64_t		before;			/* lesion in the first */
	int64_t		after;			/* lesion in the second */
	int64_t		fresh;			/* in the second alone */
	int64_t		gone;			/* in the first alone */
} LesionChange;

/* Compare masks of 1 channel; map leads from the first to the second. */
Status		change_measure(const Call *call, const Image *before, const Image *after, const Similarity *map,
						   LesionChange *change);

/*
 * Map the second photograph (1 or 3 channels) onto the first, at the first
 * one's size. What the second does not show is white; in masks it is no
 * lesion.
 */
Status		change_warp(const Call *call, const Image *after, const Similarity *map, int width, int height,
						Image *warped);

#endif

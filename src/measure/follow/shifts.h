/*
 * shifts.h: register two photographs without their lesions' centroids, for a
 * lesion that the edge of its photograph cuts off. Private to this folder.
 */
#ifndef LESIONSEG_MEASURE_FOLLOW_SHIFTS_H
#define LESIONSEG_MEASURE_FOLLOW_SHIFTS_H

#include "measure/follow/levels.h"
#include "measure/follow/register.h"

#define SHIFTS_BEST 10			/* candidates that are returned */

/*
 * Try rotations up to 60 degrees, scales from 0.75 to 1.35 and all shifts at
 * which the two smallest levels share a third; the best come first. Finds none
 * for photographs more than four times as long as wide.
 */
Status		shifts_match(const Call *call, const Level *before, const Level *after, Similarity *best, int *count);

#endif

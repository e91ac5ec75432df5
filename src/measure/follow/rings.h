/*
 * rings.h: at which rotations and scales two photographs agree best around
 * their lesions. Private to this folder.
 */
#ifndef LESIONSEG_MEASURE_FOLLOW_RINGS_H
#define LESIONSEG_MEASURE_FOLLOW_RINGS_H

#include "measure/follow/levels.h"
#include "measure/follow/register.h"

#define RINGS_BEST 6			/* candidates that are returned */

/* Find maps from one level to another, the best first, and their number. */
Status		rings_match(const Call *call, const Level *before, const Level *after, Similarity *best, int *count);

#endif

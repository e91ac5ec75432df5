/*
 * shifts.h: how two photographs lie to each other where their lesions do not tell,
 * because the edge of one cuts its lesion off. Private to this folder.
 */
#ifndef LESIONSEG_MEASURE_FOLLOW_SHIFTS_H
#define LESIONSEG_MEASURE_FOLLOW_SHIFTS_H

#include "measure/follow/levels.h"
#include "measure/follow/register.h"

#define SHIFTS_BEST 10			/* candidates that are given back */

/* Try rotations up to 60 degrees, scales from 0.75 to 1.35 and all shifts at
 * which two levels, the smallest, share a third; the best
 * first. None of photographs four times as long as wide. */
Status		shifts_match(const Call *call, const Level *before, const Level *after, Similarity *best, int *count);

#endif

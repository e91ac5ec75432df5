/*
 * refine.h: a map between two levels made exact. Private to this folder.
 */
#ifndef LESIONSEG_MEASURE_FOLLOW_REFINE_H
#define LESIONSEG_MEASURE_FOLLOW_REFINE_H

#include "measure/follow/levels.h"
#include "measure/follow/register.h"

/* How well two levels agree under a map: their correlation where both are
 * known, -1 to 1; -1 where they share less than a quarter of the smaller. */
Status		refine_score(const Call *call, const Level *before, const Level *after, const Similarity *map,
						 double *score);

/* Take at most so many steps of Gauss and Newton. `border`: how far from the
 * lesions' borders pixels begin to count in full, in pixels. */
Status		refine_map(const Call *call, const Level *before, const Level *after, int steps, double border,
					   Similarity *map);

#endif

/*
 * refine.h: make a map between two levels more exact. Private to this folder.
 */
#ifndef LESIONSEG_MEASURE_FOLLOW_REFINE_H
#define LESIONSEG_MEASURE_FOLLOW_REFINE_H

#include "measure/follow/levels.h"
#include "measure/follow/register.h"

/* The agreement of two levels under a map: the correlation over the area that
 * both show, -1 to 1; -1 if that is less than a quarter of the smaller. */
Status		refine_score(const Call *call, const Level *before, const Level *after, const Similarity *map,
						 double *score);

/* Take at most so many steps of Gauss and Newton. `border`: the distance in
 * pixels from the lesions' borders at which pixels count in full. */
Status		refine_map(const Call *call, const Level *before, const Level *after, int steps, double border,
					   Similarity *map);

#endif

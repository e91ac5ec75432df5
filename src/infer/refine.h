/*
 * refine.h: whether a second look is worth it, and where.
 *
 * A network sees the whole image reduced to its own size, where a small lesion
 * has few pixels. In a second look it sees the lesion and some skin around it, from
 * the image at its own resolution.
 */
#ifndef LESIONSEG_INFER_REFINE_H
#define LESIONSEG_INFER_REFINE_H

#include <stdbool.h>

#include "infer/mask.h"

/*
 * Find the window of a second look at an image of width x height: around the
 * largest component of the maps' mean above the threshold, found at `size` x
 * `size`. `*worth` is false where there is no lesion, or where the window would
 * not be much smaller than the image; then a second look sees nothing new.
 */
Status		refine_window(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
						  double threshold, int size, int width, int height, Window *window, bool *worth);

/* The second look at that window, with what the networks say of it. It counts
 * less towards edges that are not the image's, so that there is no seam. */
SecondLook	refine_second_look(const ProbabilityMap *maps, Window window, int width, int height);

#endif

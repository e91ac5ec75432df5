/*
 * mask_has.h: read one pixel of a mask, also outside it.
 */
#ifndef LESIONSEG_MEASURE_MASK_HAS_H
#define LESIONSEG_MEASURE_MASK_HAS_H

#include <stdbool.h>

#include "image/image.h"

/* Is there lesion at x, y? False outside the mask. */
static inline bool
mask_has(const Image *mask, int x, int y)
{
	return x >= 0 && y >= 0 && x < mask->width && y < mask->height &&
		mask->pixels[(size_t) y * (size_t) mask->width + (size_t) x] != 0;
}

#endif

/*
 * mask_has.h: a look at one pixel of a mask, which may be outside of it.
 */
#ifndef LESIONSEG_MEASURE_MASK_HAS_H
#define LESIONSEG_MEASURE_MASK_HAS_H

#include <stdbool.h>

#include "image/image.h"

/* Lesion at x, y of the mask; not outside of it. */
static inline bool
mask_has(const Image *mask, int x, int y)
{
	return x >= 0 && y >= 0 && x < mask->width && y < mask->height &&
		mask->pixels[(size_t) y * (size_t) mask->width + (size_t) x] != 0;
}

#endif

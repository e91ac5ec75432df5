/*
 * nearest.h: which pixel is nearest when an image is resized.
 */
#ifndef LESIONSEG_IMAGE_NEAREST_H
#define LESIONSEG_IMAGE_NEAREST_H

#include <stdint.h>

/* The source pixel whose area holds the centre of result pixel i. */
static inline int
nearest_index(int i, int source, int result)
{
	return (int) ((2 * (int64_t) i + 1) * source / (2 * (int64_t) result));
}

#endif

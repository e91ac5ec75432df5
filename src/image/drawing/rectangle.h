/*
 * rectangle.h: filled rectangles. Private to this folder.
 */
#ifndef LESIONSEG_IMAGE_RECTANGLE_H
#define LESIONSEG_IMAGE_RECTANGLE_H

#include <string.h>

#include "image/image.h"

/* Fill a rectangle of an RGB image, as far as it lies within; left and top are
 * at least 0. */
static inline void
fill_rectangle(Image *image, int left, int top, int width, int height, const uint8_t colour[3])
{
	for (int y = top; y < top + height && y < image->height; y++)
		for (int x = left; x < left + width && x < image->width; x++)
			memcpy(image->pixels + 3 * ((size_t) y * (size_t) image->width + (size_t) x), colour, 3);
}

#endif

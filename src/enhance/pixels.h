/*
 * pixels.h: rows, samples and luma, and the number of rows between two polls.
 * Private to this folder.
 */
#ifndef LESIONSEG_ENHANCE_PIXELS_H
#define LESIONSEG_ENHANCE_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

#define BLOCK_SAMPLES 1000000	/* samples written between two polls */

/* Samples in a row. */
static inline size_t
samples_in_row(const Image *image)
{
	return (size_t) image->width * (size_t) image->channels;
}

/* Rows of the image between two polls: for threads_run_polled. */
static inline long
rows_between_polls(const Image *image)
{
	return (long) (BLOCK_SAMPLES / samples_in_row(image));
}

static inline uint8_t *
image_row(const Image *image, long y)
{
	return image->pixels + (size_t) y * samples_in_row(image);
}

/* Luma of an RGB pixel, ITU-R BT.601, 0..255. */
static inline int
luma_of(const uint8_t *rgb)
{
	return (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16;
}

/* Luma of a pixel of 1 or 3 channels. */
static inline int
pixel_luma(const uint8_t *pixel, int channels)
{
	return channels == 1 ? pixel[0] : luma_of(pixel);
}

static inline uint8_t
to_byte(int value)
{
	return (uint8_t) (value < 0 ? 0 : value > 255 ? 255 : value);
}

#endif

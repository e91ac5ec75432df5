/*
 * image.h: the pixel buffer that every image function works on.
 *
 * Pixels are 8-bit, interleaved, rows top to bottom without padding; 1 channel
 * is grey (or a mask), 3 are RGB. The codecs blend alpha and reduce 16 bits to
 * 8, so that no other code has to.
 */
#ifndef LESIONSEG_IMAGE_IMAGE_H
#define LESIONSEG_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

/* The longest side, as in JPEG. The call is polled between rows, so a row must
 * not take long. */
#define IMAGE_SIDE_MAX 65535

typedef struct Image
{
	int			width;			/* pixels, > 0 */
	int			height;			/* pixels, > 0 */
	int			channels;		/* 1 or 3 */
	uint8_t    *pixels;			/* height * width * channels, owned */
} Image;

/* LS_INVALID_IMAGE for a size without pixels, LS_LIMIT_EXCEEDED for one above
 * call->max_pixels, LS_ABOVE_ALL_LIMITS for a side above IMAGE_SIDE_MAX. */
Status		image_check_size(const Call *call, int width, int height);

/* Allocate a black image through call; checks call->max_pixels and
 * IMAGE_SIDE_MAX. The caller frees it with image_free. */
Status		image_create(const Call *call, int width, int height, int channels, Image *image);

/* Release the pixels and clear the struct. */
void		image_free(const Call *call, Image *image);

/* Copy the pixels of a rectangle that lies within source into a new image. */
Status		image_crop(const Call *call, const Image *source, int x, int y, int width, int height, Image *result);

/*
 * Do two sizes have the same shape? They do if, with the larger scaled to one
 * side of the smaller, the other sides differ by less than a pixel. Then a
 * mask of one size may belong to an image of the other.
 */
bool		image_shapes_match(int width, int height, int other_width, int other_height);

/* Resize by area average when shrinking and bilinearly when enlarging (pixel
 * centres at half integers), into a new image of width x height. */
Status		image_resize(const Call *call, const Image *source, int width, int height, Image *result);

/* Resize by nearest neighbour (pixel centres), for masks. */
Status		image_resize_nearest(const Call *call, const Image *source, int width, int height,
								 Image *result);

#endif

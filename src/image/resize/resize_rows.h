/*
 * resize_rows.h: a resize whose source comes row by row, top to bottom, so that
 * it need not be in memory. The result is that of image_resize, bit for bit.
 */
#ifndef LESIONSEG_IMAGE_RESIZE_ROWS_H
#define LESIONSEG_IMAGE_RESIZE_ROWS_H

#include "image/image.h"

typedef struct ResizeRows ResizeRows;

/* Start a resize from an image of that size to `width` x `height`. */
Status		resize_rows_create(const Call *call, int source_width, int source_height, int channels,
							   int width, int height, ResizeRows **resize);

/* Take the next row of the source; no more rows than it has. */
void		resize_rows_take(ResizeRows *resize, const uint8_t *row);

/* The result, whose source was taken in whole; the caller frees it. */
Image		resize_rows_result(ResizeRows *resize);

void		resize_rows_free(const Call *call, ResizeRows *resize);

#endif

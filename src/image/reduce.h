/*
 * reduce.h: an image reduced to the sizes of networks while it is decoded, so
 * that it need not be in memory.
 */
#ifndef LESIONSEG_IMAGE_REDUCE_H
#define LESIONSEG_IMAGE_REDUCE_H

#include "image/codec/codec.h"

/* A part of an upright image, or of one as it is stored, that lies within it. */
typedef struct ImagePart
{
	int			x;
	int			y;
	int			width;
	int			height;
} ImagePart;

/*
 * Decode an RGB image and make squares of it, `count` (> 0) of these sides: what
 * image_resize makes, bit for bit, of an image from image_decode_at_least for
 * the largest side, or of `part` (NULL = all) of one from image_decode. `also` (NULL =
 * nobody) is shown the rows as well. The caller frees the images; on failure there is
 * nothing to free.
 */
Status		image_decode_reduced(const Call *call, const void *bytes, size_t size, ImageTurn turn,
								 const ImagePart *part, const int *sides, int count, const RowSink *also,
								 Image *images);

#endif

/*
 * look_image.h: an image decoded as far as networks need it to look at it.
 */
#ifndef LESIONSEG_PG_SEGMENT_LOOKS_LOOK_IMAGE_H
#define LESIONSEG_PG_SEGMENT_LOOKS_LOOK_IMAGE_H

#include "postgres.h"

#include "image/codec/codec.h"
#include "pg/models/ensemble.h"
#include "pg/segment/looks/looks.h"

/* Either the image or its reductions, for each size of the networks one. */
typedef struct LookImage
{
	Image		whole;			/* at least as large as the networks' sizes */
	Image		reduced[ENSEMBLE_MAX_MEMBERS];
	int			reduced_count;
} LookImage;

/*
 * Decode an image for `count` networks, on any thread. It is reduced while it is
 * decoded, unless the options ask for what takes the whole: views of test-time
 * augmentation, and a second look that would decode a file again that has no smaller
 * scale. Where it is reduced, `also` (NULL = nobody) is shown its rows. The
 * caller frees the image (zeroed before), also on failure.
 */
Status		look_image_decode(ModelVersion *const *networks, int count, const Call *call, const ByteView *bytes,
							  const SegmentOptions *options, const RowSink *also, LookImage *image);

/* The same for a window of the image at its own resolution; it is always reduced. */
Status		look_image_decode_window(ModelVersion *const *networks, int count, const Call *call,
									 const ByteView *bytes, ImageTurn turn, const Window *window, LookImage *image);

void		look_image_free(const Call *call, LookImage *image);

/* The image as an argument of looks_take. */
SegmentInput look_image_input(const LookImage *image, const ByteView *bytes);

#endif

/*
 * bytes.h: read bytea values as bytes, and make them of bytes.
 */
#ifndef LESIONSEG_PG_BASE_VALUES_BYTES_H
#define LESIONSEG_PG_BASE_VALUES_BYTES_H

#include "postgres.h"

#include "fmgr.h"

#include "core/call.h"
#include "image/codec/codec.h"
#include "image/image.h"

/* The bytes of a bytea: in place if the row holds them plainly, else a
 * palloc'd copy (fetched from TOAST or decompressed). */
typedef struct ByteView
{
	const uint8_t *bytes;
	size_t		size;
	void	   *copy;			/* NULL when in place */
} ByteView;

/* Look at a bytea datum. The view lives as long as the datum and the current
 * memory context. */
ByteView	bytes_view(Datum datum);

/* Free the copy, if there is one. */
void		bytes_release(ByteView *view);

/* Are two bytea the same? Values of unequal size are not fetched. */
bool		bytes_equal(Datum a, Datum b);

/* Copy a bytea of exactly size bytes; of another size is an error. */
void		bytes_copy(Datum datum, void *to, size_t size);

/* A bytea with a copy of size bytes; above 1 GB is an error. */
Datum		bytes_datum(const void *bytes, size_t size);

/* A bytea with an encoded image, whose bytes are freed. */
Datum		encoded_datum(const Call *call, EncodedImage *encoded);

/* A bytea with image as PNG. */
Datum		image_png(const Call *call, const Image *image);

#endif

/*
 * stored_image.h: an image of a relation that is named by a row, not by the
 * caller.
 *
 * The writer of the row chooses the relation, and may own it. A query on the
 * relation could run its owner's code with the reader's rights: a view's
 * functions, a policy, a cast of the key, an index predicate, a foreign data
 * wrapper. So there is no query. Rows are read as they are stored, keys become
 * text by functions of the server, and what cannot be read in this way is not
 * read. There is no waiting for locks either, because the owner may hold them
 * for ever. The caller's privileges are checked.
 */
#ifndef LESIONSEG_PG_IMAGES_STORED_STORED_IMAGE_H
#define LESIONSEG_PG_IMAGES_STORED_STORED_IMAGE_H

#include "postgres.h"

#include "core/call.h"
#include "pg/base/sha256.h"
#include "pg/images/stored/read_digests.h"

/* The image to find. */
typedef struct StoredImage
{
	const char *images;			/* the relation's name, as in SQL */
	const char *id;				/* the key as text, as images_source.h makes it */
	const char *image_column;
	const char *id_column;		/* NULL: the primary key, or else the SHA-256 of the image */
	const uint8_t *sha256;		/* of its bytes */
	ReadDigests *read;			/* of images that the query has read */
} StoredImage;

/* Find the image, a bytea in the current context. Returns NULL, or a sentence
 * for lesion_reproduce that says why it cannot be read. */
const char *stored_image_find(const StoredImage *wanted, Datum *image);

#endif

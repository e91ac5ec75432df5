/*
 * stored_image.h: an image of a relation that a row, not the caller, names.
 *
 * Whoever may write the row chooses the relation, and may own it. A query on
 * it could run the owner's code with the rights of the reader: a view's
 * functions, a policy, a cast of the key, an index predicate, a foreign data
 * wrapper. So there is no query: rows are read as they are stored, keys become text by
 * functions that came with the server, and what cannot be read like that is
 * not read at all. Nor does it wait for locks, which the owner may hold without
 * end. The caller's privileges hold.
 */
#ifndef LESIONSEG_PG_STORED_IMAGE_H
#define LESIONSEG_PG_STORED_IMAGE_H

#include "postgres.h"

#include "core/call.h"
#include "pg/base/sha256.h"

/* Which image is looked for. */
typedef struct StoredImage
{
	const char *images;			/* the relation's name, as in SQL */
	const char *id;				/* the key as text, as images_source.h makes it */
	const char *image_column;
	const char *id_column;		/* NULL: the primary key, or else the SHA-256 of the image */
	const uint8_t *sha256;		/* of its bytes */
} StoredImage;

/* Find the image, a bytea in the current context: NULL, or why it cannot be
 * had, as a sentence of lesion_reproduce. */
const char *stored_image_find(const StoredImage *wanted, Datum *image);

#endif

/*
 * image_digests.h: which images a version was trained on.
 *
 * A version keeps eight bytes of the SHA-256 of each image that its training
 * saw, so that whatever is scored later can be told apart from it, whichever
 * table, key or split it comes by: of a million images and another hundred
 * thousand, two differ and are held for one with a probability of 5e-9.
 */
#ifndef LESIONSEG_PG_MODELS_IMAGE_DIGESTS_H
#define LESIONSEG_PG_MODELS_IMAGE_DIGESTS_H

#include "postgres.h"

#include "pg/models/model_store.h"

/* A growing set. */
typedef struct ImageDigests
{
	uint64	   *values;
	int64		count;
	int64		room;
	bool		sorted;
} ImageDigests;

/* The digest of an image, from its SHA-256. */
uint64		image_digest(const uint8_t sha256[SHA256_BYTES]);

/* Add a digest. */
void		image_digests_add(ImageDigests *digests, uint64 digest);

/* Get ready to be asked: sort and leave repetitions out. */
void		image_digests_sort(ImageDigests *digests);

/* Is it there? The set is sorted. */
bool		image_digests_contain(const ImageDigests *digests, uint64 digest);

/* How many of `digests` (repetitions count) are in a sorted set. */
int64		image_digests_shared(const ImageDigests *set, const ImageDigests *digests);

/* A sorted set as a bytea: 8 bytes each, the most significant first. */
Datum		image_digests_datum(const ImageDigests *digests);

/*
 * Add the digests of a version's training images, or of those of an ensemble's
 * members; they are those of the weights, whichever version of these has them.
 * False where it may have been trained on others too: one of them has none, or
 * the caller may not read them, which a WARNING says. The set is sorted then.
 */
bool		image_digests_load(const ModelStore *store, const ModelVersion *version, ImageDigests *digests);

#endif

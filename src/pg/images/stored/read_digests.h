/*
 * read_digests.h: the SHA-256 of the stored images that the calls of a function
 * within one query have read, so that each image is read once and not for every
 * row that could be meant by it.
 */
#ifndef LESIONSEG_PG_IMAGES_STORED_READ_DIGESTS_H
#define LESIONSEG_PG_IMAGES_STORED_READ_DIGESTS_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/relcache.h"

#include "pg/base/sha256.h"

typedef struct ReadDigests ReadDigests;

/* Those of the query that calls the function, in its fn_extra, which nothing else may use. None are left where other
 * rows may be visible by now. Not to be called in a subtransaction of the call's own. */
ReadDigests *read_digests(FunctionCallInfo fcinfo);

/* Is the digest of the image of a row known? */
bool		read_digests_find(const ReadDigests *read, Relation relation, AttrNumber column, const TupleTableSlot *slot,
							  uint8_t digest[SHA256_BYTES]);

/* Note it, where there is room: a million images take about 100 MB. */
void		read_digests_add(ReadDigests *read, Relation relation, AttrNumber column, const TupleTableSlot *slot,
							 const uint8_t digest[SHA256_BYTES]);

#endif

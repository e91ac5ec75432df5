/*
 * stored_key.h: how the id of an image is read from a row as it is stored,
 * by functions of the server alone.
 */
#ifndef LESIONSEG_PG_IMAGES_STORED_STORED_KEY_H
#define LESIONSEG_PG_IMAGES_STORED_STORED_KEY_H

#include "postgres.h"

#include "executor/tuptable.h"
#include "utils/rel.h"

#include "pg/images/stored/stored_image.h"

/* The end of a reason for which there is a way round. */
#define GIVE_IT "; give the image too, by lesion_reproduce(prediction, image)"

/* Where a relation has its images, and how an id is made of its columns. */
typedef struct StoredKey
{
	AttrNumber	image;
	int			count;			/* number of key columns; 0: the id is the SHA-256 of the image */
	AttrNumber	columns[INDEX_MAX_KEYS];
	bool		numeric[INDEX_MAX_KEYS];
	TupleDesc	row;			/* if there are several columns: their row type */
	FmgrInfo	to_text;		/* of the column or the row; not set where it is text already */
	bool		is_output;		/* to_text gives a C string */
	Datum		longer;			/* numeric: the least number of more digits than the wanted id */
	Datum		infinity;
} StoredKey;

/* Find the columns of the wanted image, and those of ids by their `names`; with
 * `privileges` the caller must have the right to select them. Returns NULL, or
 * why they cannot be read. The key lives in the current context. */
const char *stored_key_find(Relation relation, const StoredImage *wanted, List *names, bool privileges,
							StoredKey *key);

/* Has a row's id more bytes than an id may be long? Other people's tables are looked through. */
bool		stored_key_is_too_long(const StoredKey *key, TupleTableSlot *slot);

/* The id of a row as text; NULL if it has none, or a number of more digits than the wanted id. */
char	   *stored_key_id(StoredKey *key, TupleTableSlot *slot);

#endif

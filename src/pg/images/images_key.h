/*
 * images_key.h: the columns by which images are fetched.
 *
 * An id is a key as text, and no index and no foreign server can use a
 * condition on that text. So the list of ids keeps the key's values, too, and
 * images are fetched by comparing these in the key's own type and collation:
 * column = ANY (array), which indexes support and postgres_fdw sends.
 */
#ifndef LESIONSEG_PG_IMAGES_IMAGES_KEY_H
#define LESIONSEG_PG_IMAGES_IMAGES_KEY_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "pg/base/split.h"
#include "utils/relcache.h"

typedef struct ImagesKeyColumn
{
	char	   *name;			/* quoted */
	char	   *equals;			/* the type's equality, as in OPERATOR(pg_catalog.=) */
	Oid			type;			/* the column's */
	Oid			base;			/* the same, but of a domain what it is made of */
	Oid			array;			/* of base */
	int16		length;			/* of base, as in pg_type */
	bool		by_value;
	char		alignment;
} ImagesKeyColumn;

typedef struct ImagesKey
{
	int			count;			/* 0 = images are not fetched by a key */
	ImagesKeyColumn columns[INDEX_MAX_KEYS];
} ImagesKey;

/*
 * The key of an open relation whose ids are made of the columns. There is none
 * if the id is the SHA-256 of the image, or if a column's type has no arrays
 * or no equality of the server: other users' code is not run.
 */
ImagesKey	images_key(Relation relation, const SplitColumns *id);

/* Append ", column AS key1, ..." */
void		images_key_select(const ImagesKey *key, StringInfo query);

/* Append ", s.key1, ..." */
void		images_key_list(const ImagesKey *key, StringInfo query);

/* Append "AND s.key1 = ANY ($n) ..." with the parameters from number `first`;
 * their types go to types. */
void		images_key_condition(const ImagesKey *key, int first, StringInfo query, Oid *types);

/* The key's values in a row, in its columns from number `first`: key->count of them, copied. */
Datum	   *images_key_read(const ImagesKey *key, HeapTuple row, TupleDesc columns, int first);

/* Have two rows the same values, byte for byte? */
bool		images_key_same(const ImagesKey *key, const Datum *a, const Datum *b);

/* Release what images_key_read returned. */
void		images_key_free(const ImagesKey *key, Datum *values);

/* The parameters of images_key_condition for `count` rows. */
void		images_key_arrays(const ImagesKey *key, Datum *const *rows, int count, Datum *values);

#endif

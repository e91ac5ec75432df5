/*
 * images_key.h: the columns by which images are fetched.
 *
 * An id is a key's text, and a condition on a text tells nobody else which rows
 * are wanted: no index, no foreign server. So what lists ids keeps the key's
 * values too, and what fetches images compares these in the key's own type and
 * collation: column = ANY (array), which indexes answer and postgres_fdw sends.
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

/* The key of an open relation whose ids are made of the columns. It has none
 * where the id is the SHA-256 of the image, or where a column's type has no arrays
 * or no equality that came with the server: another's code is not run. */
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

/* The parameters of images_key_condition for `count` rows. */
void		images_key_arrays(const ImagesKey *key, Datum *const *rows, int count, Datum *values);

#endif

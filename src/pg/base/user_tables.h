/*
 * user_tables.h: tables of predictions and of verdicts, which users make and own.
 *
 * Such a table has the columns of a type of the extension, by names and types;
 * it does not depend on the type, so it stays when the extension is dropped.
 * Tables OF the type, which users of 0.2 made, are accepted.
 */
#ifndef LESIONSEG_PG_BASE_USER_TABLES_H
#define LESIONSEG_PG_BASE_USER_TABLES_H

#include "postgres.h"

#include "pg/base/store.h"

/* A kind of table. */
typedef struct UserTable
{
	const char *type;			/* the type whose columns it has */
	const char *content;		/* "predictions" */
	const char *example;		/* an example of a name, for hints */
	const char *author;			/* its column of who made a row */
	const char *digests[2];		/* its columns of SHA-256, NULL after the last */
	const char *mask;			/* its column of an image */
} UserTable;

extern const UserTable user_table_predictions;	/* LIKE lesion_prediction */
extern const UserTable user_table_verdicts;	/* LIKE lesion_verdict */

/*
 * SQL, in parentheses: the columns of the rows of the table of that name, for the FROM of every query on such a table;
 * an alias must follow. Of the columns that are named, which the caller must have the right to select, rows in which
 * images, id or model has more than 8192 bytes, the author more than 256, a digest more than 32, or the mask more
 * than lesionseg.max_memory are left out: they were written by hand. They take little room in a table, and much where
 * they are read. postgres_fdw sends the condition to the table's server.
 */
char	   *user_table_rows(const UserTable *kind, const char *name, const char *columns);

/*
 * SQL, true or false: does the verdict of the row v count, of which `mask` is the
 * mask that was looked at, or NULL? One does not that is none of the three, accepts
 * a mask that is not there, or has a corrected mask that is no image, or of another
 * shape than the mask: a row written by hand. `prefix` is that of our functions.
 */
#define USER_TABLE_VERDICT_COUNTS(mask, prefix) \
	"CASE v.verdict WHEN 'accept' THEN " mask " IS NOT NULL WHEN 'correct' THEN v.corrected_mask IS NOT NULL " \
	"AND " prefix "lesion_mask_fits(v.corrected_mask, coalesce(" mask ", v.corrected_mask)) IS NOT FALSE " \
	"ELSE coalesce(v.verdict = 'reject', false) END"

/*
 * SQL: a hash of a name that nobody can choose names for. PostgreSQL's own has no secret: names that all have one
 * hash would make a join compare each with each. It is added to what is compared.
 */
#define USER_TABLE_SALTED(name) "hashtextextended(" name ", (extract(epoch FROM now()) * 1000000)::bigint)"

/* SQL, true or false: are rows a and b of one image? */
#define USER_TABLE_SAME_IMAGE(a, b) \
	a ".images = " b ".images AND " a ".id = " b ".id " \
	"AND " USER_TABLE_SALTED(a ".id") " = " USER_TABLE_SALTED(b ".id")

/* SQL: a row's image, to be looked for IN a SELECT of others. */
#define USER_TABLE_IMAGE "images, id, " USER_TABLE_SALTED("id")

/*
 * Check that the relation is a table with the columns of its kind, and return
 * its qualified name. Until the end of the transaction other sessions cannot
 * drop, rename or alter it.
 */
char	   *user_table_open(const ModelStore *store, const UserTable *kind, Oid oid);

/* Raise a NOTICE if a table is OF lesion_prediction. */
void		user_table_warn_of_type(const ModelStore *store, Oid oid, const char *name);

/* Raise an error unless the caller may insert into all columns of the table's kind:
 * others must not take its lock, nor work for what cannot be stored. */
void		user_table_check_insert(const ModelStore *store, const UserTable *kind, Oid oid);

/* Run a SELECT on the table of that name with our own search_path and ways to
 * join; returns what SPI_execute returned. */
int			user_table_select(const char *table, const char *query, int count, Oid *types, Datum *values,
							  const char *nulls);

/*
 * The rows of `pairs`, a name in a query, with two columns more: `dice` of the
 * masks in its columns mask and other, and left_out. Both tables are the users',
 * who decide how many masks there are and how large. So a query compares
 * COMPARED_TOTAL (settings.h), of each author, a column of pairs, in the given order,
 * and shares it: who needs less than others gets all, the others get the
 * same. left_out says where a pair came too late. dice is NULL there, and where
 * lesion_dice_or_null is. Run it between settings_compared_begin and _end.
 */
char	   *user_table_compared(const ModelStore *store, const char *pairs, const char *author, const char *order);

#endif

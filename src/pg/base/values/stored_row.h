/*
 * stored_row.h: a row for a table of the extension, its columns set by name.
 *
 * The INSERT is made of the columns that were set, so a column and its value
 * cannot get out of step. A column that is not set gets the table's default,
 * which is NULL if there is no other.
 */
#ifndef LESIONSEG_PG_BASE_VALUES_STORED_ROW_H
#define LESIONSEG_PG_BASE_VALUES_STORED_ROW_H

#include "postgres.h"

#include "lib/stringinfo.h"

#include "pg/base/store.h"

#define STORED_ROW_COLUMNS 40

typedef struct StoredRow
{
	StringInfoData columns;		/* model, number, ... */
	StringInfoData values;		/* $1, $2, ... */
	int			count;			/* parameters */
	Oid			types[STORED_ROW_COLUMNS];
	Datum		parameters[STORED_ROW_COLUMNS];
} StoredRow;

/* Begin a row, in the current memory context. */
void		stored_row_begin(StoredRow *row);

/* Set a column, and return the number of the value's parameter. */
int			stored_row_set(StoredRow *row, const char *column, Oid type, Datum value);

/* The same by type. A text that is a NULL pointer and a number that is NaN are
 * not set. */
void		stored_row_text(StoredRow *row, const char *column, const char *value);
void		stored_row_int4(StoredRow *row, const char *column, int32 value);
void		stored_row_int8(StoredRow *row, const char *column, int64 value);
void		stored_row_float8(StoredRow *row, const char *column, double value);

/* Set a column to an expression of SQL, as store_execute takes it. */
void		stored_row_expression(StoredRow *row, const char *column, const char *expression);

/* Set a column to the elements of an array: there will be a row for each. All
 * such arrays of a row have one length. */
void		stored_row_unnested(StoredRow *row, const char *column, Oid array_type, Datum array);

/* Insert the row. `rest` follows the row in the INSERT ("RETURNING number");
 * it may be "". `expected` as in store_execute. */
void		stored_row_insert(const ModelStore *store, const char *table, StoredRow *row, const char *rest,
							  int expected);

#endif

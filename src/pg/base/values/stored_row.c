/*
 * stored_row.c: see stored_row.h.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "pg/base/values/stored_row.h"

void
stored_row_begin(StoredRow *row)
{
	initStringInfo(&row->columns);
	initStringInfo(&row->values);
	row->count = 0;
}

void
stored_row_expression(StoredRow *row, const char *column, const char *expression)
{
	const char *comma = row->columns.len > 0 ? ", " : "";

	appendStringInfo(&row->columns, "%s%s", comma, quote_identifier(column));
	appendStringInfo(&row->values, "%s%s", comma, expression);
}

/* Add a parameter and return its number. */
static int
add_parameter(StoredRow *row, Oid type, Datum value)
{
	if (row->count == STORED_ROW_COLUMNS)
		elog(ERROR, "a row is stored with more than %d parameters", STORED_ROW_COLUMNS);
	row->types[row->count] = type;
	row->parameters[row->count] = value;
	return ++row->count;
}

int
stored_row_set(StoredRow *row, const char *column, Oid type, Datum value)
{
	int			number = add_parameter(row, type, value);

	stored_row_expression(row, column, psprintf("$%d", number));
	return number;
}

void
stored_row_text(StoredRow *row, const char *column, const char *value)
{
	if (value != NULL)
		(void) stored_row_set(row, column, TEXTOID, CStringGetTextDatum(value));
}

void
stored_row_int4(StoredRow *row, const char *column, int32 value)
{
	(void) stored_row_set(row, column, INT4OID, Int32GetDatum(value));
}

void
stored_row_int8(StoredRow *row, const char *column, int64 value)
{
	(void) stored_row_set(row, column, INT8OID, Int64GetDatum(value));
}

void
stored_row_float8(StoredRow *row, const char *column, double value)
{
	if (!isnan(value))
		(void) stored_row_set(row, column, FLOAT8OID, Float8GetDatum(value));
}

void
stored_row_unnested(StoredRow *row, const char *column, Oid array_type, Datum array)
{
	int			number = add_parameter(row, array_type, array);

	stored_row_expression(row, column, psprintf("pg_catalog.unnest($%d)", number));
}

void
stored_row_insert(const ModelStore *store, const char *table, StoredRow *row, const char *rest, int expected)
{
	char	   *query = psprintf("INSERT INTO @%s (%s) SELECT %s %s", table, row->columns.data, row->values.data, rest);

	store_execute(store, query, row->count, row->types, row->parameters, NULL, expected);
}

/*
 * row_values.h: values of rows, with a check of their type.
 *
 * A Datum has no type: an integer that is read as a text is a wrong address
 * and crashes the server. The types of a query's results can change, because
 * owners may alter their tables, views and types. So every value of a row is
 * read here, and rows that functions return are written here, by name.
 */
#ifndef LESIONSEG_PG_BASE_VALUES_ROW_VALUES_H
#define LESIONSEG_PG_BASE_VALUES_ROW_VALUES_H

#include "postgres.h"

#include "access/htup.h"
#include "access/tupdesc.h"
#include "nodes/execnodes.h"

/* A column of a row, counted from 1; 0 and *isnull if it is NULL. An error if
 * it has another type. */
Datum		row_value(HeapTuple row, TupleDesc columns, int column, Oid type, bool *isnull);

/* The same, but NULL is an error, too. */
Datum		row_needed(HeapTuple row, TupleDesc columns, int column, Oid type);

/* The number of the column of that name, for row_value and row_needed. An error
 * if there is none. */
int			row_column(TupleDesc columns, const char *name);

/* The same as row_value and row_needed for the column of that name. */
Datum		row_named_value(HeapTuple row, TupleDesc columns, const char *name, Oid type, bool *isnull);
Datum		row_named_needed(HeapTuple row, TupleDesc columns, const char *name, Oid type);

/* An attribute of a composite value by its name; as row_value. */
Datum		row_attribute(HeapTupleHeader row, const char *name, Oid type, bool *isnull);

/*
 * Values and NULLs of a row in the order of the columns of `wanted`, found by
 * name; both have wanted->natts elements. An error if one is missing or has
 * another type.
 */
void		row_values_by_name(HeapTuple row, TupleDesc columns, TupleDesc wanted, Datum *values, bool *nulls);

/* ---- the first row of a query's result, SPI_tuptable ---- */

/* A column by its name; as row_value and row_needed. */
Datum		first_row_value(const char *column, Oid type, bool *isnull);
Datum		first_row_needed(const char *column, Oid type);

/* A float8 by its name; NaN if it is NULL. */
double		first_row_float8(const char *column);

/* ---- rows that are made ---- */

typedef struct RowBuilder
{
	TupleDesc	columns;
	Datum	   *values;
	bool	   *nulls;
} RowBuilder;

/* Begin a row of NULLs, in the current memory context. */
RowBuilder	row_begin(TupleDesc columns);

/* Set a column by its name. An error if the row has no column of that name and
 * type. */
void		row_set(RowBuilder *row, const char *column, Oid type, Datum value);

/* The same for a float8; NaN becomes NULL. */
void		row_set_float8(RowBuilder *row, const char *column, double value);

/* The row as a composite value. */
Datum		row_datum(const RowBuilder *row);

/* Begin the row that a function returns. */
RowBuilder	row_begin_result(FunctionCallInfo fcinfo);

/* Begin a row of the set that a function returns, and add it to the set. */
RowBuilder	row_begin_in(ReturnSetInfo *set);
void		row_put(ReturnSetInfo *set, const RowBuilder *row);

/* Add all rows of SPI_tuptable, which has the set's columns in their order. */
void		row_put_selected(ReturnSetInfo *set);

#endif

/*
 * row_values.c: see row_values.h.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "pg/base/values/row_values.h"

/* Raise the error of a column that was altered. */
static void
raise_altered(const char *column, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" %s", column, problem),
			 errhint("The table, view or type that it belongs to was altered: give it back the type it had.")));
}

Datum
row_value(HeapTuple row, TupleDesc columns, int column, Oid type, bool *isnull)
{
	Form_pg_attribute attribute;

	if (column < 1 || column > columns->natts)
		elog(ERROR, "a row of %d columns has no column %d", columns->natts, column);
	attribute = TupleDescAttr(columns, column - 1);
	if (attribute->atttypid != type)
		raise_altered(NameStr(attribute->attname), psprintf("is of type %s, not %s",
															format_type_be(attribute->atttypid),
															 format_type_be(type)));
	return heap_getattr(row, column, columns, isnull);
}

Datum
row_needed(HeapTuple row, TupleDesc columns, int column, Oid type)
{
	bool		isnull;
	Datum		value = row_value(row, columns, column, type, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("column \"%s\" is NULL", NameStr(TupleDescAttr(columns, column - 1)->attname)),
				 errhint("It is not NULL in tables as lesionseg made them: see what was altered.")));
	return value;
}

int
row_column(TupleDesc columns, const char *name)
{
	int			column = SPI_fnumber(columns, name);

	if (column <= 0)
		raise_altered(name, "is missing");
	return column;
}

Datum
row_named_value(HeapTuple row, TupleDesc columns, const char *name, Oid type, bool *isnull)
{
	return row_value(row, columns, row_column(columns, name), type, isnull);
}

Datum
row_named_needed(HeapTuple row, TupleDesc columns, const char *name, Oid type)
{
	return row_needed(row, columns, row_column(columns, name), type);
}

Datum
row_attribute(HeapTupleHeader row, const char *name, Oid type, bool *isnull)
{
	TupleDesc	columns = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(row), HeapTupleHeaderGetTypMod(row));
	HeapTupleData tuple = {.t_len = HeapTupleHeaderGetDatumLength(row),.t_data = row};
	Datum		value;

	ItemPointerSetInvalid(&tuple.t_self);
	value = row_named_value(&tuple, columns, name, type, isnull);
	ReleaseTupleDesc(columns);
	return value;
}

void
row_values_by_name(HeapTuple row, TupleDesc columns, TupleDesc wanted, Datum *values, bool *nulls)
{
	for (int i = 0; i < wanted->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(wanted, i);

		values[i] = (Datum) 0;
		nulls[i] = true;
		if (attribute->attisdropped)
			continue;
		values[i] = row_named_value(row, columns, NameStr(attribute->attname), attribute->atttypid, &nulls[i]);
	}
}

Datum
first_row_value(const char *column, Oid type, bool *isnull)
{
	return row_named_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, type, isnull);
}

Datum
first_row_needed(const char *column, Oid type)
{
	return row_needed(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, row_column(SPI_tuptable->tupdesc, column), type);
}

double
first_row_float8(const char *column)
{
	bool		isnull;
	Datum		value = first_row_value(column, FLOAT8OID, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

RowBuilder
row_begin(TupleDesc columns)
{
	RowBuilder	row = {
		.columns = columns,
		.values = palloc0(columns->natts * sizeof(Datum)),
		.nulls = palloc(columns->natts * sizeof(bool)),
	};

	memset(row.nulls, true, columns->natts * sizeof(bool));
	return row;
}

void
row_set(RowBuilder *row, const char *column, Oid type, Datum value)
{
	int			number = row_column(row->columns, column);
	Oid			found = TupleDescAttr(row->columns, number - 1)->atttypid;

	if (found != type)
		raise_altered(column, psprintf("is of type %s, not %s", format_type_be(found), format_type_be(type)));
	row->values[number - 1] = value;
	row->nulls[number - 1] = false;
}

void
row_set_float8(RowBuilder *row, const char *column, double value)
{
	if (!isnan(value))
		row_set(row, column, FLOAT8OID, Float8GetDatum(value));
}

Datum
row_datum(const RowBuilder *row)
{
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(row->columns), row->values, row->nulls));
}

RowBuilder
row_begin_result(FunctionCallInfo fcinfo)
{
	TupleDesc	columns;

	if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "%s must return a row", get_func_name(fcinfo->flinfo->fn_oid));
	return row_begin(columns);
}

RowBuilder
row_begin_in(ReturnSetInfo *set)
{
	return row_begin(set->setDesc);
}

void
row_put(ReturnSetInfo *set, const RowBuilder *row)
{
	tuplestore_putvalues(set->setResult, set->setDesc, row->values, row->nulls);
}

void
row_put_selected(ReturnSetInfo *set)
{
	RowBuilder	row = row_begin_in(set);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		for (int column = 0; column < row.columns->natts; column++)
			row.values[column] = row_value(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column + 1,
										   TupleDescAttr(row.columns, column)->atttypid, &row.nulls[column]);
		row_put(set, &row);
	}
}

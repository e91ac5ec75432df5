/*
 * rows.c: from rows of queries to tables and charts of the page.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "pg/base/error.h"
#include "pg/base/user_tables.h"
#include "pg/base/values/row_values.h"
#include "pg/base/values/utf8_text.h"
#include "pg/report/job.h"

#define MOST_ROWS 200			/* most rows of a table on the page */
#define MOST_CHARACTERS 200		/* most characters of a row's text on the page */
#define ELLIPSIS "\xE2\x80\xA6"
#define PARAMETERS 7

/* The names of the tables of images that the caller named, a text[]. */
static Datum
named_tables(const ReportJob *job)
{
	Datum	   *names = palloc((job->image_tables + 1) * sizeof *names);

	for (int i = 0; i < job->image_tables; i++)
		names[i] = CStringGetTextDatum(job->images[i].source->name);
	return PointerGetDatum(construct_array(names, job->image_tables, TEXTOID, -1, false, TYPALIGN_INT));
}

/* The parameters of every query. */
static void
fill_parameters(const ReportJob *job, Oid *types, Datum *values, char *nulls)
{
	types[0] = TEXTARRAYOID;
	types[1] = types[2] = TIMESTAMPTZOID;
	types[3] = INT8ARRAYOID;
	values[0] = job->models;
	values[1] = job->since;
	values[2] = job->until;
	values[3] = job->evaluations;
	types[4] = TEXTOID;
	values[4] = job->main_model == NULL ? (Datum) 0 : CStringGetTextDatum(job->main_model);
	types[5] = TEXTARRAYOID;
	values[5] = named_tables(job);
	types[6] = INT8ARRAYOID;
	values[6] = job->group_evaluations;
	memset(nulls, ' ', PARAMETERS);
	if (job->main_model == NULL)
		nulls[4] = 'n';
	if (job->all_models)
		nulls[0] = 'n';
	if (job->evaluations == (Datum) 0)
		nulls[3] = 'n';
	if (job->group_evaluations == (Datum) 0)
		nulls[6] = 'n';
}

void
report_select(const ReportJob *job, const char *query)
{
	Oid			types[PARAMETERS];
	Datum		values[PARAMETERS];
	char		nulls[PARAMETERS];

	CHECK_FOR_INTERRUPTS();
	check_status(job->call, job->page.status);
	fill_parameters(job, types, values, nulls);
	store_execute(&job->store, query, PARAMETERS, types, values, nulls, SPI_OK_SELECT);
}

void
report_select_user(const ReportJob *job, const char *name, const char *query)
{
	Oid			types[PARAMETERS];
	Datum		values[PARAMETERS];
	char		nulls[PARAMETERS];

	CHECK_FOR_INTERRUPTS();
	check_status(job->call, job->page.status);
	for (int i = 0; i < job->predictions; i++)
		relation_check(&job->prediction_tables[i]);
	if (job->verdicts != NULL)
		relation_check(&job->verdict_table);
	fill_parameters(job, types, values, nulls);
	if (user_table_select(name, query, PARAMETERS, types, values, nulls) != SPI_OK_SELECT)
		elog(ERROR, "reading %s failed", name);
}

char *
report_shown(Datum value)
{
	/* Fetch and decompress no more than what may be shown and a character more: half of one is an error. */
	text	   *start = DatumGetTextPSlice(value, 0, (MOST_CHARACTERS + 1) * MAX_MULTIBYTE_CHAR_LEN);
	int			size = (int) VARSIZE_ANY_EXHDR(start);
	int			shown = pg_mbcharcliplen(VARDATA_ANY(start), size, MOST_CHARACTERS);
	const char *utf8 = utf8_text(pnstrdup(VARDATA_ANY(start), shown));

	return psprintf("%s%s", utf8, shown < size ? ELLIPSIS : "");
}

/* A value of a row, as the page shows it; NULL if it is NULL. The column counts from 1. */
static char *
cell_text(HeapTuple row, TupleDesc columns, int column)
{
	Oid			type = SPI_gettypeid(columns, column);
	bool		isnull;
	Datum		value;
	char	   *string;

	if (type == FLOAT8OID)
	{
		double		number;

		value = row_value(row, columns, column, FLOAT8OID, &isnull);
		number = isnull ? NAN : DatumGetFloat8(value);
		return isnan(number) ? NULL : psprintf("%.3f", fabs(number) < 0.0005 ? 0 : number);
	}
	if (type == TEXTOID)
	{
		value = row_value(row, columns, column, TEXTOID, &isnull);
		return isnull ? NULL : report_shown(value);
	}
	string = SPI_getvalue(row, columns, column);
	return string == NULL ? NULL : report_shown(CStringGetTextDatum(string));
}

char *
report_text(uint64 row, const char *column)
{
	return cell_text(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, row_column(SPI_tuptable->tupdesc, column));
}

char *
report_value(uint64 row, const char *column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, row_column(SPI_tuptable->tupdesc, column));
}

double
report_number(uint64 row, const char *column)
{
	bool		isnull;
	Datum		value = row_named_value(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, FLOAT8OID, &isnull);

	return isnull ? NAN : DatumGetFloat8(value);
}

/* Does a heading end with that? */
static bool
heading_ends(const char *heading, const char *end)
{
	size_t		length = strlen(heading);
	size_t		end_length = strlen(end);

	return length >= end_length && strcmp(heading + length - end_length, end) == 0;
}

/* How a column is shown. */
static CellKind
cell_kind(Oid type, const char *heading)
{
	if (heading_ends(heading, "SHA-256"))
		return CELL_CODE;
	if (heading_ends(heading, "(UTC)"))
		return CELL_TIME;
	return type == FLOAT8OID || type == INT8OID || type == INT4OID || type == NUMERICOID ? CELL_NUMBER : CELL_WORDS;
}

void
report_table(ReportJob *job, const char *caption, const char *nothing)
{
	TupleDesc	columns = SPI_tuptable->tupdesc;
	uint64		rows = Min(SPI_processed, MOST_ROWS);
	uint64		all = SPI_processed;
	const char **headings = palloc(columns->natts * sizeof *headings);
	CellKind   *kinds = palloc(columns->natts * sizeof *kinds);
	const char **cells = palloc((rows * columns->natts + 1) * sizeof *cells);
	Table		table = {caption, columns->natts, (long) rows, headings, kinds, cells};

	if (rows == 0)
	{
		page_nothing(&job->page, nothing);
		return;
	}
	for (int c = 0; c < columns->natts; c++)
	{
		headings[c] = NameStr(TupleDescAttr(columns, c)->attname);
		kinds[c] = cell_kind(TupleDescAttr(columns, c)->atttypid, headings[c]);
	}
	for (uint64 r = 0; r < rows; r++)
		for (int c = 0; c < columns->natts; c++)
		{
			CHECK_FOR_INTERRUPTS();
			cells[r * columns->natts + c] = cell_text(SPI_tuptable->vals[r], columns, c + 1);
		}
	page_table(&job->page, &table);
	report_left_out(job, "rows", (long) rows, (long) all);
}

void
report_left_out(ReportJob *job, const char *things, long shown, long all)
{
	if (all > shown)
		page_paragraph(&job->page, psprintf("These are the first %ld of %ld %s.", shown, all, things));
}

/* The name of a row, from that column; rows that were written by hand may have
 * none. */
static const char *
report_name(uint64 row, const char *column)
{
	const char *name = report_text(row, column);

	return name != NULL ? name : "not known";
}

void
report_lines(ReportJob *job, LineChart chart)
{
	bool		named = SPI_fnumber(SPI_tuptable->tupdesc, "x_name") > 0;
	ChartPoint *points = palloc0((SPI_processed + 1) * sizeof *points);
	bool		any = false;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		points[i].series = report_name(i, "series");
		points[i].x = report_number(i, "x");
		points[i].y = report_number(i, "y");
		points[i].x_name = named ? report_text(i, "x_name") : NULL;
		any = any || !isnan(points[i].y);
	}
	chart.points = points;
	chart.count = (int) SPI_processed;
	if (any)
		chart_lines(&job->page, &chart);
}

void
report_bars(ReportJob *job, const char *title, const char *x_title)
{
	const char **names = palloc((SPI_processed + 1) * sizeof *names);
	double	   *counts = palloc((SPI_processed + 1) * sizeof *counts);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		names[i] = report_name(i, "name");
		counts[i] = report_number(i, "figure");
	}
	if (SPI_processed > 0)
		chart_bars(&job->page, title, x_title, names, counts, (int) SPI_processed);
}

void
report_intervals(ReportJob *job, const char *title, const char *x_title)
{
	ChartInterval *intervals = palloc((SPI_processed + 1) * sizeof *intervals);

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		CHECK_FOR_INTERRUPTS();
		intervals[i].name = report_name(i, "name");
		intervals[i].value = report_number(i, "figure");
		intervals[i].low = report_number(i, "low");
		intervals[i].high = report_number(i, "high");
		intervals[i].faint = report_number(i, "faint") > 0;
	}
	if (SPI_processed > 0)
		chart_intervals(&job->page, title, x_title, intervals, (int) SPI_processed);
}

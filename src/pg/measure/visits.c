/*
 * visits.c: the SQL function lesion_visits: the photographs of lesions in the
 * order of their dates, each compared with the one before and with the first.
 *
 * One query does it, with the window functions of SQL and lesion_follow. It
 * runs with the rights and the search_path of the caller, so that views find
 * what they call; its own names are qualified.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "pg/base/settings.h"
#include "pg/base/store.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/images/images_source.h"
#include "pg/images/known_relation.h"

PG_FUNCTION_INFO_V1(lesion_visits);

/* Arguments of lesion_visits. */
enum
{
	ARGUMENT_IMAGES, ARGUMENT_GROUP_COLUMN, ARGUMENT_DATE_COLUMN, ARGUMENT_LESION, ARGUMENT_IMAGE_COLUMN,
	ARGUMENT_MASK_COLUMN, ARGUMENT_ID_COLUMN, ARGUMENT_MODEL, ARGUMENT_PIXEL_SPACING
};

#define EQUAL " OPERATOR(pg_catalog.=) "
#define SECONDS_OF_MONTH "2629800"	/* 30.4375 days */

/* The same columns of the visit before, and of the first. */
#define EARLIER(column) \
	"pg_catalog.lag(v." column ") OVER w AS " column "_before, " \
	"pg_catalog.first_value(v." column ") OVER w AS " column "_first"

/* Months from an earlier date to the visit's; NULL where there are none. Seconds are subtracted, for an interval
 * does not hold all differences of timestamps. */
#define MONTHS(earlier) \
	"(CASE WHEN o.visited" EQUAL "o." earlier " THEN NULL ELSE (EXTRACT(epoch FROM o.visited) " \
	"OPERATOR(pg_catalog.-) EXTRACT(epoch FROM o." earlier "))::pg_catalog.float8 " \
	"OPERATOR(pg_catalog./) " SECONDS_OF_MONTH "::pg_catalog.float8 END)"

/* Is a date, as ISO text, one that a timestamp holds, and finite? A date of type date may be later than that: year
 * 5874897. */
#define LAST_YEAR "294276"
#define PROPER_DATE \
	"CASE WHEN s.lesion_by OPERATOR(pg_catalog.~) 'infinity' THEN false " \
	"WHEN s.lesion_by OPERATOR(pg_catalog.~) '^[0-9]{6,}-' THEN " \
	"pg_catalog.split_part(s.lesion_by, '-', 1)::pg_catalog.int4 OPERATOR(pg_catalog.<=) " LAST_YEAR " ELSE true END"

/* A comparison with the first visit; for the second visit it is the same as
 * that with the visit before. */
#define WITH_FIRST(column) "CASE WHEN o.visit" EQUAL "2 THEN p." column " ELSE f." column " END"
#define THIRD_ON(column) "CASE WHEN o.visit OPERATOR(pg_catalog.>) 2 THEN o." column " END"

/* To be filled in: lesion, mask, rows, lesion, more conditions, then function and spacing of a measure, and of
 * two comparisons. */
static const char query[] =
"WITH visits AS MATERIALIZED (SELECT s.%s AS lesion, s.id, s.lesion_by::pg_catalog.timestamp AS visited, s.image, "
"%s AS mask FROM (%s) AS s "
"WHERE s.usable AND s.image IS NOT NULL AND s.%s IS NOT NULL AND s.lesion_by IS NOT NULL AND " PROPER_DATE "%s), "
"ordered AS (SELECT v.*, pg_catalog.row_number() OVER w AS visit, "
EARLIER("visited") ", " EARLIER("image") ", " EARLIER("mask") " FROM visits AS v WHERE v.mask IS NOT NULL "
"WINDOW w AS (PARTITION BY v.lesion ORDER BY v.visited, v.id COLLATE pg_catalog.\"C\")) "
"SELECT o.lesion, o.visit::pg_catalog.int4, o.id, o.visited, m.area, m.area_mm2, "
"p.sure, p.confidence, p.change_percent, p.change_mm2, "
"p.change_percent OPERATOR(pg_catalog./) " MONTHS("visited_before") ", "
WITH_FIRST("sure") ", " WITH_FIRST("confidence") ", " WITH_FIRST("change_percent") ", " WITH_FIRST("change_mm2") ", "
WITH_FIRST("change_percent") " OPERATOR(pg_catalog./) " MONTHS("visited_first") " "
"FROM ordered AS o CROSS JOIN LATERAL %slesion_measure(o.mask, o.image, %s) AS m "
"CROSS JOIN LATERAL %slesion_follow(o.image_before, o.mask_before, o.image, o.mask, %s) AS p "
"CROSS JOIN LATERAL %slesion_follow(" THIRD_ON("image_first") ", " THIRD_ON("mask_first") ", o.image, o.mask, %s) AS f "
"ORDER BY o.lesion COLLATE pg_catalog.\"C\", o.visit";

/* Raise an error unless a column of the open table is a date or a time. */
static void
check_date_column(const ImagesSource *source, const char *column)
{
	TupleDesc	columns = source->known.columns;

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(columns, i);
		Oid			type;

		if (attribute->attisdropped || strcmp(NameStr(attribute->attname), column) != 0)
			continue;
		type = getBaseType(attribute->atttypid);
		if (type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID)
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of %s is of type %s, not a date", column, source->name,
						format_type_be(attribute->atttypid)),
				 errhint("Name a column of type date, timestamp or timestamptz with date_column => '...'.")));
	}
}

/* Open the table of visits; if a model makes the masks, no masks are read. */
static ImagesSource *
open_visits(FunctionCallInfo fcinfo)
{
	ImagesColumns columns = {.by_argument = "date_column"};
	ImagesSource *source;

	columns.image = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column");
	if (PG_ARGISNULL(ARGUMENT_MODEL))
		columns.mask = argument_text(fcinfo, ARGUMENT_MASK_COLUMN, "mask_column");
	columns.id = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN);
	columns.group = split_columns_single(argument_text(fcinfo, ARGUMENT_GROUP_COLUMN, "group_column"));
	columns.by = argument_text(fcinfo, ARGUMENT_DATE_COLUMN, "date_column");
	source = images_open(argument_oid(fcinfo, ARGUMENT_IMAGES, "images"), &columns);
	check_date_column(source, columns.by);
	return source;
}

/* The query's parameters: the arguments that are not NULL. */
typedef struct Parameters
{
	int			count;
	Oid			types[3];
	Datum		values[3];
} Parameters;

/* An argument as the query names it: "$1". */
static char *
add_parameter(FunctionCallInfo fcinfo, int argument, Oid type, Parameters *parameters)
{
	parameters->types[parameters->count] = type;
	parameters->values[parameters->count] = PG_GETARG_DATUM(argument);
	return psprintf("$%d", ++parameters->count);
}

/* The query on the visits of an open table. */
static char *
visits_query(FunctionCallInfo fcinfo, const ModelStore *store, const ImagesSource *source, Parameters *parameters)
{
	const char *prefix = store_prefix(store);
	const char *lesion = source->grouped ? "lesion_group" : "id";
	const char *mask = "s.mask";
	const char *condition = "";
	const char *spacing = "NULL::pg_catalog.float8[]";

	if (!PG_ARGISNULL(ARGUMENT_MODEL))
		mask = psprintf("%slesion_segment(s.image, %s)", prefix,
						add_parameter(fcinfo, ARGUMENT_MODEL, TEXTOID, parameters));
	if (!PG_ARGISNULL(ARGUMENT_LESION))
		condition = psprintf(" AND s.%s" EQUAL "%s", lesion,
							 add_parameter(fcinfo, ARGUMENT_LESION, TEXTOID, parameters));
	if (!PG_ARGISNULL(ARGUMENT_PIXEL_SPACING))
		spacing = add_parameter(fcinfo, ARGUMENT_PIXEL_SPACING, FLOAT8ARRAYOID, parameters);
	return psprintf(query, lesion, mask, source->rows, lesion, condition, prefix, spacing, prefix, spacing, prefix,
					spacing);
}

/* lesion_visits(images, group_column, date_column, one_lesion, image_column, mask_column, id_column, model,
 * pixel_spacing) returns set of (lesion, visit, ...) */
Datum
lesion_visits(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	Parameters	parameters = {0};
	ImagesSource *source;
	char	   *text;
	int			level;

	InitMaterializedSRF(fcinfo, 0);
	SPI_connect();
	source = open_visits(fcinfo);
	text = visits_query(fcinfo, &store, source, &parameters);
	relation_check(&source->known);

	/* What it calls costs much, so the server would compile the query: for a second, in which it looks at no cancel. */
	level = NewGUCNestLevel();
	settings_save("jit", "off");
	if (images_execute(psprintf("following the lesions of %s", source->name), text, parameters.count,
					   parameters.types, parameters.values, 0) != SPI_OK_SELECT)
		elog(ERROR, "following the lesions of %s failed", source->name);
	AtEOXact_GUC(true, level);
	row_put_selected((ReturnSetInfo *) fcinfo->resultinfo);
	SPI_finish();
	return (Datum) 0;
}

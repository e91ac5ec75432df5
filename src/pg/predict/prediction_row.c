/*
 * prediction_row.c: see prediction_row.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "pg/base/spi_context.h"
#include "pg/base/values/row_values.h"
#include "pg/predict/prediction_row.h"

static const struct
{
	const char *name;
	Oid			type;
}			columns[PREDICTION_COLUMNS] = {
	[PREDICTION_IMAGES] = {"images", TEXTOID},
	[PREDICTION_ID] = {"id", TEXTOID},
	[PREDICTION_MASK] = {"mask", BYTEAOID},
	[PREDICTION_AREA] = {"area", FLOAT8OID},
	[PREDICTION_CONFIDENCE] = {"confidence", FLOAT8OID},
	[PREDICTION_UNCERTAIN] = {"uncertain", FLOAT8OID},
	[PREDICTION_DISAGREEMENT] = {"disagreement", FLOAT8OID},
	[PREDICTION_DICE] = {"predicted_dice", FLOAT8OID},
	[PREDICTION_QUALITY] = {"quality", FLOAT8OID},
	[PREDICTION_NEEDS_REVIEW] = {"needs_review", BOOLOID},
	[PREDICTION_ERROR] = {"error", TEXTOID},
	[PREDICTION_MODEL] = {"model", TEXTOID},
	[PREDICTION_VERSION] = {"version", INT4OID},
	[PREDICTION_WEIGHTS_SHA256] = {"weights_sha256", BYTEAOID},
	[PREDICTION_IMAGE_SHA256] = {"image_sha256", BYTEAOID},
	[PREDICTION_OPTIONS] = {"options", JSONBOID},
	[PREDICTION_EXTENSION_VERSION] = {"extension_version", TEXTOID},
	[PREDICTION_BACKEND] = {"backend", TEXTOID},
	[PREDICTION_PRECISION] = {"precision", TEXTOID},
	[PREDICTION_PREDICTED_AT] = {"predicted_at", TIMESTAMPTZOID},
	[PREDICTION_PREDICTED_BY] = {"predicted_by", TEXTOID},
};

/* The columns that identify image and version. */
static const PredictionColumn key_columns[] = {
	PREDICTION_IMAGES, PREDICTION_ID, PREDICTION_MODEL, PREDICTION_VERSION
};

void
prediction_clear(PredictionRow *row)
{
	memset(row->values, 0, sizeof row->values);
	memset(row->nulls, 'n', PREDICTION_COLUMNS);
	row->nulls[PREDICTION_COLUMNS] = '\0';
}

void
prediction_set(PredictionRow *row, PredictionColumn column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = ' ';
}

/* The INSERT; it returns whether the stored row has the expected key. */
static char *
insert_query(const char *table)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfo(&query, "INSERT INTO %s (", table);
	for (int i = 0; i < PREDICTION_COLUMNS; i++)
		appendStringInfo(&query, "%s%s", i > 0 ? ", " : "", quote_identifier(columns[i].name));
	appendStringInfoString(&query, ") VALUES (");
	for (int i = 0; i < PREDICTION_COLUMNS; i++)
		appendStringInfo(&query, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfoString(&query, ") RETURNING ");
	for (size_t i = 0; i < lengthof(key_columns); i++)
		appendStringInfo(&query, "%s%s OPERATOR(pg_catalog.=) $%d", i > 0 ? " AND " : "",
						 columns[key_columns[i]].name, key_columns[i] + 1);
	return query.data;
}

SPIPlanPtr
prediction_prepare(const char *table)
{
	Oid			types[PREDICTION_COLUMNS];
	SPIPlanPtr	plan;

	for (int i = 0; i < PREDICTION_COLUMNS; i++)
		types[i] = columns[i].type;
	plan = SPI_prepare(insert_query(table), PREDICTION_COLUMNS, types);
	if (plan == NULL)
		elog(ERROR, "preparing to store predictions gave %s", SPI_result_code_string(SPI_result));
	return plan;
}

void
prediction_insert(SPIPlanPtr plan, const PredictionRow *row, const char *table, const char *name)
{
	int			result = spi_execute_plan_as(psprintf("segmenting %s", name), plan, insert_query(table), row->values,
											 row->nulls);
	bool		isnull = false;
	bool		stored;

	if (result != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "storing a prediction gave %s", SPI_result_code_string(result));
	stored = SPI_processed == 1 &&
		DatumGetBool(row_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, BOOLOID, &isnull)) && !isnull;
	SPI_freetuptable(SPI_tuptable);
	if (!stored)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("what %s came to was not stored in %s as it is", name, table),
				 errdetail("A trigger on the table leaves the row out, or changes its images, id, model or version."),
				 errhint("These columns tell what is done: leave them alone, and leave out images with a view of the "
						 "others.")));
}

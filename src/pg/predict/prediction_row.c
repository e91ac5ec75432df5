/*
 * prediction_row.c: see prediction_row.h.
 *
 * Others may store a row that is about to be inserted. INSERT ... ON CONFLICT
 * DO NOTHING goes on then, where the table allows it. Others may also wait for
 * a row of this batch, while it waits for one of theirs. So that a deadlock,
 * lock_timeout or an id that is too long ends no batch, each row has a
 * subtransaction.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "pg/base/caught_error.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/user_tables.h"
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

/* Append that the columns of the key are those of parameters. */
static void
append_key(StringInfo query)
{
	for (size_t i = 0; i < lengthof(key_columns); i++)
		appendStringInfo(query, "%s%s OPERATOR(pg_catalog.=) $%d", i > 0 ? " AND " : "",
						 columns[key_columns[i]].name, key_columns[i] + 1);
}

/* The INSERT; it returns whether the stored row has the expected key. */
static char *
insert_query(const char *table, bool unless_there)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfo(&query, "INSERT INTO %s (", table);
	for (int i = 0; i < PREDICTION_COLUMNS; i++)
		appendStringInfo(&query, "%s%s", i > 0 ? ", " : "", quote_identifier(columns[i].name));
	appendStringInfoString(&query, ") VALUES (");
	for (int i = 0; i < PREDICTION_COLUMNS; i++)
		appendStringInfo(&query, "%s$%d", i > 0 ? ", " : "", i + 1);
	appendStringInfo(&query, ")%s RETURNING ", unless_there ? " ON CONFLICT DO NOTHING" : "");
	append_key(&query);
	return query.data;
}

/* The types of the parameters: all columns. */
static void
parameter_types(Oid types[PREDICTION_COLUMNS])
{
	for (int i = 0; i < PREDICTION_COLUMNS; i++)
		types[i] = columns[i].type;
}

static InsertPlan
prepare(const char *table, bool unless_there)
{
	InsertPlan	insert = {.query = insert_query(table, unless_there)};
	Oid			types[PREDICTION_COLUMNS];

	parameter_types(types);
	insert.plan = SPI_prepare(insert.query, PREDICTION_COLUMNS, types);
	if (insert.plan == NULL)
		elog(ERROR, "preparing to store predictions gave %s", SPI_result_code_string(SPI_result));
	return insert;
}

/* Does a table allow ON CONFLICT? Not with rules or a deferrable key, and not
 * every wrapper of a foreign partition does. */
static bool
allows_on_conflict(Oid oid, const char *table)
{
	Oid			types[] = {REGCLASSOID};
	Datum		values[] = {ObjectIdGetDatum(oid)};
	bool		allows;

	/* A snapshot of now: the function that calls may have made the table. */
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) user_table_select(table, "SELECT NOT pg_catalog.bool_or(c.relhasrules OR c.relkind = 'f' OR EXISTS "
							 "(SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND NOT i.indimmediate)) "
							 "AS allows FROM pg_catalog.pg_class AS c WHERE c.oid = $1 OR "
							 "c.oid IN (SELECT relid FROM pg_catalog.pg_partition_tree($1))", 1, types, values, NULL);
	PopActiveSnapshot();
	allows = DatumGetBool(first_row_needed("allows", BOOLOID));
	SPI_freetuptable(SPI_tuptable);
	return allows;
}

PredictionInsert
prediction_prepare(Oid oid, const char *table)
{
	PredictionInsert insert = {.oid = oid,.table = table,.always = prepare(table, false)};

	if (allows_on_conflict(oid, table))
		insert.unless_there = prepare(table, true);
	return insert;
}

void
prediction_end(PredictionInsert *insert)
{
	SPI_freeplan(insert->always.plan);
	if (insert->unless_there.plan != NULL)
		SPI_freeplan(insert->unless_there.plan);
}

/* A row to be inserted. */
typedef struct RowInsert
{
	const PredictionInsert *insert;
	const PredictionRow *row;
	const char *name;
	PredictionOutcome outcome;
} RowInsert;

/* Insert a row, or with unless_there a row that is not there; true if one with
 * its key was stored. */
static bool
try_insert(const RowInsert *work, bool unless_there)
{
	const InsertPlan *insert = unless_there ? &work->insert->unless_there : &work->insert->always;
	int			result = spi_execute_plan_as(psprintf("segmenting %s", work->name), insert->plan, insert->query,
											 work->row->values, work->row->nulls);
	bool		isnull = false;
	bool		stored;

	if (result != SPI_OK_INSERT_RETURNING)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("storing a mask in %s gave %s", work->insert->table, SPI_result_code_string(result)),
				 errhint("A rule makes another command of the INSERT: drop it.")));
	stored = SPI_processed == 1 &&
		DatumGetBool(row_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, BOOLOID, &isnull)) && !isnull;
	SPI_freetuptable(SPI_tuptable);
	return stored;
}

/* Has the table a row with the key by now? A NOTICE says so. The snapshot is a
 * new one. */
static bool
is_there(const RowInsert *work)
{
	const Datum *values = work->row->values;
	const char *table = work->insert->table;
	Oid			types[PREDICTION_COLUMNS];
	StringInfoData query;
	bool		found;

	parameter_types(types);
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT FROM %s WHERE ", table);
	append_key(&query);
	(void) spi_execute_as(psprintf("looking for %s in %s", work->name, table), query.data, PREDICTION_COLUMNS, types,
						  unconstify(Datum *, values), work->row->nulls, false, 1);
	found = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	if (found)
		ereport(NOTICE,
				(errmsg("%s has a row in %s by now, which another session or a trigger stored", work->name, table)));
	return found;
}

/* Insert a row, unless it is there; an error if it is not stored. */
static void
insert_row(void *argument)
{
	RowInsert  *work = argument;
	bool		may_be_there = work->insert->unless_there.plan != NULL;

	work->outcome = PREDICTION_STORED;
	if (may_be_there && try_insert(work, true))
		return;
	if (may_be_there && is_there(work))
		work->outcome = PREDICTION_TAKEN;
	else if (!try_insert(work, false))
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("what %s came to was not stored in %s as it is", work->name, work->insert->table),
				 errdetail("A trigger on the table leaves the row out, or changes its images, id, model or version."),
				 errhint("These columns tell what is done: leave them alone, and leave out images with a view of the "
						 "others.")));
}

/* Warn that a row is not stored, because of that error. */
static void
warn_of_row(const RowInsert *work, const ErrorData *error, const char *hint)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("%s cannot be stored in %s: %s", work->name, work->insert->table, error->message),
			 errhint("%s", hint)));
}

/* Has a constraint of the table, or of one of its partitions, refused a row for the sake of another row? What triggers
 * write elsewhere is their own affair. */
static bool
is_blocked(const PredictionInsert *insert, const ErrorData *error)
{
	Oid			schema;

	if ((error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION && error->sqlerrcode != ERRCODE_EXCLUSION_VIOLATION) ||
		error->schema_name == NULL || error->table_name == NULL)
		return false;
	schema = get_namespace_oid(error->schema_name, true);
	return OidIsValid(schema) && list_member_oid(find_all_inheritors(insert->oid, NoLock, NULL),
												 get_relname_relid(error->table_name, schema));
}

PredictionOutcome
prediction_insert(const PredictionInsert *insert, const PredictionRow *row, const char *name)
{
	RowInsert	work = {insert, row, name, PREDICTION_STORED};
	ErrorData  *error = caught_in_step(insert_row, &work, CurrentMemoryContext);

	if (error == NULL)
		return work.outcome;
	if (error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION && is_there(&work))
		return PREDICTION_TAKEN;
	if (error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED || error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE)
	{
		warn_of_row(&work, error, "Another session is storing a row of the image. If it gives up, the next call does "
					"the image.");
		return PREDICTION_TAKEN;
	}
	if (is_blocked(insert, error))
	{
		warn_of_row(&work, error, "A row stands in its way: one that a policy hides from you, or one with the same "
					"value in another column. Who owns the table can find and delete it.");
		return PREDICTION_BLOCKED;
	}
	if (error->sqlerrcode != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		ReThrowError(error);
	warn_of_row(&work, error, "Give the image a shorter id, or leave it out with a view of the others.");
	return PREDICTION_NO_ROOM;
}

/*
 * bundled_rows.c: triggers for rows that meet those that came with the
 * extension.
 *
 *   lesion_skip_bundled	A publication of all tables sends bundled rows too,
 *							and a subscriber that has the extension has them: it
 *							made the same rows of the same files. It fires where
 *							rows arrive by replication alone (ENABLE REPLICA).
 *   lesion_yield_bundled	CREATE EXTENSION makes the versions 0 of its release
 *							before a dump is restored, and another release may
 *							have made those of the dump. Masks and scores name
 *							them by number: so the dump's take their place. A
 *							database of 0.2 may also have a model of its user's
 *							own under the name of the bundled ensemble. When its
 *							dump is restored, that model takes the name.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#include "pg/base/values/row_values.h"
#include "pg/models/bundled/bundled_rows.h"
#include "pg/models/model_store.h"
#include "pg/models/restored_row.h"

PG_FUNCTION_INFO_V1(lesion_skip_bundled);
PG_FUNCTION_INFO_V1(lesion_yield_bundled);

#define COLUMNS_MAX 10

/* Columns by which two bundled rows are the same, and the queries. */
static const char *const model_columns[] = {"name", "architecture"};
static const char *const version_columns[] = {
	"model", "number", "sha256", "config", "image_size", "threshold", "enhance", "temperature", "review_below",
	"dice_coefficients"
};

#define SAME_MODEL "SELECT 1 FROM @lesion_model WHERE bundled AND name = $1 AND architecture = $2"
#define SAME_VERSION \
	"SELECT 1 FROM @lesion_version WHERE model = $1 AND number = $2 AND sha256 = $3 AND config = $4 " \
	"AND image_size = $5 AND threshold = $6 AND enhance = $7 AND temperature = $8 AND review_below = $9 " \
	"AND dice_coefficients IS NOT DISTINCT FROM $10"

/* What fired a trigger before INSERT of a row; another call is an error. */
static TriggerData *
insert_trigger(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("this is a trigger before INSERT of a row")));
	return trigger;
}

/* Run a query on the columns of the row that fired a trigger; how many rows it finds. */
static uint64
run_on_row(FunctionCallInfo fcinfo, const char *query, const char *const *columns, int count, int expected)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);
	ModelStore	store = store_open(fcinfo, false);
	Oid			types[COLUMNS_MAX];
	Datum		values[COLUMNS_MAX];
	char		nulls[COLUMNS_MAX];

	Assert(count <= COLUMNS_MAX);
	for (int i = 0; i < count; i++)
	{
		int			number = SPI_fnumber(descriptor, columns[i]);
		bool		isnull;

		if (number <= 0)
			elog(ERROR, "table %s has no column %s", RelationGetRelationName(trigger->tg_relation), columns[i]);
		types[i] = SPI_gettypeid(descriptor, number);
		values[i] = SPI_getbinval(trigger->tg_trigtuple, descriptor, number, &isnull);
		nulls[i] = isnull ? 'n' : ' ';
	}
	store_execute(&store, query, count, types, values, nulls, expected);
	return SPI_processed;
}

/* Did the trigger's row come for the table of models, and not for that of versions? */
static bool
is_for_models(const TriggerData *trigger)
{
	return strcmp(RelationGetRelationName(trigger->tg_relation), "lesion_model") == 0;
}

/* Is the row here already? */
static bool
is_here(FunctionCallInfo fcinfo)
{
	bool		here;

	SPI_connect();
	if (is_for_models((TriggerData *) fcinfo->context))
		here = run_on_row(fcinfo, SAME_MODEL, model_columns, lengthof(model_columns), SPI_OK_SELECT) > 0;
	else
		here = run_on_row(fcinfo, SAME_VERSION, version_columns, lengthof(version_columns), SPI_OK_SELECT) > 0;
	SPI_finish();
	return here;
}

/* Trigger before INSERT of a bundled row that arrives by replication: leave it
 * out where it is here already. Another row of its key is a conflict. */
Datum
lesion_skip_bundled(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = insert_trigger(fcinfo);

	PG_RETURN_POINTER(is_here(fcinfo) ? NULL : trigger->tg_trigtuple);
}

/* Is a bundled row giving way, and is it a version to one of its number? */
static bool yielding = false;
static bool replacing = false;

bool
bundled_is_yielding(void)
{
	return yielding;
}

bool
bundled_is_replaced(void)
{
	return replacing;
}

/* The text of a column of the row that fired a trigger. */
static char *
row_text(const TriggerData *trigger, const char *column)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);

	return TextDatumGetCString(row_named_needed(trigger->tg_trigtuple, descriptor, column, TEXTOID));
}

/* Make the bundled model the one of the row that a trigger sees; false where no bundled one has the name. */
static bool
yield_name(FunctionCallInfo fcinfo)
{
	static const char *const columns[] = {"name", "architecture", "config", "created_at", "created_by"};
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		yields;

	SPI_connect();
	yields = run_on_row(fcinfo,
						"UPDATE @lesion_model SET architecture = $2, config = $3, created_at = $4, created_by = $5, "
						"bundled = false WHERE name OPERATOR(pg_catalog.=) $1 AND bundled",
						columns, lengthof(columns), SPI_OK_UPDATE) > 0;
	if (yields)
		(void) run_on_row(fcinfo,
						  "DELETE FROM @lesion_version WHERE model OPERATOR(pg_catalog.=) $1 "
						  "AND number OPERATOR(pg_catalog.<=) 0", columns, 1, SPI_OK_DELETE);
	SPI_finish();
	if (yields)
		ereport(WARNING,
				(errmsg("the model \"%s\" is one that \"%s\" made, and not that of this release",
						row_text(trigger, "name"), row_text(trigger, "created_by")),
				 errdetail("From now on it is the model of calls that name none."),
				 errhint("ALTER DATABASE ... SET lesionseg.default_model names another model.")));
	return yields;
}

/* Take away the version of this release that has the number of the row that a trigger sees, and is another. */
static void
yield_number(FunctionCallInfo fcinfo)
{
	const TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		yields;

	replacing = true;
	SPI_connect();
	yields = run_on_row(fcinfo,
						"DELETE FROM @lesion_version WHERE model OPERATOR(pg_catalog.=) $1 "
						"AND number OPERATOR(pg_catalog.=) $2", version_columns, 2, SPI_OK_DELETE) > 0;
	SPI_finish();
	if (yields)
		ereport(WARNING,
				(errmsg("the bundled version of \"%s\" is the one that comes with these rows, "
						"and not that of this release", row_text(trigger, "model")),
				 errdetail("Masks and scores that name it were made by it."),
				 errhint("Where no later version has them, lesion_model_import brings the weights of this release.")));
}

/* Does a row take the place of a bundled one: does it come back by a restore, or come from a publisher? */
static bool
takes_place(const TriggerData *trigger)
{
	return SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA ||
		row_is_restored(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation), "created_at",
						trigger->tg_relation->rd_rel->relowner);
}

/* Let a row take its place; false where the table has it then without an INSERT. */
static bool
give_way(FunctionCallInfo fcinfo)
{
	bool		models = is_for_models((TriggerData *) fcinfo->context);

	if (models)
		return !yield_name(fcinfo);
	if (is_here(fcinfo))
		return false;
	yield_number(fcinfo);
	return true;
}

/* Trigger before INSERT of a version that has the number of a bundled one, or of a model that has the name of one and
 * is the user's own. Nobody but a restore or a publisher can bring them: name and number are taken. */
Datum
lesion_yield_bundled(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = insert_trigger(fcinfo);
	bool		inserts = true;

	if (!takes_place(trigger))
		PG_RETURN_POINTER(trigger->tg_trigtuple);
	yielding = true;
	PG_TRY();
	{
		inserts = give_way(fcinfo);
	}
	PG_FINALLY();
	{
		yielding = false;
		replacing = false;
	}
	PG_END_TRY();
	PG_RETURN_POINTER(inserts ? trigger->tg_trigtuple : NULL);
}

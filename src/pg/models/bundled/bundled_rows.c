/*
 * bundled_rows.c: triggers for rows that meet those that came with the
 * extension.
 *
 *   lesion_skip_bundled	A publication of all tables sends bundled rows too,
 *							and a subscriber that has the extension has them: it
 *							made the same rows of the same files. It fires where
 *							rows arrive by replication alone (ENABLE REPLICA).
 *   lesion_yield_bundled	A database of 0.2 may have a model of its user's own
 *							under the name of the bundled ensemble. When its dump
 *							is restored, that model takes the name.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/rel.h"

#include "pg/models/bundled/bundled_rows.h"
#include "pg/models/model_store.h"
#include "pg/models/restored_row.h"

PG_FUNCTION_INFO_V1(lesion_skip_bundled);
PG_FUNCTION_INFO_V1(lesion_yield_bundled);

/* Columns of a bundled row that are the same in every database. */
#define SAME_MODEL "SELECT 1 FROM @lesion_model WHERE bundled AND name = $1 AND architecture = $2"
#define SAME_VERSION "SELECT 1 FROM @lesion_version WHERE model = $1 AND number = $2 AND sha256 = $3"

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

/* Read columns of the row that fired a trigger, with their types; false where one is NULL. */
static bool
read_columns(TriggerData *trigger, const char *const *columns, int count, Oid *types, Datum *values)
{
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);

	for (int i = 0; i < count; i++)
	{
		int			number = SPI_fnumber(descriptor, columns[i]);
		bool		isnull;

		if (number <= 0)
			elog(ERROR, "table %s has no column %s", RelationGetRelationName(trigger->tg_relation), columns[i]);
		types[i] = SPI_gettypeid(descriptor, number);
		values[i] = SPI_getbinval(trigger->tg_trigtuple, descriptor, number, &isnull);
		if (isnull)
			return false;
	}
	return true;
}

/* Is the row, of which `count` columns matter, here already? */
static bool
is_here(FunctionCallInfo fcinfo, const char *query, const char *const *columns, int count)
{
	ModelStore	store = store_open(fcinfo, false);
	Oid			types[3];
	Datum		values[3];
	bool		here;

	if (!read_columns((TriggerData *) fcinfo->context, columns, count, types, values))
		return false;
	SPI_connect();
	store_execute(&store, query, count, types, values, NULL, SPI_OK_SELECT);
	here = SPI_processed > 0;
	SPI_finish();
	return here;
}

/* Trigger before INSERT of a bundled row that arrives by replication: leave it
 * out where it is here already. Another row of its key is a conflict. */
Datum
lesion_skip_bundled(PG_FUNCTION_ARGS)
{
	static const char *const model_columns[] = {"name", "architecture"};
	static const char *const version_columns[] = {"model", "number", "sha256"};
	TriggerData *trigger = insert_trigger(fcinfo);
	bool		here;

	if (strcmp(RelationGetRelationName(trigger->tg_relation), "lesion_model") == 0)
		here = is_here(fcinfo, SAME_MODEL, model_columns, lengthof(model_columns));
	else
		here = is_here(fcinfo, SAME_VERSION, version_columns, lengthof(version_columns));
	PG_RETURN_POINTER(here ? NULL : trigger->tg_trigtuple);
}

/* Is a bundled model giving its name to a user's? Then what goes is no event. */
static bool yielding = false;

bool
bundled_is_yielding(void)
{
	return yielding;
}

/* Make the bundled model the one of the row that a trigger sees; false where no bundled one has the name. */
static bool
yield_name(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	static const char *const columns[] = {"name", "architecture", "config", "created_at", "created_by"};
	ModelStore	store = store_open(fcinfo, false);
	Oid			types[lengthof(columns)];
	Datum		values[lengthof(columns)];
	bool		yields;

	if (!read_columns(trigger, columns, lengthof(columns), types, values))
		return false;
	SPI_connect();
	store_execute(&store,
				  "UPDATE @lesion_model SET architecture = $2, config = $3, created_at = $4, created_by = $5, "
				  "bundled = false WHERE name OPERATOR(pg_catalog.=) $1 AND bundled",
				  lengthof(columns), types, values, NULL, SPI_OK_UPDATE);
	yields = SPI_processed > 0;
	if (yields)
		store_execute(&store,
					  "DELETE FROM @lesion_version WHERE model OPERATOR(pg_catalog.=) $1 "
					  "AND number OPERATOR(pg_catalog.<=) 0", 1, types, values, NULL, SPI_OK_DELETE);
	SPI_finish();
	return yields;
}

/* Trigger before INSERT of a model that has the name of a bundled one and is the user's own: where a restore brings
 * it back, it takes the name. Nobody else can: the name is taken. */
Datum
lesion_yield_bundled(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = insert_trigger(fcinfo);
	bool		yields = false;

	if (!row_is_restored(trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation), "created_at",
						 trigger->tg_relation->rd_rel->relowner))
		PG_RETURN_POINTER(trigger->tg_trigtuple);
	yielding = true;
	PG_TRY();
	{
		yields = yield_name(fcinfo);
	}
	PG_FINALLY();
	{
		yielding = false;
	}
	PG_END_TRY();
	PG_RETURN_POINTER(yields ? NULL : trigger->tg_trigtuple);
}

/*
 * replicated.c: a trigger for databases that receive models by logical
 * replication.
 *
 * A publication of all tables sends bundled rows too, and a subscriber that
 * has the extension has them: it made the same rows of the same files. The
 * trigger fires where rows arrive by replication alone (ENABLE REPLICA).
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/rel.h"

#include "pg/models/model_store.h"

PG_FUNCTION_INFO_V1(lesion_skip_bundled);

/* Columns of a bundled row that are the same in every database. */
#define SAME_MODEL "SELECT 1 FROM @lesion_model WHERE bundled AND name = $1 AND architecture = $2"
#define SAME_VERSION "SELECT 1 FROM @lesion_version WHERE model = $1 AND number = $2 AND sha256 = $3"

/* Is the row, of which `count` columns matter, here already? */
static bool
is_here(FunctionCallInfo fcinfo, const char *query, const char *const *columns, int count)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor = RelationGetDescr(trigger->tg_relation);
	ModelStore	store = store_open(fcinfo, false);
	Oid			types[3];
	Datum		values[3];
	bool		here;

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
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	bool		here;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("lesion_skip_bundled is a trigger before INSERT of a row")));
	if (strcmp(RelationGetRelationName(trigger->tg_relation), "lesion_model") == 0)
		here = is_here(fcinfo, SAME_MODEL, model_columns, lengthof(model_columns));
	else
		here = is_here(fcinfo, SAME_VERSION, version_columns, lengthof(version_columns));
	PG_RETURN_POINTER(here ? NULL : trigger->tg_trigtuple);
}

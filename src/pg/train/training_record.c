/*
 * training_record.c: see training_record.h.
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/rel.h"

#include "pg/train/training_record.h"

PG_FUNCTION_INFO_V1(lesion_training_only);

/* A query of record_execute() is running in this process. */
static bool writing = false;

void
record_execute(const ModelStore *store, const char *query, int count, Oid *types, Datum *values, const char *nulls,
			   int expected)
{
	bool		outer = writing;

	PG_TRY();
	{
		writing = true;
		store_execute(store, query, count, types, values, nulls, expected);
	}
	PG_FINALLY();
	{
		writing = outer;
	}
	PG_END_TRY();
}

/* Trigger before a statement that inserts or updates: refuse it to all but
 * the owner of the table and record_execute(). */
Datum
lesion_training_only(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Oid			owner;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("lesion_training_only is a trigger")));
	owner = trigger->tg_relation->rd_rel->relowner;
	if (!writing && !has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a training may write to %s", RelationGetRelationName(trigger->tg_relation)),
				 errhint("It is a record of what happened; its owner is \"%s\".", GetUserNameFromId(owner, false))));
	PG_RETURN_POINTER(NULL);
}

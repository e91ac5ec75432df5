/*
 * store_triggers.c: triggers that accept rows of the extension's tables only
 * from its functions, and checks of other roles' triggers.
 *
 * Roles that train, evaluate or promote have the right to INSERT there. A row
 * made by hand could record an event that never happened, or name another
 * role. Only the owner of a table may insert directly, because pg_restore has
 * to. Role and time are defaults of the tables, and our functions never set
 * them.
 */
#include "postgres.h"

#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/base/rights/acting_role.h"
#include "pg/base/store.h"
#include "pg/base/values/arguments.h"

PG_FUNCTION_INFO_V1(lesion_functions_only);
PG_FUNCTION_INFO_V1(lesion_training_only);

/* Refuse the statement of a trigger to all but the owner of the table and `writer`, our functions. */
static Datum
refuse_others(FunctionCallInfo fcinfo, const char *writer)
{
	TriggerData *trigger = need_trigger(fcinfo);
	Oid			owner = trigger->tg_relation->rd_rel->relowner;

	if (!store_take_writing(trigger->tg_event) && !has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only %s may write to %s", writer, RelationGetRelationName(trigger->tg_relation)),
				 errhint("It is a record of what happened; its owner is \"%s\".", GetUserNameFromId(owner, false))));
	PG_RETURN_POINTER(NULL);
}

/* Trigger before a statement that inserts into or updates a table of models or scores. */
Datum
lesion_functions_only(PG_FUNCTION_ARGS)
{
	return refuse_others(fcinfo, "the functions of lesionseg");
}

/* Trigger before a statement that writes a training's results, or deletes its
 * checkpoints. */
Datum
lesion_training_only(PG_FUNCTION_ARGS)
{
	return refuse_others(fcinfo, "a training");
}

/* Raise an error unless the owner of a relation has all rights of the role in
 * effect. */
static void
check_owner(Relation relation, const ModelStore *store)
{
	Oid			owner = relation->rd_rel->relowner;

	if (!has_privs_of_role(owner, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s belongs to \"%s\", whose code would run as \"%s\"", RelationGetRelationName(relation),
						GetUserNameFromId(owner, false), GetUserNameFromId(GetUserId(), false)),
				 errhint("Give it back: ALTER TABLE %s%s OWNER TO %s; who may do what is for GRANT.",
						 store_prefix(store), quote_identifier(RelationGetRelationName(relation)),
						 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

void
store_check_owner(const ModelStore *store, const char *table)
{
	Relation	relation = table_open(get_relname_relid(table, store->schema), AccessShareLock);

	check_owner(relation, store);
	table_close(relation, NoLock);
}

/* Is what a trigger runs the owner's? Its function must be; a condition (WHEN)
 * may call any, so only triggers of the extension, whose functions nobody else
 * may take for a trigger, have one. */
static bool
is_owners(const Trigger *trigger, Oid owner)
{
	return has_privs_of_role(function_owner(trigger->tgfoid), owner) &&
		(trigger->tgqual == NULL ||
		 getExtensionOfObject(ProcedureRelationId, trigger->tgfoid) == get_extension_oid("lesionseg", false));
}

void
store_check_triggers(const ModelStore *store, const char *table)
{
	Relation	relation = table_open(get_relname_relid(table, store->schema), RowExclusiveLock);
	/* A copy: where another session changes the table, the relation is built anew while functions are looked up. */
	const TriggerDesc *triggers = CopyTriggerDesc(relation->trigdesc);

	check_owner(relation, store);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (!is_owners(&triggers->triggers[i], relation->rd_rel->relowner))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("%s has a trigger that is not of its owner, \"%s\"", table, triggers->triggers[i].tgname),
					 errhint("The owner can drop it: DROP TRIGGER %s ON %s%s; and revoke TRIGGER on the table.",
							 quote_identifier(triggers->triggers[i].tgname), store_prefix(store), table)));
	table_close(relation, NoLock);
}

/*
 * audit.c: triggers that keep the registry's history honest.
 *
 * lesion_audit_write adds a row to lesion_audit for what happens to models,
 * versions and promotions, however it is done: by our functions, or by an
 * INSERT or DELETE of somebody who was granted that. It writes with the rights
 * of its owner (acting_role.h), and a trigger cannot be called by hand, so nobody
 * needs a right to write to lesion_audit and nobody can write to it something
 * that did not happen.
 *
 * lesion_owner_only lets nobody but the owner of a table do what it is a
 * trigger for, whatever was granted. (That the owner and superusers may, is
 * for removing what the law says must go.) lesion_keep_references deletes
 * as the owner.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/base/rights/acting_role.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/base/values/stored_row.h"
#include "pg/models/bundled/bundled_rows.h"
#include "pg/models/model_store.h"
#include "pg/models/restored_row.h"

PG_FUNCTION_INFO_V1(lesion_audit_write);
PG_FUNCTION_INFO_V1(lesion_owner_only);

/* The row that an event is about. */
typedef struct AuditedRow
{
	HeapTuple	tuple;
	TupleDesc	columns;
} AuditedRow;

/* A column by name and type; *isnull as it is. */
static Datum
audit_column(const AuditedRow *row, const char *name, Oid type, bool *isnull)
{
	int			number = SPI_fnumber(row->columns, name);

	if (number <= 0)
		elog(ERROR, "a table of models has no column %s", name);
	return row_value(row->tuple, row->columns, number, type, isnull);
}

/* A column that is not NULL, as a string. */
static char *
row_text(const AuditedRow *row, const char *name)
{
	char	   *text = SPI_getvalue(row->tuple, row->columns, SPI_fnumber(row->columns, name));

	if (text == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s is NULL or missing", name),
				 errhint("It is neither in tables as lesionseg made them: see what was altered.")));
	return text;
}

/* Set a column of an entry to a column of the row that the event is about. */
static void
copy_column(StoredRow *entry, const char *column, const AuditedRow *row, const char *name, Oid type)
{
	bool		isnull;
	Datum		value = audit_column(row, name, type, &isnull);

	if (!isnull)
		(void) stored_row_set(entry, column, type, value);
}

/* Add a row to lesion_audit. version_column is NULL for a whole model. */
static void
write_entry(FunctionCallInfo fcinfo, const AuditedRow *row, const char *event, const char *model_column,
			const char *version_column, const char *sha256_column, const char *detail)
{
	ModelStore	store = store_open(fcinfo, false);
	StoredRow	entry;

	/* Somebody's index, view or policy: whoever is logged in, or nobody, did not ask for it. */
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot change models within a security-restricted operation"),
				 errhint("ANALYZE, REINDEX, REFRESH and the like run code of a table's owner: it must not do this.")));
	store_check_triggers(&store, "lesion_audit");
	stored_row_begin(&entry);
	stored_row_text(&entry, "event", event);
	copy_column(&entry, "model", row, model_column, TEXTOID);
	if (version_column != NULL)
		copy_column(&entry, "version", row, version_column, INT4OID);
	if (sha256_column != NULL)
		copy_column(&entry, "sha256", row, sha256_column, BYTEAOID);
	stored_row_text(&entry, "detail", detail);
	stored_row_text(&entry, "role", GetUserNameFromId(acting_role(), false));
	stored_row_text(&entry, "login", GetUserNameFromId(GetSessionUserId(), false));
	stored_row_insert(&store, "lesion_audit", &entry, "RETURNING entry", SPI_OK_INSERT_RETURNING);
}

/*
 * The version that a new one without a run was calibrated from, as text; NULL: it
 * was imported. The row says which, and anyone with the right to add one may
 * write that: so it counts only where both have the same weights.
 */
static char *
calibrated_version(FunctionCallInfo fcinfo, const AuditedRow *row)
{
	ModelStore	store = store_open(fcinfo, false);
	Oid			types[] = {TEXTOID, TEXTOID};
	Datum		values[] = {CStringGetTextDatum(row_text(row, "model")), CStringGetTextDatum(row_text(row, "number"))};

	store_check_owner(&store, "lesion_version");
	store_execute(&store,
				  "SELECT old.number::pg_catalog.text FROM @lesion_version new JOIN @lesion_version old "
				  "ON old.model OPERATOR(pg_catalog.=) new.model AND old.sha256 OPERATOR(pg_catalog.=) new.sha256 "
				  "AND old.number::pg_catalog.text OPERATOR(pg_catalog.=) "
				  "(new.metadata OPERATOR(pg_catalog.->>) '" VERSION_CALIBRATED "'::pg_catalog.text) "
				  "WHERE new.model OPERATOR(pg_catalog.=) $1 AND new.number::pg_catalog.text OPERATOR(pg_catalog.=) $2",
				  2, types, values, NULL, SPI_OK_SELECT);
	return SPI_processed > 0 ? SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1) : NULL;
}

/* A version came or went. */
static void
audit_version(FunctionCallInfo fcinfo, const AuditedRow *row, bool inserted)
{
	const char *event = "drop version";
	const char *detail = NULL;
	bool		no_run;

	(void) audit_column(row, "run", INT8OID, &no_run);
	if (inserted && !no_run)
	{
		event = "train";
		detail = psprintf("run %s", row_text(row, "run"));
	}
	else if (inserted)
	{
		char	   *calibrated = calibrated_version(fcinfo, row);

		event = calibrated != NULL ? "calibrate" : "import";
		detail = calibrated != NULL ? psprintf("version %s", calibrated) : NULL;
	}
	write_entry(fcinfo, row, event, "model", "number", "sha256", detail);
}

/* A version was made active. */
static void
audit_promotion(FunctionCallInfo fcinfo, const AuditedRow *row)
{
	char	   *reason = row_text(row, "reason");

	write_entry(fcinfo, row, strcmp(reason, "rollback") == 0 ? "rollback" : "promote", "model", "version", NULL,
				reason);
}

/* A model came or went. */
static void
audit_model(FunctionCallInfo fcinfo, const AuditedRow *row, bool inserted)
{
	write_entry(fcinfo, row, inserted ? "create" : "drop", "name", NULL, NULL,
				inserted ? row_text(row, "architecture") : NULL);
}

/* Refuse to be the trigger of anything but a row of this extension's table of
 * that name: columns are read by name, and taken to be of their types. */
static void
check_fired_by(const TriggerData *trigger, Oid schema)
{
	TriggerEvent event = trigger->tg_event;
	const char *table = RelationGetRelationName(trigger->tg_relation);
	bool		known = strcmp(table, "lesion_promotion") == 0 || strcmp(table, "lesion_version") == 0 ||
		strcmp(table, "lesion_model") == 0;

	if (!known || get_relname_relid(table, schema) != RelationGetRelid(trigger->tg_relation) ||
		!TRIGGER_FIRED_AFTER(event) || !TRIGGER_FIRED_FOR_ROW(event) ||
		!(TRIGGER_FIRED_BY_INSERT(event) || TRIGGER_FIRED_BY_DELETE(event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("lesion_audit_write is for the tables of lesionseg, after INSERT or DELETE of a row")));
}

/* Write what happened to the row that fired the trigger. */
static void
write_event(FunctionCallInfo fcinfo)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	AuditedRow	row = {trigger->tg_trigtuple, RelationGetDescr(trigger->tg_relation)};
	const char *table = RelationGetRelationName(trigger->tg_relation);
	bool		inserted = TRIGGER_FIRED_BY_INSERT(trigger->tg_event);
	bool		promotion = strcmp(table, "lesion_promotion") == 0;

	/* Rows that come with the extension are no event, nor that one gives way to a restored row. For a restored row, the
	 * rows of lesion_audit that are restored beside it tell what happened. */
	if (creating_extension || bundled_is_yielding() ||
		(inserted && row_is_restored(row.tuple, row.columns, promotion ? "promoted_at" : "created_at",
									 trigger->tg_relation->rd_rel->relowner)))
		return;
	SPI_connect();
	if (promotion)
		audit_promotion(fcinfo, &row);
	else if (strcmp(table, "lesion_version") == 0)
		audit_version(fcinfo, &row, inserted);
	else
		audit_model(fcinfo, &row, inserted);
	SPI_finish();
}

/* Trigger after INSERT or DELETE of a row of lesion_model, lesion_version
 * and lesion_promotion. */
Datum
lesion_audit_write(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = need_trigger(fcinfo);

	check_fired_by(trigger, get_func_namespace(fcinfo->flinfo->fn_oid));
	work_as_owner(fcinfo, write_event);
	PG_RETURN_POINTER(NULL);
}

/* Trigger before a statement: refuse it to all but the owner of the table. */
Datum
lesion_owner_only(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = need_trigger(fcinfo);
	Oid			owner = trigger->tg_relation->rd_rel->relowner;

	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only the owner of %s may do this", RelationGetRelationName(trigger->tg_relation)),
				 errhint("It records what happened, or came with the extension; its owner is \"%s\".",
						 GetUserNameFromId(owner, false))));
	PG_RETURN_POINTER(TRIGGER_FIRED_FOR_ROW(trigger->tg_event) ? trigger->tg_trigtuple : NULL);
}

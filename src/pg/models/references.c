/*
 * references.c: what foreign keys between the tables of the store would do,
 * but for rows that a restore brings back.
 *
 * The tables are made by CREATE EXTENSION, before any row is restored, and
 * pg_restore fills them in any order, several at a time with -j: a foreign key
 * would refuse versions whose model comes later, and the models of years were
 * lost. So there are none, and triggers keep the same rules:
 *
 *   lesion_check_references	a row that is new refers to rows that are there
 *   lesion_keep_references		a row that goes takes along what refers to it,
 *								or stays where it is still needed; one that is
 *								new finds nothing that referred to another;
 *								members of ensembles stay
 *
 * A version of an ensemble refers to its members' versions by its config.
 *
 * Locks are those of a foreign key: who refers to a row holds it FOR KEY
 * SHARE, who deletes it waits for him and then sees what he inserted. Both
 * functions work with their owner's rights, as foreign keys do (acting_role.h).
 * On a subscriber, rows come as the other side has them, and nothing is
 * checked. But what the subscriber itself said about a row goes with it, and
 * where the row becomes another: else a promotion or score of a version would
 * be one of other weights, once the publisher has made a model of that name
 * again, or has changed a version with its triggers off.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/base/rights/acting_role.h"
#include "pg/base/values/arguments.h"
#include "pg/models/bundled/bundled_rows.h"
#include "pg/models/ensemble.h"
#include "pg/models/model_store.h"
#include "pg/models/restored_row.h"

PG_FUNCTION_INFO_V1(lesion_check_references);
PG_FUNCTION_INFO_V1(lesion_keep_references);
PG_FUNCTION_INFO_V1(lesion_refuse_truncate);

#define KEY_COLUMNS 2

/* Columns of one table that name a row of another. */
typedef struct Reference
{
	const char *table;
	const char *columns[KEY_COLUMNS];	/* the second is NULL where there is one */
	const char *to;
	const char *key[KEY_COLUMNS];
	bool		cascades;		/* else it keeps the row that it names */
} Reference;

/* Versions before runs: a version keeps its run, but not its model. */
static const Reference references[] = {
	{"lesion_version", {"model"}, "lesion_model", {"name"}, true},
	{"lesion_run", {"model"}, "lesion_model", {"name"}, true},
	{"lesion_version", {"run"}, "lesion_run", {"run"}, false},
	{"lesion_epoch", {"run"}, "lesion_run", {"run"}, true},
	{"lesion_checkpoint", {"run"}, "lesion_run", {"run"}, true},
	{"lesion_promotion", {"model", "version"}, "lesion_version", {"model", "number"}, true},
	{"lesion_evaluation", {"model", "version"}, "lesion_version", {"model", "number"}, true},
	{"lesion_robustness_score", {"model", "version"}, "lesion_version", {"model", "number"}, true},
	{"lesion_image_score", {"evaluation"}, "lesion_evaluation", {"evaluation"}, true},
	{"lesion_fold", {"model"}, "lesion_model", {"name"}, true},
	{"lesion_fold", {"run"}, "lesion_run", {"run"}, true},
};

/* Tables and the column that says when a row came to be. */
static const struct
{
	const char *table;
	const char *time_column;
}			times[] = {
	{"lesion_model", "created_at"},
	{"lesion_version", "created_at"},
	{"lesion_run", "started_at"},
	{"lesion_promotion", "promoted_at"},
	{"lesion_epoch", "at"},
	{"lesion_checkpoint", "saved_at"},
	{"lesion_evaluation", "evaluated_at"},
	{"lesion_robustness_score", "evaluated_at"},
	{"lesion_image_score", NULL},
	{"lesion_fold", "planned_at"},
};

/* A row that a trigger was fired for. */
typedef struct FiredRow
{
	ModelStore	store;
	const char *table;
	HeapTuple	tuple;
	TupleDesc	columns;
} FiredRow;

/* ---- one reference ---- */

/* The values of some columns, at most KEY_COLUMNS, in a row; how many, or 0
 * where one is NULL. */
static int
key_values(const FiredRow *row, const char *const *columns, Oid *types, Datum *values)
{
	int			count = 0;

	while (count < KEY_COLUMNS && columns[count] != NULL)
	{
		int			number = SPI_fnumber(row->columns, columns[count]);
		bool		isnull;

		if (number <= 0)
			elog(ERROR, "table %s has no column %s", row->table, columns[count]);
		types[count] = SPI_gettypeid(row->columns, number);
		values[count] = SPI_getbinval(row->tuple, row->columns, number, &isnull);
		if (isnull)
			return 0;
		count++;
	}
	return count;
}

/* Values of a row for people, as in "(net, 3)". */
static char *
describe_key(const FiredRow *row, const char *const *columns)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < KEY_COLUMNS && columns[i] != NULL; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 SPI_getvalue(row->tuple, row->columns, SPI_fnumber(row->columns, columns[i])));
	return psprintf("(%s)", list.data);
}

/* A query on the rows of a table that have the values $1, $2 in some columns.
 * The schema is the store's prefix, or "@" in what store_execute() runs. */
static char *
key_query(const char *what, const char *schema, const char *table, const char *const *columns, const char *lock)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfo(&query, "%s FROM %s%s AS r WHERE ", what, schema, table);
	for (int i = 0; i < KEY_COLUMNS && columns[i] != NULL; i++)
		appendStringInfo(&query, "%sr.%s OPERATOR(pg_catalog.=) $%d", i > 0 ? " AND " : "", columns[i], i + 1);
	appendStringInfoString(&query, lock);
	return query.data;
}

/*
 * Run a query on the rows that refer to one, and return how many there are. It
 * must see all that is committed, also under REPEATABLE READ. Rows that came
 * after the transaction's snapshot are an error there, as with a foreign key:
 * it would be wrong to delete what one cannot see, and wrong to leave it.
 */
static uint64
run_on_referring(const char *query, int count, Oid *types, Datum *values, int expected)
{
	SPIPlanPtr	plan = SPI_prepare(query, count, types);
	Snapshot	latest = InvalidSnapshot;
	Snapshot	crosscheck = InvalidSnapshot;
	int			result;

	if (plan == NULL)
		elog(ERROR, "%s: %s", SPI_result_code_string(SPI_result), query);
	if (IsolationUsesXactSnapshot())
	{
		CommandCounterIncrement();
		latest = GetLatestSnapshot();
		crosscheck = GetTransactionSnapshot();
	}
	result = SPI_execute_snapshot(plan, values, NULL, latest, crosscheck, false, true, 0);
	if (result != expected)
		elog(ERROR, "%s: %s", SPI_result_code_string(result), query);
	return SPI_processed;
}

/* Is there a row that refers to this one? */
static bool
is_referred_to(const Reference *reference, const FiredRow *row)
{
	Oid			types[KEY_COLUMNS];
	Datum		values[KEY_COLUMNS];
	int			count = key_values(row, reference->key, types, values);

	store_check_owner(&row->store, reference->table);
	return run_on_referring(key_query("SELECT 1", store_prefix(&row->store), reference->table, reference->columns,
									  " LIMIT 1 FOR KEY SHARE"), count, types, values, SPI_OK_SELECT) > 0;
}

/* Delete what refers to this row. */
static void
delete_referring(const Reference *reference, const FiredRow *row)
{
	Oid			types[KEY_COLUMNS];
	Datum		values[KEY_COLUMNS];
	int			count = key_values(row, reference->key, types, values);

	store_check_triggers(&row->store, reference->table);
	(void) run_on_referring(key_query("DELETE", store_prefix(&row->store), reference->table, reference->columns, ""),
							count, types, values, SPI_OK_DELETE);
}

/* Raise an error unless the row that this one refers to is there, and keep it. */
static void
need_referred(const Reference *reference, const FiredRow *row)
{
	Oid			types[KEY_COLUMNS];
	Datum		values[KEY_COLUMNS];
	int			count = key_values(row, reference->columns, types, values);

	if (count == 0)
		return;
	store_check_owner(&row->store, reference->to);
	store_execute(&row->store, key_query("SELECT 1", "@", reference->to, reference->key, " FOR KEY SHARE"),
				  count, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("a row of %s refers to a row of %s that is not there: %s", row->table, reference->to,
						describe_key(row, reference->columns)),
				 errhint("It may have been deleted by another session; the view lesion_models lists the models that "
						 "exist.")));
}

/* Raise an error where something refers to this row. */
static void
refuse_referred(const Reference *reference, const FiredRow *row, bool is_new)
{
	if (!is_referred_to(reference, row))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("rows of %s refer to the row %s of %s", reference->table, describe_key(row, reference->key),
					row->table),
			 is_new ? errhint("They were restored without the row they belong to: restore %s too, or delete them.",
							  row->table) :
			 errhint("Delete them first.")));
}

/* ---- triggers ---- */

/* The row that fired a trigger, of a table of the store. Where it was updated,
 * `newest` asks for the new one. */
static FiredRow
read_fired(FunctionCallInfo fcinfo, const char *function, bool newest)
{
	TriggerData *trigger = need_trigger(fcinfo);
	FiredRow	row;

	row.table = RelationGetRelationName(trigger->tg_relation);
	if (get_relname_relid(row.table,
						  get_func_namespace(fcinfo->flinfo->fn_oid)) != RelationGetRelid(trigger->tg_relation) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("%s is for the tables of lesionseg, after an event of a row", function)));
	row.store = store_open(fcinfo, false);
	row.tuple = newest && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	row.columns = RelationGetDescr(trigger->tg_relation);
	return row;
}

/* Was the row inserted as it is: by a restore, or by the extension's script? */
static bool
is_taken_as_it_is(FunctionCallInfo fcinfo, const FiredRow *row)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		return false;
	for (size_t i = 0; i < lengthof(times); i++)
		if (strcmp(times[i].table, row->table) == 0)
			return creating_extension ||
				row_is_restored(row->tuple, row->columns, times[i].time_column, trigger->tg_relation->rd_rel->relowner);
	elog(ERROR, "table %s is not one of models", row->table);
}

/* Keep the versions that a new version has as its members; ensemble_add_version()
 * then sees whether they are all there. */
static void
keep_members(const FiredRow *row)
{
	static const char *const config[KEY_COLUMNS] = {"config"};
	Oid			types[KEY_COLUMNS];
	Datum		values[KEY_COLUMNS];

	if (key_values(row, config, types, values) == 0)
		return;
	store_check_owner(&row->store, "lesion_version");
	store_execute(&row->store,
				  "SELECT 1 FROM @lesion_version v WHERE jsonb_contains($1, jsonb_build_object('members', "
				  "jsonb_build_array(jsonb_build_object('model', v.model, 'version', v.number)))) FOR KEY SHARE",
				  1, types, values, NULL, SPI_OK_SELECT);
}

static void
check_references(FunctionCallInfo fcinfo)
{
	FiredRow	row = read_fired(fcinfo, "lesion_check_references", true);

	if (is_taken_as_it_is(fcinfo, &row))
		return;
	SPI_connect();
	if (strcmp(row.table, "lesion_version") == 0)
		keep_members(&row);
	for (size_t i = 0; i < lengthof(references); i++)
		if (strcmp(references[i].table, row.table) == 0)
			need_referred(&references[i], &row);
	SPI_finish();
}

/* Trigger after INSERT or UPDATE of a row that refers to others. */
Datum
lesion_check_references(PG_FUNCTION_ARGS)
{
	work_as_owner(fcinfo, check_references);
	PG_RETURN_POINTER(NULL);
}

/* Raise an error where ensembles have the model or version that goes as a member. */
static void
check_ensembles(const FiredRow *row)
{
	bool		whole = strcmp(row->table, "lesion_model") == 0;
	char	   *model;
	char	   *number = NULL;

	if (!whole && strcmp(row->table, "lesion_version") != 0)
		return;
	model = SPI_getvalue(row->tuple, row->columns, SPI_fnumber(row->columns, whole ? "name" : "model"));
	if (!whole)
		number = SPI_getvalue(row->tuple, row->columns, SPI_fnumber(row->columns, "number"));
	if (model == NULL || (!whole && number == NULL))
		return;
	store_check_owner(&row->store, "lesion_model");
	store_check_owner(&row->store, "lesion_version");
	ensemble_check_drop(&row->store, model, number);
}

static void
keep_references(FunctionCallInfo fcinfo)
{
	FiredRow	row = read_fired(fcinfo, "lesion_keep_references", false);
	TriggerEvent event = ((TriggerData *) fcinfo->context)->tg_event;
	/* An error would stop the subscription. Members of ensembles are known by their digest. */
	bool		refuses = SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA;
	bool		becomes_another = !refuses && TRIGGER_FIRED_BY_UPDATE(event);

	if (is_taken_as_it_is(fcinfo, &row) || bundled_is_replaced())
		return;
	SPI_connect();
	if (refuses && TRIGGER_FIRED_BY_DELETE(event))
		check_ensembles(&row);
	for (size_t i = 0; i < lengthof(references); i++)
	{
		if (strcmp(references[i].to, row.table) != 0)
			continue;
		if ((TRIGGER_FIRED_BY_DELETE(event) || becomes_another) && references[i].cascades)
			delete_referring(&references[i], &row);
		else if (refuses)
			refuse_referred(&references[i], &row, TRIGGER_FIRED_BY_INSERT(event));
	}
	SPI_finish();
}

/* Trigger after INSERT, DELETE or a change of the key of a row that others
 * refer to; on a subscriber, after a change of a version. */
Datum
lesion_keep_references(PG_FUNCTION_ARGS)
{
	work_as_owner(fcinfo, keep_references);
	PG_RETURN_POINTER(NULL);
}

/* Trigger before TRUNCATE of a table whose rows others refer to. */
Datum
lesion_refuse_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = need_trigger(fcinfo);

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s cannot be truncated, rows of other tables refer to it",
					RelationGetRelationName(trigger->tg_relation)),
			 errhint("DELETE takes along what refers to a row.")));
}

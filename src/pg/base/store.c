/*
 * store.c: see store.h.
 *
 * The caller's search_path must not decide anything, not even what "=" means.
 * So tables are qualified, and a SELECT runs with our own search_path. In
 * queries that write, operators are qualified instead, because such a query
 * may fire triggers that were written for the caller's search_path. The
 * executor checks the caller's rights.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "arch/network.h"
#include "pg/base/compat.h"
#include "pg/base/rights/column_rights.h"
#include "pg/base/settings.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/store.h"

/* What the query of store_execute() that is running in this process may still do, as bits of 1 << TRIGGER_EVENT_*.
 * Triggers before the statement take it before any row is made, and so before any code of others can run. */
static int	writing = 0;

/* The version of the extension's script. */
static char *
script_version(void)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ, CStringGetDatum("lesionseg"));
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		datum = heap_getattr(tuple, Anum_pg_extension_extversion, RelationGetDescr(catalog), &isnull);

		if (!isnull)
			version = TextDatumGetCString(datum);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return version;
}

bool
store_is_current(void)
{
	char	   *version = script_version();

	return version != NULL && strcmp(version, LESIONSEG_VERSION) == 0;
}

/* Refuse a function that writes in a transaction that may not, before it works for hours. */
static void
refuse_read_only(Oid function)
{
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s() in a read-only transaction", get_func_name(function)),
				 RecoveryInProgress() ? errhint("This server is a standby. Run it on the primary.") :
				 errhint("Run it in a transaction that may write, as after BEGIN READ WRITE.")));
}

/* Raise an error unless the script is that of the library. */
static void
check_release(void)
{
	char	   *version;

	if (store_is_current())
		return;
	version = script_version();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this database has lesionseg %s, the library is lesionseg %s",
					version != NULL ? version : "without a version", LESIONSEG_VERSION),
			 errhint("Run ALTER EXTENSION lesionseg UPDATE in this database; in a session that began before the "
					 "library was installed, connect again.")));
}

ModelStore
store_open(FunctionCallInfo fcinfo, bool read_only)
{
	ModelStore	store;

	if (!read_only)
		refuse_read_only(fcinfo->flinfo->fn_oid);
	check_release();
	store.schema = get_func_namespace(fcinfo->flinfo->fn_oid);
	store.models = get_relname_relid("lesion_model", store.schema);
	store.read_only = read_only;
	return store;
}

char *
store_prefix(const ModelStore *store)
{
	return schema_prefix(store->schema);
}

bool
store_take_writing(uint32 event)
{
	int			bit = 1 << (event & TRIGGER_EVENT_OPMASK);
	bool		taken = (writing & bit) != 0;

	writing &= ~bit;
	return taken;
}

/* The events of a query that ends with `expected`. */
static int
written_events(const char *text, int expected)
{
	switch (expected)
	{
		case SPI_OK_INSERT:
		case SPI_OK_INSERT_RETURNING:
			return 1 << TRIGGER_EVENT_INSERT | (strstr(text, " DO UPDATE ") != NULL ? 1 << TRIGGER_EVENT_UPDATE : 0);
		case SPI_OK_UPDATE:
			return 1 << TRIGGER_EVENT_UPDATE;
		case SPI_OK_DELETE:
			return 1 << TRIGGER_EVENT_DELETE;
	}
	elog(ERROR, "a query on the model tables is to give %s", SPI_result_code_string(expected));
}

/* Replace each '@' of a query by the store's prefix. */
static char *
store_query(const ModelStore *store, const char *query)
{
	char	   *prefix = store_prefix(store);
	StringInfoData text;

	initStringInfo(&text);
	for (const char *c = query; *c != '\0'; c++)
	{
		if (*c == '@')
			appendStringInfoString(&text, prefix);
		else
			appendStringInfoChar(&text, *c);
	}
	return text.data;
}

/* Run a SELECT with our own search_path. */
static int
execute_select(const ModelStore *store, const char *text, int count, Oid *types, Datum *values, const char *nulls)
{
	int			level = NewGUCNestLevel();
	int			result;

	settings_save("search_path", "pg_catalog, pg_temp");
	result = SPI_execute_with_args(text, count, types, values, nulls, store->read_only, 0);
	AtEOXact_GUC(true, level);
	return result;
}

/* Run a query that writes; the tables' triggers accept it. */
static int
execute_write(const ModelStore *store, const char *text, int count, Oid *types, Datum *values, const char *nulls,
			  int expected)
{
	int			outer = writing;
	volatile int result = 0;

	PG_TRY();
	{
		writing = written_events(text, expected);
		result = SPI_execute_with_args(text, count, types, values, nulls, store->read_only, 0);
	}
	PG_CATCH();
	{
		writing = outer;
		if (geterrcode() != ERRCODE_UNIQUE_VIOLATION || !IsolationUsesXactSnapshot())
			PG_RE_THROW();
		/* What is taken was looked for in a snapshot that does not show it. */
		FlushErrorState();
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access: another session has made such a model or version meanwhile"),
				 errhint("Call again in a new transaction.")));
	}
	PG_END_TRY();
	writing = outer;
	return result;
}

/* Raise an error unless the extension is the one that the store was opened in: between two transactions of a call it
 * can be dropped and made anew. The lock waits for who is at that, and keeps it to the end of this transaction. */
static void
keep_extension(const ModelStore *store)
{
	LOCKTAG		tag;
	bool		held;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, store->models);
	held = compat_lock_held(&tag, AccessShareLock);
	LockRelationOid(store->models, AccessShareLock);
	if (get_relname_relid("lesion_model", store->schema) != store->models)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the extension lesionseg was dropped, moved or made anew since the call began"),
				 errhint("Call again.")));
	if (!held)					/* else nobody has updated it since */
		check_release();
}

void
store_execute(const ModelStore *store, const char *query, int count, Oid *types, Datum *values,
			  const char *nulls, int expected)
{
	char	   *text;
	int			result;

	keep_extension(store);
	text = store_query(store, query);
	result = expected == SPI_OK_SELECT ? execute_select(store, text, count, types, values, nulls) :
		execute_write(store, text, count, types, values, nulls, expected);
	if ((result == SPI_OK_INSERT || result == SPI_OK_INSERT_RETURNING) && SPI_processed == 0 &&
		strstr(text, " DO NOTHING") == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("a trigger kept a row from being stored"),
				 errdetail("The query was: %s", text)));
	if (result != expected)
		elog(ERROR, "query on the model tables gave %s: %s", SPI_result_code_string(result), text);
	pfree(text);
}

ModelStore
store_push_latest(const ModelStore *store)
{
	ModelStore	latest = *store;

	latest.read_only = true;
	CommandCounterIncrement();
	PushActiveSnapshot(GetLatestSnapshot());
	return latest;
}

/* Privileges as GRANT has them. */
static char *
privileges_text(AclMode mode)
{
	static const struct
	{
		AclMode		bit;
		const char *name;
	}			names[] = {
		{ACL_SELECT, "SELECT"}, {ACL_INSERT, "INSERT"}, {ACL_UPDATE, "UPDATE"}, {ACL_DELETE, "DELETE"}
	};
	StringInfoData text;

	initStringInfo(&text);
	for (size_t i = 0; i < lengthof(names); i++)
		if (mode & names[i].bit)
			appendStringInfo(&text, "%s%s", text.len > 0 ? ", " : "", names[i].name);
	return text.data;
}

/* The table of that name in the store. */
static Oid
store_table(const ModelStore *store, const char *table)
{
	Oid			relation = get_relname_relid(table, store->schema);

	if (!OidIsValid(relation))
		elog(ERROR, "table %s%s does not exist", store_prefix(store), table);
	return relation;
}

/* Raise the error of a right that the caller lacks. */
static void
refuse(const char *table, const char *rights, const char *purpose)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table %s", table),
			 errhint("To %s, \"%s\" needs %s on %s, and what else the documentation has under \"Privileges\".",
					 purpose, GetUserNameFromId(GetUserId(), false), rights, table)));
}

void
store_check_rights(const ModelStore *store, const char *table, AclMode mode, const char *purpose)
{
	if (pg_class_aclmask(store_table(store, table), GetUserId(), mode, ACLMASK_ALL) != mode)
		refuse(table, privileges_text(mode), purpose);
}

void
store_check_readable(const ModelStore *store, const char *table, const char *column, const char *purpose)
{
	Oid			relation = store_table(store, table);

	if (!column_is_readable(relation, get_attnum(relation, column)))
		refuse(table, "SELECT", purpose);
}

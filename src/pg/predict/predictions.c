/*
 * predictions.c: see predictions.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "pg/base/spi_context.h"
#include "pg/predict/predictions.h"

/* Raise an error because a relation is no table of predictions; `lack` says
 * what is wrong with it, or is NULL. */
static void
refuse_table(const ModelStore *store, const char *name, const char *lack)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s is not a table of predictions", name),
			 lack != NULL ? errdetail("%s", lack) : 0,
			 errhint("Make one with CREATE TABLE masks (LIKE %slesion_prediction).", store->prefix)));
}

/* See that a table has the columns of lesion_prediction, in any order and
 * among others. */
static void
check_columns(const ModelStore *store, Oid table, const char *name)
{
	TupleDesc	wanted = lookup_rowtype_tupdesc(get_rel_type_id(get_relname_relid("lesion_prediction",
																				  store->schema)), -1);

	for (int i = 0; i < wanted->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(wanted, i);
		AttrNumber	number = get_attnum(table, NameStr(column->attname));

		if (column->attisdropped)
			continue;
		if (number <= 0 || get_atttype(table, number) != column->atttypid || get_attgenerated(table, number) != '\0')
			refuse_table(store, name, psprintf("It has no column \"%s\" of type %s to write to.",
											   NameStr(column->attname),
											   format_type_be(column->atttypid)));
	}
	ReleaseTupleDesc(wanted);
}

char *
predictions_open(const ModelStore *store, Oid oid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	Form_pg_class relation;
	char	   *name;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no table with OID %u", oid),
				 errhint("Make one with CREATE TABLE masks (LIKE %slesion_prediction).", store->prefix)));
	relation = (Form_pg_class) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(relation->relnamespace), NameStr(relation->relname));
	if (relation->relkind != RELKIND_RELATION && relation->relkind != RELKIND_PARTITIONED_TABLE)
		refuse_table(store, name, NULL);
	check_columns(store, oid, name);
	ReleaseSysCache(tuple);
	return name;
}

void
predictions_warn_of_type(const ModelStore *store, Oid oid, const char *name)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(oid));
	bool		typed = HeapTupleIsValid(tuple) && ((Form_pg_class) GETSTRUCT(tuple))->reloftype ==
		get_rel_type_id(get_relname_relid("lesion_prediction", store->schema));

	if (HeapTupleIsValid(tuple))
		ReleaseSysCache(tuple);
	if (typed)
		ereport(NOTICE,
				(errmsg("%s is OF lesion_prediction, so DROP EXTENSION lesionseg CASCADE would drop it with its masks",
						name),
				 errhint("ALTER TABLE %s NOT OF makes it a table of its own.", name)));
}

void
predictions_check_insert(Oid oid)
{
	if (pg_class_aclcheck(oid, GetUserId(), ACL_INSERT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(oid, GetUserId(), ACL_INSERT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(oid));
}

int
predictions_select(const char *table, const char *query)
{
	int			level = NewGUCNestLevel();
	int			result;

	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	result = spi_execute_as(psprintf("reading %s", table), query, 0, NULL, NULL, NULL, true, 0);
	AtEOXact_GUC(true, level);
	return result;
}

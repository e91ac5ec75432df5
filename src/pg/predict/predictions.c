/*
 * predictions.c: see predictions.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "pg/base/spi_context.h"
#include "pg/predict/predictions.h"

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
				 errhint("Make one with CREATE TABLE masks OF %slesion_prediction.", store->prefix)));
	relation = (Form_pg_class) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(relation->relnamespace), NameStr(relation->relname));
	if (!OidIsValid(relation->reloftype) ||
		relation->reloftype != get_rel_type_id(get_relname_relid("lesion_prediction", store->schema)))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not a table of predictions", name),
				 errhint("Make one with CREATE TABLE masks OF %slesion_prediction.", store->prefix)));
	ReleaseSysCache(tuple);
	return name;
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

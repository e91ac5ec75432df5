/*
 * user_tables.c: see user_tables.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_class.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "pg/base/settings.h"
#include "pg/base/sha256.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/user_tables.h"

const UserTable user_table_predictions = {
	"lesion_prediction", "predictions", "masks", "predicted_by", {"weights_sha256", "image_sha256"}, "mask"
};
const UserTable user_table_verdicts = {
	"lesion_verdict", "verdicts", "verdicts", "decided_by", {"mask_sha256"}, "corrected_mask"
};

#define NAME_BYTES 8192			/* of images, id or model; an id has at most as many */
#define AUTHOR_BYTES 256

/* The hint that says how to make such a table. */
static int
hint_to_make(const ModelStore *store, const UserTable *kind)
{
	return errhint("Make one with CREATE TABLE %s (LIKE %s%s).", kind->example, store_prefix(store), kind->type);
}

/* Raise the error of a relation that is no such table; `lack` says what is
 * wrong, or is NULL. */
static void
refuse_table(const ModelStore *store, const UserTable *kind, const char *name, const char *lack)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s is not a table of %s", name, kind->content),
			 lack != NULL ? errdetail("%s", lack) : 0,
			 hint_to_make(store, kind)));
}

/* Has a table a column of this name and type that INSERT may give a value? */
static bool
can_write(Oid table, const char *name, Oid type)
{
	HeapTuple	tuple = SearchSysCacheAttName(table, name);
	bool		can = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_attribute column = (Form_pg_attribute) GETSTRUCT(tuple);

		can = column->attnum > 0 && column->atttypid == type && column->attgenerated == '\0' &&
			column->attidentity != ATTRIBUTE_IDENTITY_ALWAYS;
		ReleaseSysCache(tuple);
	}
	return can;
}

/* Check that a table has the columns of its type, in any order; it may have
 * more. */
static void
check_columns(const ModelStore *store, const UserTable *kind, Oid table, const char *name)
{
	TupleDesc	wanted = lookup_rowtype_tupdesc(get_rel_type_id(get_relname_relid(kind->type, store->schema)), -1);

	for (int i = 0; i < wanted->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(wanted, i);

		if (!column->attisdropped && !can_write(table, NameStr(column->attname), column->atttypid))
			refuse_table(store, kind, name, psprintf("It has no column \"%s\" of type %s to write to.",
											   NameStr(column->attname),
											   format_type_be(column->atttypid)));
	}
	ReleaseTupleDesc(wanted);
}

char *
user_table_open(const ModelStore *store, const UserTable *kind, Oid oid)
{
	Relation	relation = try_relation_open(oid, AccessShareLock);
	char		kind_of_relation;
	char	   *name;

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no table with OID %u", oid),
				 hint_to_make(store, kind)));
	kind_of_relation = relation->rd_rel->relkind;
	name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
	relation_close(relation, NoLock);
	if (kind_of_relation != RELKIND_RELATION && kind_of_relation != RELKIND_PARTITIONED_TABLE)
		refuse_table(store, kind, name, NULL);
	check_columns(store, kind, oid, name);
	return name;
}

void
user_table_warn_of_type(const ModelStore *store, Oid oid, const char *name)
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
user_table_check_insert(const ModelStore *store, const UserTable *kind, Oid oid)
{
	TupleDesc	written;

	if (pg_class_aclcheck(oid, GetUserId(), ACL_INSERT) == ACLCHECK_OK)
		return;
	written = lookup_rowtype_tupdesc(get_rel_type_id(get_relname_relid(kind->type, store->schema)), -1);
	for (int i = 0; i < written->natts; i++)
	{
		const char *column = NameStr(TupleDescAttr(written, i)->attname);

		if (!TupleDescAttr(written, i)->attisdropped &&
			pg_attribute_aclcheck(oid, get_attnum(oid, column), GetUserId(), ACL_INSERT) != ACLCHECK_OK)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("permission denied for table %s", get_rel_name(oid)),
					 errdetail("Column \"%s\" is written, too.", column),
					 errhint("GRANT INSERT ON %s TO %s.",
							 quote_qualified_identifier(get_namespace_name(get_rel_namespace(oid)), get_rel_name(oid)),
							 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	}
	ReleaseTupleDesc(written);
}

/* Is a column in a list like "images, id"? */
static bool
is_listed(const char *columns, const char *column)
{
	size_t		length = strlen(column);

	for (const char *at = columns; (at = strstr(at, column)) != NULL; at += length)
		if ((at == columns || at[-1] == ' ') && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/* Append the condition that a column, if it is listed, has more bytes than that; nothing is read for it but the value's
 * header. */
static void
append_limit(StringInfo query, const char *columns, const char *column, long long most)
{
	if (is_listed(columns, column))
		appendStringInfo(query, " OR octet_length(%s) > %lld", column, most);
}

/* Is a column of those that rows are sorted and joined by? */
static bool
is_name(const UserTable *kind, const char *column)
{
	return strcmp(column, "images") == 0 || strcmp(column, "id") == 0 || strcmp(column, "model") == 0 ||
		strcmp(column, kind->author) == 0;
}

/* Append the columns of a list. Names are compared as bytes: by the rules of a language it takes some 30 times as long
 * where they are long and begin alike. */
static void
append_columns(StringInfo query, const UserTable *kind, const char *columns)
{
	char	   *rest = pstrdup(columns);
	char	   *column;

	for (const char *separator = ""; (column = strsep(&rest, ",")) != NULL; separator = ", ")
	{
		column += strspn(column, " ");
		appendStringInfo(query, "%s%s", separator, column);
		if (is_name(kind, column))
			appendStringInfo(query, " COLLATE \"C\" AS %s", column);
	}
}

char *
user_table_rows(const UserTable *kind, const char *name, const char *columns)
{
	StringInfoData query;

	initStringInfo(&query);
	appendStringInfoString(&query, "(SELECT ");
	append_columns(&query, kind, columns);
	/* One CASE: the planner takes it for half of the rows, and each of several conditions for a third of the rest. */
	appendStringInfo(&query, " FROM %s WHERE CASE WHEN false", name);
	append_limit(&query, columns, "images", NAME_BYTES);
	append_limit(&query, columns, "id", NAME_BYTES);
	append_limit(&query, columns, "model", NAME_BYTES);
	append_limit(&query, columns, kind->author, AUTHOR_BYTES);
	for (int i = 0; i < (int) lengthof(kind->digests) && kind->digests[i] != NULL; i++)
		append_limit(&query, columns, kind->digests[i], SHA256_BYTES);
	append_limit(&query, columns, kind->mask, (long long) lesionseg_max_memory * 1024);
	appendStringInfoString(&query, " THEN false ELSE true END)");
	return query.data;
}

int
user_table_select(const char *table, const char *query, int count, Oid *types, Datum *values, const char *nulls)
{
	/* How many rows there are, of how many images, is up to whoever may write
	 * them. A nested loop, or a merge by a part of the key, takes as long as the
	 * product of two tables; so they are hashed. Groups are sorted: names that
	 * were chosen to have one hash would be compared each with each. The cost of
	 * what is off would have JIT compile each query for seconds. */
	static const char *const settings[][2] = {
		{"search_path", "pg_catalog, pg_temp"}, {"enable_nestloop", "off"}, {"enable_mergejoin", "off"},
		{"enable_hashagg", "off"}, {"jit", "off"}
	};
	int			level = NewGUCNestLevel();
	int			result;

	for (int i = 0; i < (int) lengthof(settings); i++)
		settings_save(settings[i][0], settings[i][1]);
	result = spi_execute_as(psprintf("reading %s", table), query, count, types, values, nulls, true, 0);
	AtEOXact_GUC(true, level);
	return result;
}

char *
user_table_compared(const ModelStore *store, const char *pairs, const char *author, const char *order)
{
	/* Rows of an author that are cheap go before what others need more for. */
	return psprintf("SELECT c.*, c.work IS NOT NULL AND c.spent > %2$lld AS left_out, "
					"CASE WHEN c.work IS NOT NULL AND c.spent <= %2$lld "
					"THEN %1$slesion_dice_or_null(c.mask, c.other) END AS dice "
					"FROM (SELECT s.*, sum(s.work) OVER (ORDER BY s.own, %4$s, %5$s ROWS UNBOUNDED PRECEDING) AS spent "
					"FROM (SELECT n.*, "
					"sum(n.work) OVER (PARTITION BY %4$s ORDER BY %5$s ROWS UNBOUNDED PRECEDING) AS own "
					"FROM (SELECT *, %1$slesion_image_work(mask) + %1$slesion_image_work(other) AS work "
					"FROM %3$s) n) s) c",
					store_prefix(store), (long long) COMPARED_TOTAL, pairs, author, order);
}

/*
 * images_source.c: see images_source.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/sysattr.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "pg/base/rights/column_rights.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/values/row_values.h"
#include "pg/base/query/spi_context.h"
#include "pg/images/column_text.h"
#include "pg/images/images_source.h"
#include "pg/images/stored/stored_column.h"
#include "pg/images/text_settings.h"

/* ---- the relation ---- */

/* The columns of a relation, for a hint. */
static char *
list_columns(Relation relation)
{
	TupleDesc	columns = RelationGetDescr(relation);
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < columns->natts; i++)
		if (!TupleDescAttr(columns, i)->attisdropped)
			appendStringInfo(&list, "%s%s", list.len > 0 ? ", " : "", NameStr(TupleDescAttr(columns, i)->attname));
	return list.data;
}

/* Check that the column exists and that the caller may read it. `reason` says
 * why it is needed, if the caller did not name it, else NULL. */
static AttrNumber
need_column(Relation relation, const char *argument, const char *column, const char *reason)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), column);

	if (number <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("\"%s\" has no column \"%s\"", RelationGetRelationName(relation), column),
				 reason != NULL ? errdetail("%s", reason) : 0,
				 errhint("Name one of its columns with %s => '...': %s.", argument, list_columns(relation))));
	if (!column_is_readable(RelationGetRelid(relation), number))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for column \"%s\" of \"%s\"", column, RelationGetRelationName(relation)),
				 errhint("Images are read with the rights of the caller: GRANT SELECT ON %s TO %s.",
						 relation_name(relation), quote_identifier(GetUserNameFromId(GetUserId(), false)))));
	return number;
}

/* Check that rows can be told apart by a column's text. */
static void
need_name_column(Relation relation, const char *argument, const char *column, const char *reason)
{
	Oid			type = get_atttype(RelationGetRelid(relation), need_column(relation, argument, column, reason));

	if (text_depends_on_search_path(type))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("rows cannot be told apart by column \"%s\" of \"%s\": it has type %s", column,
						RelationGetRelationName(relation), format_type_be(type)),
				 errdetail("Its text depends on search_path, and so would the part that a row is in."),
				 errhint("Name another column with %s => '...', as one of a view that has its oid.", argument)));
}

/* Check that a column can hold images. */
static void
need_bytea_column(Relation relation, const char *argument, const char *column)
{
	AttrNumber	number = need_column(relation, argument, column, NULL);
	Oid			type = TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid;

	if (getBaseType(type) != BYTEAOID)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of \"%s\" is of type %s, not bytea", column,
						RelationGetRelationName(relation), format_type_be(type)),
				 errhint("Name a column that holds the bytes of an image with %s => '...'.", argument)));
}

List *
images_key_columns(Relation relation)
{
	List	   *columns = NIL;
	HeapTuple	tuple;
	Form_pg_index index;
	Oid			constraint;

	/* Of a view and the like there is none. A key that may be deferred is a
	 * key all the same, which relation->rd_pkindex does not say. */
	(void) get_primary_key_attnos(RelationGetRelid(relation), true, &constraint);
	if (!OidIsValid(constraint))
		return NIL;

	/* Look the index up without opening it: others may hold a lock on it. */
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(get_constraint_index(constraint)));
	if (!HeapTupleIsValid(tuple))
		return NIL;
	index = (Form_pg_index) GETSTRUCT(tuple);
	for (int i = 0; i < index->indnkeyatts; i++)
		columns = lappend(columns, get_attname(RelationGetRelid(relation), index->indkey.values[i], false));
	ReleaseSysCache(tuple);
	return columns;
}

/* The columns that identify rows. */
static SplitColumns *
id_columns(Relation relation, const char *id_column)
{
	SplitColumns *columns;
	ListCell   *cell;

	if (id_column != NULL)
	{
		need_name_column(relation, "id_column", id_column, NULL);
		return split_columns_single(id_column);
	}
	columns = palloc0(sizeof *columns);
	foreach(cell, images_key_columns(relation))
	{
		need_name_column(relation, "id_column", lfirst(cell), NULL);
		namestrcpy(&columns->names[columns->count++], lfirst(cell));
	}
	if (columns->count == 0)
		ereport(NOTICE,
				(errmsg("\"%s\" has no primary key, its rows are told apart by the SHA-256 of their image",
						RelationGetRelationName(relation)),
				 errhint("Name a column with id_column => '...' to split by it.")));
	return columns;
}

/* Raise an error if policies hide rows and the session wants all of them: the
 * executor's error has no hint. */
static void
check_row_security(Relation relation)
{
	if (row_security || check_enable_rls(RelationGetRelid(relation), InvalidOid, true) != RLS_ENABLED)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("row-level security of \"%s\" hides rows while row_security is off",
					RelationGetRelationName(relation)),
			 errhint("SET row_security = on to read the rows that its policies show you.")));
}

/* Open the relation, which may be gone since its name was looked up. */
static Relation
open_relation(Oid oid)
{
	Relation	relation = try_relation_open(oid, AccessShareLock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no table with OID %u", oid),
				 errhint("Give the name of a table of images and masks, like 'archive'.")));
	return relation;
}

/* Open the relation and check that it holds images. The caller closes it. */
static Relation
open_images(Oid oid, const char *image_column, const char *mask_column)
{
	Relation	relation = open_relation(oid);
	char		kind = relation->rd_rel->relkind;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE && kind != RELKIND_VIEW &&
		kind != RELKIND_MATVIEW && kind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table, a view or a foreign table", RelationGetRelationName(relation)),
				 errhint("Give the name of a table of images and masks, like 'archive'.")));
	need_bytea_column(relation, "image_column", image_column);
	if (mask_column != NULL)
		need_bytea_column(relation, "mask_column", mask_column);
	check_row_security(relation);
	return relation;
}

/* Warn if a view computes a column by a volatile function: the server then
 * runs it for every row, even if the column is not selected. */
static void
warn_volatile(Relation relation, const char *column)
{
	ListCell   *cell;

	if (relation->rd_rel->relkind != RELKIND_VIEW)
		return;
	foreach(cell, get_view_query(relation)->targetList)
	{
		TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk && entry->resno == get_attnum(RelationGetRelid(relation), column) &&
			contain_volatile_functions((Node *) entry->expr))
			ereport(WARNING,
					(errmsg("column \"%s\" of the view %s comes of a volatile function", column,
							relation_name(relation)),
					 errdetail("It is run for every row whenever the rows are listed, and every image read."),
					 errhint("Let the view call a STABLE function, which may call the volatile one.")));
	}
}

/* ---- queries ---- */

/* Is what a row brings along the subgroup of its score? Else it is a weight or a date, which a row must have. */
static bool
names_subgroups(const ImagesColumns *columns)
{
	return columns->by_argument == NULL;
}

/* The condition that a row has a text that is too long to be used; empty if no row has. What scores are grouped by
 * is no part of it: else who names that column would choose the rows that are scored. */
static StringInfoData
too_long_condition(const ImagesSource *source, Relation relation, const ImagesColumns *columns, const SplitColumns *id)
{
	StringInfoData condition;

	initStringInfo(&condition);
	columns_too_long(RelationGetRelid(relation), id, &condition);
	if (source->grouped)
		columns_too_long(RelationGetRelid(relation), source->group_columns, &condition);
	if (source->has_by && !names_subgroups(columns))
		columns_too_long(RelationGetRelid(relation), split_columns_single(columns->by), &condition);
	return condition;
}

/* Append what a row brings along. Too long a name of a subgroup is none, and the row has by_too_long. */
static void
append_by(ImagesSource *source, Relation relation, const ImagesColumns *columns, StringInfo rows)
{
	char	   *text = column_text(RelationGetRelid(relation), columns->by);
	StringInfoData too_long;

	initStringInfo(&too_long);
	if (names_subgroups(columns))
		columns_too_long(RelationGetRelid(relation), split_columns_single(columns->by), &too_long);
	source->by_may_be_long = too_long.len > 0;
	if (source->by_may_be_long)
		appendStringInfo(rows, ", CASE WHEN NOT %s THEN %s END AS lesion_by, %s AS by_too_long", too_long.data, text,
						 too_long.data);
	else
		appendStringInfo(rows, ", %s AS lesion_by", text);
}

/* Set what is known of the key: the column that is it, and the one that is named for ids instead. */
static void
know_key(ImagesSource *source, Relation relation, const char *id_column)
{
	List	   *key = images_key_columns(relation);

	source->key_column = list_length(key) == 1 ? linitial(key) : NULL;
	if (id_column != NULL && (source->key_column == NULL || strcmp(source->key_column, id_column) != 0))
		source->other_id = pstrdup(id_column);
}

/* What the rows of a relation are selected by. */
static void
make_queries(ImagesSource *source, Relation relation, const ImagesColumns *columns, const SplitColumns *id)
{
	Oid			oid = RelationGetRelid(relation);
	bool		local = rows_are_stored(oid);
	StringInfoData rows;
	StringInfoData too_long = too_long_condition(source, relation, columns, id);

	source->known = relation_know(relation);
	source->name = source->known.name;
	source->image_column = pstrdup(columns->image);
	source->mask_column = columns->mask != NULL ? pstrdup(columns->mask) : NULL;
	know_key(source, relation, columns->id);
	source->ids_are_digests = id->count == 0;
	source->names_are_digests = source->ids_are_digests || (source->grouped && source->group_columns->count == 0);
	source->key = images_key(relation, id);
	source->has_tid = local && column_is_readable(oid, SelfItemPointerAttributeNumber);
	source->image_is_stored = column_is_stored(oid, get_attnum(oid, columns->image));
	source->knows_nulls = local && source->image_is_stored &&
		(columns->mask == NULL || column_is_stored(oid, get_attnum(oid, columns->mask)));
	initStringInfo(&rows);
	appendStringInfo(&rows, "SELECT %s AS id, %s::pg_catalog.bytea AS image",
					 columns_text(oid, id, columns->image), quote_identifier(columns->image));
	images_key_select(&source->key, &rows);
	if (columns->mask != NULL)
		appendStringInfo(&rows, ", %s::pg_catalog.bytea AS mask", quote_identifier(columns->mask));
	if (source->grouped)
		appendStringInfo(&rows, ", %s AS lesion_group",
						 columns_text(oid, source->group_columns, columns->image));
	if (source->has_by)
		append_by(source, relation, columns, &rows);
	source->may_be_long = too_long.len > 0;
	if (source->may_be_long)
		appendStringInfo(&rows, ", %s AS too_long", too_long.data);
	appendStringInfo(&rows, ", NOT (%s)", source->may_be_long ? too_long.data : "false");
	if (source->knows_nulls)
		appendStringInfo(&rows, " AND %s IS NOT NULL", quote_identifier(columns->image));
	if (source->knows_nulls && columns->mask != NULL)
		appendStringInfo(&rows, " AND %s IS NOT NULL", quote_identifier(columns->mask));
	appendStringInfoString(&rows, " AS usable");
	appendStringInfo(&rows, "%s FROM %s", source->has_tid ? ", ctid AS tid" : "", source->name);
	source->rows = rows.data;
	if (!source->knows_nulls)
	{
		warn_volatile(relation, columns->image);
		if (columns->mask != NULL)
			warn_volatile(relation, columns->mask);
	}
}

ImagesSource *
images_open_unmasked(Oid oid, const char *image_column, const char *id_column)
{
	ImagesSource *source = palloc0(sizeof *source);
	ImagesColumns columns = {.image = image_column,.id = id_column};
	Relation	relation = open_images(oid, image_column, NULL);

	make_queries(source, relation, &columns, id_columns(relation, id_column));
	relation_close(relation, NoLock);
	return source;
}

ImagesSource *
images_open(Oid oid, const ImagesColumns *columns)
{
	ImagesSource *source = palloc0(sizeof *source);
	Relation	relation = open_images(oid, columns->image, columns->mask);
	SplitColumns *id = id_columns(relation, columns->id);

	source->group_columns = columns->group != NULL ? columns->group : id;
	for (int i = 0; columns->group != NULL && i < columns->group->count; i++)
		need_name_column(relation, "group_column", NameStr(columns->group->names[i]), columns->group_reason);
	source->grouped = !split_columns_equal(source->group_columns, id);
	if (columns->by != NULL)
		need_column(relation, columns->by_argument != NULL ? columns->by_argument : "by_column", columns->by, NULL);
	source->has_by = columns->by != NULL;
	source->viewed_as = relation_viewed_as(relation);
	source->kept_snapshot = IsolationUsesXactSnapshot();
	make_queries(source, relation, columns, id);
	relation_close(relation, NoLock);
	return source;
}

int
images_execute(const char *doing, const char *query, int count, Oid *types, Datum *values, long limit)
{
	int			level = text_settings_begin();
	int			result = spi_execute_as(doing, query, count, types, values, NULL, false, limit);

	text_settings_end(level);
	return result;
}

/* How many rows have a condition. */
static int64
count_rows(const ImagesSource *source, const char *condition)
{
	int64		rows;

	relation_check(&source->known);
	if (images_execute(psprintf("counting the rows of %s", source->name),
					   psprintf("SELECT pg_catalog.count(*) AS rows FROM (%s) AS s WHERE %s", source->rows, condition),
					   0, NULL, NULL, 0) != SPI_OK_SELECT)
		elog(ERROR, "counting %s failed", source->name);
	rows = DatumGetInt64(first_row_needed("rows", INT8OID));
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

void
images_warn_of_long(const ImagesSource *source)
{
	int64		rows = source->may_be_long ? count_rows(source, "s.too_long") : 0;
	int64		without = source->by_may_be_long ? count_rows(source, "s.by_too_long") : 0;

	if (rows > 0)
		ereport(WARNING,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%lld rows of %s are left out: the text of an id, a group, a weight or a date has more than "
						"%d bytes",
						(long long) rows, source->name, COLUMN_TEXT_BYTES),
				 errhint("Give them a shorter one, or leave them out with a view.")));
	if (without > 0)
		ereport(WARNING,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%lld rows of %s are in no subgroup: the text of by_column has more than %d bytes",
						(long long) without, source->name, COLUMN_TEXT_BYTES),
				 errhint("Name a column with shorter texts.")));
}

/* Count the rows of a source. */
static void
count_images(const ImagesSource *source, int64 *rows, int64 *usable)
{
	bool		single = source->grouped && source->group_columns->count == 1;
	char	   *query = psprintf("SELECT pg_catalog.count(*) AS rows, "
								 "pg_catalog.count(*) FILTER (WHERE s.usable%s%s) AS usable "
								 "FROM (%s) AS s",
								 source->ids_are_digests ? "" : " AND s.id IS NOT NULL",
								 single ? " AND s.lesion_group IS NOT NULL" : "", source->rows);

	relation_check(&source->known);
	if (images_execute(psprintf("counting the rows of %s", source->name), query, 0, NULL, NULL, 0) != SPI_OK_SELECT)
		elog(ERROR, "counting %s failed", source->name);
	*rows = DatumGetInt64(first_row_needed("rows", INT8OID));
	*usable = DatumGetInt64(first_row_needed("usable", INT8OID));
	SPI_freetuptable(SPI_tuptable);
}

void
images_count(const ImagesSource *source, int64 *rows, int64 *usable)
{
	count_images(source, rows, usable);
	images_warn_of_long(source);
}

int64
images_usable(const ImagesSource *source)
{
	int64		rows;
	int64		usable;

	count_images(source, &rows, &usable);
	return usable;
}

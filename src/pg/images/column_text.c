/*
 * column_text.c: see column_text.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "pg/images/column_text.h"

bool
came_with_server(Oid oid)
{
	return OidIsValid(oid) && oid < FirstUnpinnedObjectId;
}

/* The same, but for the composite types that were looked into: types may name each other in many ways. */
static bool
depends_on_search_path(Oid type, List **looked_into)
{
	Oid			base = getBaseType(type);
	Oid			element = get_element_type(base);
	bool		depends = false;
	TupleDesc	columns;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (OidIsValid(element))
		return depends_on_search_path(element, looked_into);
	if (type_is_range(base))
		return depends_on_search_path(get_range_subtype(base), looked_into);
	if (type_is_multirange(base))
		return depends_on_search_path(get_multirange_range(base), looked_into);
	if (get_typtype(base) == TYPTYPE_COMPOSITE)
	{
		if (list_member_oid(*looked_into, base))
			return false;
		*looked_into = lappend_oid(*looked_into, base);
		columns = lookup_rowtype_tupdesc(base, -1);
		for (int i = 0; i < columns->natts && !depends; i++)
			depends = !TupleDescAttr(columns, i)->attisdropped &&
				depends_on_search_path(TupleDescAttr(columns, i)->atttypid, looked_into);
		ReleaseTupleDesc(columns);
		return depends;
	}
	switch (base)
	{
		case REGCLASSOID:
		case REGCOLLATIONOID:
		case REGCONFIGOID:
		case REGDICTIONARYOID:
		case REGOPERATOROID:
		case REGOPEROID:
		case REGPROCEDUREOID:
		case REGPROCOID:
		case REGTYPEOID:
			return true;
		default:
			return false;
	}
}

bool
text_depends_on_search_path(Oid type)
{
	List	   *looked_into = NIL;
	bool		depends = depends_on_search_path(type, &looked_into);

	list_free(looked_into);
	return depends;
}

char *
column_text(Oid relation, const char *column)
{
	const char *name = quote_identifier(column);
	AttrNumber	number = get_attnum(relation, column);

	if (number == InvalidAttrNumber)
		elog(ERROR, "relation %u has no column \"%s\"", relation, column);
	/* Casts belong to base types: look at the base type of a domain. */
	if (came_with_server(getBaseType(get_atttype(relation, number))))
		return psprintf("(%s)::pg_catalog.text", name);
	return psprintf("CASE WHEN pg_catalog.num_nulls(%s) OPERATOR(pg_catalog.=) 0 "
					"THEN pg_catalog.format('%%s', %s) END", name, name);
}

char *
columns_text(Oid relation, const SplitColumns *columns, const char *image_column)
{
	StringInfoData expression;

	if (columns->count == 0)
		return psprintf("pg_catalog.encode(pg_catalog.sha256(%s::pg_catalog.bytea), 'hex')",
						quote_identifier(image_column));
	if (columns->count == 1)
		return column_text(relation, NameStr(columns->names[0]));
	initStringInfo(&expression);
	for (int i = 0; i < columns->count; i++)
		appendStringInfo(&expression, "%s%s", i > 0 ? ", " : "ROW(", quote_identifier(NameStr(columns->names[i])));
	appendStringInfoString(&expression, ")::pg_catalog.text");
	return expression.data;
}

/* May a column have values that are long? */
static bool
may_be_long(Oid relation, const char *column)
{
	return get_typlen(getBaseType(get_atttype(relation, get_attnum(relation, column)))) < 0;
}

void
columns_too_long(Oid relation, const SplitColumns *columns, StringInfo condition)
{
	bool		any = false;

	for (int i = 0; i < columns->count; i++)
		any |= may_be_long(relation, NameStr(columns->names[i]));
	if (any)
		appendStringInfo(condition, "%scoalesce(pg_catalog.octet_length(%s) OPERATOR(pg_catalog.>) %d, false)",
						 condition->len > 0 ? " OR " : "", columns_text(relation, columns, NULL), COLUMN_TEXT_BYTES);
}

/*
 * column_text.c: see column_text.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/images/column_text.h"

bool
came_with_server(Oid oid)
{
	return OidIsValid(oid) && oid < FirstUnpinnedObjectId;
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

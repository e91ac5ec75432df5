/*
 * column_casts.c: see column_casts.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/images/column_casts.h"

bool
came_with_server(Oid oid)
{
	return OidIsValid(oid) && oid < FirstUnpinnedObjectId;
}

/* The owner of a function; a superuser's where it is gone. */
static Oid
function_owner(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Oid			owner = BOOTSTRAP_SUPERUSERID;

	if (HeapTupleIsValid(tuple))
	{
		owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

/* Does a cast run the code of a role that the caller does not stand for? A
 * superuser has the rights of all roles, but stands for members alone. */
static bool
runs_foreign_code(Oid from, Oid to)
{
	Oid			function = InvalidOid;
	Oid			owner;

	if (find_coercion_pathway(to, from, COERCION_EXPLICIT, &function) != COERCION_PATH_FUNC ||
		came_with_server(function))
		return false;
	owner = function_owner(function);
	return owner != GetUserId() && !superuser_arg(owner) && !is_member_of_role_nosuper(GetUserId(), owner);
}

void
column_casts_check(Relation relation)
{
	TupleDesc	columns = RelationGetDescr(relation);

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (column->attisdropped || came_with_server(column->atttypid))
			continue;
		if (runs_foreign_code(column->atttypid, TEXTOID) || runs_foreign_code(column->atttypid, BYTEAOID))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("column \"%s\" of %s is cast by a function of another role", NameStr(column->attname),
							RelationGetRelationName(relation)),
					 errdetail("The function would run with the rights of \"%s\".",
							   GetUserNameFromId(GetUserId(), false)),
					 errhint("Have the owner of the type %s call this, or drop the cast.",
							 format_type_be(column->atttypid))));
	}
}

/*
 * column_rights.c: see column_rights.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "pg/base/rights/column_rights.h"

bool
column_is_readable(Oid relation, AttrNumber column)
{
	return pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck(relation, column, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

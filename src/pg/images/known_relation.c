/*
 * known_relation.c: see known_relation.h.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

#include "pg/base/settings.h"
#include "pg/images/known_relation.h"

char *
relation_name(Relation relation)
{
	int			level = NewGUCNestLevel();
	char	   *name;

	settings_save("quote_all_identifiers", "off");	/* a relation has one name in all sessions */
	name = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
									  RelationGetRelationName(relation));
	AtEOXact_GUC(true, level);
	return name;
}

KnownRelation
relation_know(Relation relation)
{
	KnownRelation known = {
		.oid = RelationGetRelid(relation),
		.name = relation_name(relation),
		.kind = relation->rd_rel->relkind,
		.columns = CreateTupleDescCopy(RelationGetDescr(relation)),
	};

	return known;
}

KnownRelation
relation_know_oid(Oid oid)
{
	Relation	relation = relation_open(oid, AccessShareLock);
	KnownRelation known = relation_know(relation);

	relation_close(relation, NoLock);
	return known;
}

/* Do rows of the relation, or of its partitions and children, come from another server? */
static bool
is_foreign(Relation relation)
{
	ListCell   *cell;

	if (!relation->rd_rel->relhassubclass)
		return relation->rd_rel->relkind == RELKIND_FOREIGN_TABLE;
	foreach(cell, find_all_inheritors(RelationGetRelid(relation), AccessShareLock, NULL))
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			return true;
	return false;
}

bool
relation_has_temporary(Oid oid)
{
	ListCell   *cell;

	foreach(cell, find_all_inheritors(oid, NoLock, NULL))
		if (isTempNamespace(get_rel_namespace(lfirst_oid(cell))))
			return true;
	return false;
}

char *
relation_viewed_as(Relation relation)
{
	/* A superuser has the rights of all roles, and is none of them. */
	Oid			owner = relation->rd_rel->relowner;
	bool		theirs = !has_privs_of_role(GetUserId(), owner) ||
		(superuser() && !is_member_of_role_nosuper(GetUserId(), owner));
	bool		is_view = relation->rd_rel->relkind == RELKIND_VIEW;

	/* Temporary tables of two sessions have one name, if one after the other. */
	if (relation_has_temporary(RelationGetRelid(relation)) ||
		(theirs && (is_view || is_foreign(relation))) ||
		(is_view && RelationHasSecurityInvoker(relation)) ||
		check_enable_rls(RelationGetRelid(relation), InvalidOid, true) == RLS_ENABLED)
		return GetUserNameFromId(GetUserId(), false);
	return NULL;
}

/* Do all of the columns still exist unchanged? */
static bool
has_columns(Relation relation, TupleDesc columns)
{
	TupleDesc	now = RelationGetDescr(relation);

	if (now->natts < columns->natts)
		return false;
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute was = TupleDescAttr(columns, i);
		Form_pg_attribute is = TupleDescAttr(now, i);

		if (is->attisdropped != was->attisdropped || is->atttypid != was->atttypid ||
			strcmp(NameStr(is->attname), NameStr(was->attname)) != 0)
			return false;
	}
	return true;
}

void
relation_check(const KnownRelation *known)
{
	Relation	relation = try_relation_open(known->oid, AccessShareLock);

	if (relation == NULL || strcmp(relation_name(relation), known->name) != 0 ||
		relation->rd_rel->relkind != known->kind || !has_columns(relation, known->columns))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s is no longer what it was when the call began", known->name),
				 errdetail("It was dropped, renamed or replaced, or its columns were changed."),
				 errhint("Call again to go on with what it is now.")));
	relation_close(relation, NoLock);
}

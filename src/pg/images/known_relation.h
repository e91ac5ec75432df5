/*
 * known_relation.h: facts of a relation, and a check that they still hold.
 *
 * Name, kind and columns are read once and used in later queries. Between two
 * transactions others can rename the relation and put another in its place, and
 * a trigger can do so within one.
 */
#ifndef LESIONSEG_PG_IMAGES_KNOWN_RELATION_H
#define LESIONSEG_PG_IMAGES_KNOWN_RELATION_H

#include "postgres.h"

#include "access/tupdesc.h"
#include "utils/relcache.h"

typedef struct KnownRelation
{
	Oid			oid;
	char	   *name;			/* qualified and quoted */
	char		kind;
	TupleDesc	columns;
} KnownRelation;

/* "schema.table", quoted for use in a query. */
char	   *relation_name(Relation relation);

/* The facts of an open relation, in the current memory context. */
KnownRelation relation_know(Relation relation);

/* The same for a relation that exists. */
KnownRelation relation_know_oid(Oid oid);

/*
 * The caller's role, where others may see other rows of an open relation: of a
 * view or foreign table that is not the role's own, of a view with
 * security_invoker, of a temporary table, or behind policies. NULL where all see the same.
 */
char	   *relation_viewed_as(Relation relation);

/* Is a relation, or one of its partitions and children, temporary and of this session? */
bool		relation_has_temporary(Oid oid);

/*
 * Raise an error unless the relation still has its name, its kind and its
 * columns; it may have more columns. It cannot change until the transaction
 * ends, unless this session changes it, but for its schema's name, which no
 * lock holds.
 */
void		relation_check(const KnownRelation *known);

#endif

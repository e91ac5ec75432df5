/*
 * known_relation.h: what was found out about a relation, and whether it holds.
 *
 * A name, a kind and columns are looked at once and stand in queries that run
 * later. Between two transactions anybody who may can rename the relation and
 * put another in its place, and a trigger can do it within one.
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

/* What an open relation is, in the current memory context. */
KnownRelation relation_know(Relation relation);

/* The same of a relation that exists. */
KnownRelation relation_know_oid(Oid oid);

/* Raise an error unless the relation is still there under its name, of its
 * kind, with the columns that it had; it may have more. It stays so until the
 * transaction ends, unless this session changes it itself. */
void		relation_check(const KnownRelation *known);

#endif

/*
 * stored_column.c: see stored_column.h.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "pg/images/stored/stored_column.h"

/* A column through more views and subqueries counts as computed: views may go round in a circle, which is an error when
 * they are read. */
#define DEEPEST 64

bool
rows_are_stored(Oid relation)
{
	char		kind = get_rel_relkind(relation);
	ListCell   *cell;

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		return kind == RELKIND_MATVIEW;
	foreach(cell, find_all_inheritors(relation, NoLock, NULL))
		if (get_rel_relkind(lfirst_oid(cell)) == RELKIND_FOREIGN_TABLE)
			return false;
	return true;
}

static bool passes_on(const Query *query, AttrNumber column, int depth);

/* column_is_stored, through so many views and subqueries. */
static bool
is_stored(Oid relation, AttrNumber column, int depth)
{
	Relation	view;
	char		generated;
	bool		stored;

	if (get_rel_relkind(relation) != RELKIND_VIEW)
	{
		generated = get_attgenerated(relation, column);
		return rows_are_stored(relation) && (generated == '\0' || generated == ATTRIBUTE_GENERATED_STORED);
	}
	view = try_relation_open(relation, AccessShareLock);
	if (view == NULL)
		return false;
	stored = passes_on(get_view_query(view), column, depth + 1);
	relation_close(view, NoLock);
	return stored;
}

/* Is an expression of a query a stored column? */
static bool
is_column(const Query *query, const Node *expression, int depth)
{
	const Var  *var = (const Var *) expression;
	const RangeTblEntry *from;

	/* One of a join is NULL where its column was dropped. */
	if (expression == NULL)
		return false;
	if (IsA(expression, RelabelType))
		return is_column(query, (const Node *) ((const RelabelType *) expression)->arg, depth);
	if (!IsA(expression, Var) || var->varlevelsup != 0 || var->varattno <= 0)
		return false;
	from = rt_fetch(var->varno, query->rtable);
	switch (from->rtekind)
	{
		case RTE_RELATION:
			return is_stored(from->relid, var->varattno, depth);
		case RTE_SUBQUERY:
			return passes_on(from->subquery, var->varattno, depth + 1);
		case RTE_JOIN:
			return is_column(query, list_nth(from->joinaliasvars, var->varattno - 1), depth);
		default:
			return false;
	}
}

/* Do all arms of a UNION, INTERSECT or EXCEPT pass on a stored column? */
static bool
arms_pass_on(const Query *query, const Node *arm, AttrNumber column, int depth)
{
	const SetOperationStmt *operation = (const SetOperationStmt *) arm;

	check_stack_depth();
	if (IsA(arm, RangeTblRef))
		return passes_on(rt_fetch(((const RangeTblRef *) arm)->rtindex, query->rtable)->subquery, column, depth + 1);
	return arms_pass_on(query, operation->larg, column, depth) && arms_pass_on(query, operation->rarg, column, depth);
}

/* Does a query pass on a stored column as its column of this number? */
static bool
passes_on(const Query *query, AttrNumber column, int depth)
{
	ListCell   *cell;

	CHECK_FOR_INTERRUPTS();
	if (depth > DEEPEST)
		return false;
	if (query->groupClause != NIL || query->groupingSets != NIL)
		return false;
	if (query->setOperations != NULL)
		return arms_pass_on(query, query->setOperations, column, depth);
	foreach(cell, query->targetList)
	{
		const TargetEntry *entry = lfirst(cell);

		if (!entry->resjunk && entry->resno == column)
			return is_column(query, (const Node *) entry->expr, depth);
	}
	return false;
}

bool
column_is_stored(Oid relation, AttrNumber column)
{
	return is_stored(relation, column, 0);
}

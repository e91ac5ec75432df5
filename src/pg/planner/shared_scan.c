/*
 * shared_scan.c: parallel workers for tables whose images stand in TOAST.
 *
 * PostgreSQL takes as many workers as the pages of the table itself are worth.
 * Where images stand in TOAST these are few, so it takes none, whatever the
 * functions over the images cost. Here the planner gets one more way to scan
 * such a table: by as many workers as the calls are worth. It compares costs as
 * ever, and may take another one.
 *
 * Only tables are concerned whose columns are arguments of our functions in
 * the same query. All other queries are planned as without the library.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/base/settings.h"
#include "pg/planner/planner.h"

/* The least work that is worth a process, in the planner's unit: some 0.2
 * seconds, in which a worker loads a model. */
#define PROCESS_WORK (TOLD_SHARE * 20000)

/* The least pages that a process should have. Tables are shared out page by page, and the rows of a page stay with one
 * process: at the end it works alone, on one thread. */
#define PROCESS_PAGES 4

static set_rel_pathlist_hook_type next_hook;

/* Calls of our functions that read a relation. */
typedef struct Calls
{
	PlannerInfo *root;
	Relids		relation;		/* its number; that of its parent if it is a partition */
	Cost		each;			/* of all calls for one row */
} Calls;

/* Add the cost of calls in an expression. */
static bool
find_calls(Node *node, void *context)
{
	Calls	   *calls = context;

	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr) && planner_supports(((FuncExpr *) node)->funcid) &&
		bms_overlap(pull_varnos(calls->root, node), calls->relation))
	{
		QualCost	cost;

		cost_qual_eval_node(&cost, node, calls->root);
		calls->each += cost.per_tuple;
		return false;			/* its arguments are in the cost */
	}
	return expression_tree_walker(node, find_calls, context);
}

/* The cost of the calls in an expression that read a relation, for one row. */
static Cost
calls_cost(PlannerInfo *root, const RelOptInfo *rel, Node *expression)
{
	Calls		calls = {root, rel->top_parent_relids != NULL ? rel->top_parent_relids : rel->relids, 0};

	(void) find_calls(expression, &calls);
	return calls.each;
}

/* The cost of the calls in conditions, which are made for all rows of a relation. */
static Cost
work_of_conditions(PlannerInfo *root, const RelOptInfo *rel)
{
	return rel->tuples * calls_cost(root, rel, (Node *) root->parse->jointree);
}

/* The cost of all other calls, which are made for the rows that the conditions leave. */
static Cost
work_of_results(PlannerInfo *root, const RelOptInfo *rel)
{
	double		shown = root->limit_tuples >= 0 ? Min(rel->rows, root->limit_tuples) : rel->rows;
	Cost		work = 0;
	ListCell   *cell;

	/* With a LIMIT, only what is sorted by is computed for all rows. */
	foreach(cell, root->processed_tlist)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		work += (entry->ressortgroupref != 0 ? rel->rows : shown) * calls_cost(root, rel, (Node *) entry->expr);
	}
	foreach(cell, root->parse->rtable)
	{
		const RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

		if (entry->rtekind == RTE_FUNCTION)
			work += shown * calls_cost(root, rel, (Node *) entry->functions);
	}
	return work + rel->rows * calls_cost(root, rel, root->parse->havingQual);
}

/* Does a table store its rows in PostgreSQL's own way, with a TOAST table? */
static bool
is_heap_with_toast(Oid relation)
{
	HeapTuple	row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	bool		found;

	if (!HeapTupleIsValid(row))
		return false;
	found = ((Form_pg_class) GETSTRUCT(row))->relam == HEAP_TABLE_AM_OID &&
		OidIsValid(((Form_pg_class) GETSTRUCT(row))->reltoastrelid);
	ReleaseSysCache(row);
	return found;
}

/* May workers share a relation, and did nobody set their number for it? */
static bool
may_share(RelOptInfo *rel, const RangeTblEntry *table)
{
	return rel->consider_parallel && rel->rel_parallel_workers == -1 && !IS_DUMMY_REL(rel) &&
		bms_is_empty(rel->lateral_relids) && table->rtekind == RTE_RELATION && !table->inh &&
		table->tablesample == NULL && is_heap_with_toast(table->relid);
}

/*
 * Of a function in FROM whose arguments are another relation's columns, the planner counts the call once, as what a
 * scan begins with, and not for each of that relation's rows. Make it what a scan takes each time.
 */
static void
count_each_call(PlannerInfo *root, RelOptInfo *rel, const RangeTblEntry *function)
{
	Calls		calls = {root, rel->lateral_relids, 0};
	ListCell   *cell;

	(void) find_calls((Node *) function->functions, &calls);
	foreach(cell, rel->pathlist)
	{
		Path	   *path = lfirst(cell);

		if (path->pathtype == T_FunctionScan)
			path->startup_cost = Max(0, path->startup_cost - calls.each);
	}
}

/* The pages of a table. The planner takes a small one that was never vacuumed for ten. */
static double
pages_of(Oid oid)
{
	Relation	relation = table_open(oid, NoLock);	/* the planner holds a lock */
	double		pages = RelationGetNumberOfBlocks(relation);

	table_close(relation, NoLock);
	return pages;
}

/* Add a scan by workers. Rows that a condition leaves may stand side by side, as those of a range of keys do. */
static void
add_shared_scan(PlannerInfo *root, RelOptInfo *rel, Oid table)
{
	Cost		conditions = work_of_conditions(root, rel);
	Cost		results = work_of_results(root, rel);
	double		share = conditions >= results ? 1 : rel->rows / Max(rel->tuples, 1);
	double		pages = share * Min(rel->pages, pages_of(table));
	double		workers = Min((conditions + results) / PROCESS_WORK, pages / PROCESS_PAGES - 1);

	workers = Min(workers, max_parallel_workers_per_gather);
	if (workers >= 1 && settings_parallel_pays((int) workers))
		add_partial_path(rel, (Path *) create_seqscan_path(root, rel, NULL, (int) workers));
}

/* Called when a relation's paths are there. */
static void
consider_images(PlannerInfo *root, RelOptInfo *rel, Index number, RangeTblEntry *relation)
{
	if (next_hook != NULL)
		next_hook(root, rel, number, relation);
	if (!lesionseg_parallel || !planner_seen)
		return;
	if (relation->rtekind == RTE_FUNCTION)
		count_each_call(root, rel, relation);
	else if (may_share(rel, relation))
		add_shared_scan(root, rel, relation->relid);
}

void
shared_scan_init(void)
{
	next_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = consider_images;
}

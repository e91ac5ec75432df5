/*
 * support.c: the planner support functions: what a call of a function over
 * images costs.
 *
 * The planner's unit is taken as some 10 microseconds of one core, which is
 * what its own defaults amount to. COST in the script is the cost for an image
 * of USUAL_BYTES and, where a network runs, for the U-Net. The planner asks
 * these functions for the cost of a call, where more may be known: the network
 * that an argument names, and the room that images take. They tell a tenth of
 * it (planner.h).
 *
 * Statistics of a column count only the pointers into TOAST. So the size of an
 * image is that of the whole TOAST table, shared among the rows.
 *
 * That there is a support function has another effect: the planner calls it
 * before it looks for ways to scan tables. So the library is loaded by then,
 * and shared_scan.c can add a way, in the first query of a session too.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "infer/symmetry.h"
#include "pg/base/settings.h"
#include "pg/planner/planner.h"

PG_FUNCTION_INFO_V1(lesion_segment_support);
PG_FUNCTION_INFO_V1(lesion_image_support);
PG_FUNCTION_INFO_V1(lesion_mask_support);

bool		planner_seen;

/* Bytes of an image whose size is not known: a JPEG of 1024 x 768. */
#define USUAL_BYTES 100e3

/* To decode a byte of a file, in cpu_operator_cost: 40 ns. */
#define DECODE_BYTE 1.6

/* Networks by name, and what they take beside the U-Net. A model of another
 * name is taken for a U-Net; "lesion" is an ensemble of the four. */
static const struct
{
	const char *model;
	double		share;
} networks[] = {{"unet", 1}, {"linknet", 0.5}, {"maskrcnn", 0.5}, {"convmixer", 1.5}, {"lesion", 3.5}};

bool
planner_supports(Oid function)
{
	Oid			support = get_func_support(function);
	FmgrInfo	info;

	if (!OidIsValid(support))
		return false;
	fmgr_info(support, &info);
	return info.fn_addr == lesion_segment_support || info.fn_addr == lesion_image_support ||
		info.fn_addr == lesion_mask_support;
}

/* An argument of a call; NULL if it has none, or the call is not known. */
static Node *
call_argument(Node *call, int number)
{
	if (call == NULL || !IsA(call, FuncExpr) || list_length(((FuncExpr *) call)->args) <= number)
		return NULL;
	return list_nth(((FuncExpr *) call)->args, number);
}

/* COST of a function, in cpu_operator_cost. */
static double
declared_cost(Oid function)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	double		cost;

	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for function %u", function);
	cost = ((Form_pg_proc) GETSTRUCT(row))->procost;
	ReleaseSysCache(row);
	return cost;
}

/* Pages and rows of a relation at its last VACUUM, and its TOAST table; false if it has no row of pg_class. */
static bool
relation_size(Oid relation, double *pages, double *rows, Oid *toast)
{
	HeapTuple	row = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	Form_pg_class class;

	if (!HeapTupleIsValid(row))
		return false;
	class = (Form_pg_class) GETSTRUCT(row);
	*pages = class->relpages;
	*rows = class->reltuples;
	*toast = class->reltoastrelid;
	ReleaseSysCache(row);
	return true;
}

/* Bytes of the image in a call's first argument, as far as they are known. */
static double
image_bytes(PlannerInfo *root, Node *call)
{
	Node	   *image = strip_implicit_coercions(call_argument(call, 0));
	const Var  *column = (const Var *) image;
	const RangeTblEntry *table;
	double		pages;
	double		rows;
	double		unused;
	Oid			toast;

	if (root == NULL || image == NULL || !IsA(image, Var) || column->varlevelsup != 0 ||
		column->varno < 1 || column->varno > list_length(root->parse->rtable))
		return USUAL_BYTES;
	table = rt_fetch(column->varno, root->parse->rtable);
	if (table->rtekind != RTE_RELATION || !relation_size(table->relid, &pages, &rows, &toast) || rows < 1 ||
		!OidIsValid(toast) || !relation_size(toast, &pages, &unused, &toast) || pages < 1)
		return USUAL_BYTES;
	return pages * BLCKSZ / rows;
}

/* The cost of the network that a call names, beside that of the U-Net. */
static double
network_share(Node *call)
{
	const Const *model = (const Const *) call_argument(call, 1);
	const char *name;

	if (model == NULL || !IsA(model, Const) || model->consttype != TEXTOID)
		return 1;
	name = model->constisnull ? lesionseg_default_model : TextDatumGetCString(model->constvalue);
	for (int i = 0; i < (int) lengthof(networks); i++)
		if (strcmp(networks[i].model, name) == 0)
			return networks[i].share;
	return 1;
}

/* Runs of the network for a call: more if a constant argument asks for test-time augmentation. */
static double
network_runs(Node *call)
{
	for (int i = 2; call_argument(call, i) != NULL; i++)
	{
		const Const *argument = (const Const *) call_argument(call, i);

		if (IsA(argument, Const) && argument->consttype == BOOLOID && !argument->constisnull &&
			DatumGetBool(argument->constvalue))
			return SYMMETRIES;
	}
	return 1;
}

/* Answer a request with a cost, if it asks for one; NULL. */
static Node *
answer(Node *request, double (*cost) (const SupportRequestCost *))
{
	planner_seen = true;
	if (!IsA(request, SupportRequestCost))
		return NULL;
	((SupportRequestCost *) request)->startup = 0;
	((SupportRequestCost *) request)->per_tuple =
		TOLD_SHARE * cost((SupportRequestCost *) request) * cpu_operator_cost;
	return request;
}

static double
segment_cost(const SupportRequestCost *request)
{
	return declared_cost(request->funcid) * network_share(request->node) * network_runs(request->node) +
		DECODE_BYTE * image_bytes(request->root, request->node);
}

static double
image_cost(const SupportRequestCost *request)
{
	return declared_cost(request->funcid) * image_bytes(request->root, request->node) / USUAL_BYTES;
}

static double
mask_cost(const SupportRequestCost *request)
{
	return declared_cost(request->funcid);
}

/* lesion_segment_support(internal) returns internal: of functions that run a network */
Datum
lesion_segment_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(answer((Node *) PG_GETARG_POINTER(0), segment_cost));
}

/* lesion_image_support(internal) returns internal: of functions that decode an image */
Datum
lesion_image_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(answer((Node *) PG_GETARG_POINTER(0), image_cost));
}

/* lesion_mask_support(internal) returns internal: of functions of masks, which are small whatever the image */
Datum
lesion_mask_support(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(answer((Node *) PG_GETARG_POINTER(0), mask_cost));
}

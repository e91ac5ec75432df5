/*
 * query_state.c: see query_state.h.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rls.h"

#include "pg/segment/query_state.h"
#include "pg/segment/segment_progress.h"

void *
query_state(FunctionCallInfo fcinfo, size_t size)
{
	QueryState *state = fcinfo->flinfo->fn_extra;
	MemoryContext caller;

	EnsurePortalSnapshotExists();
	if (state != NULL)
		return state;
	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	state = palloc0(size);
	state->context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg query", ALLOCSET_SMALL_SIZES);
	state->store = store_open(fcinfo, true);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = state;
	segment_progress_begin(fcinfo->flinfo->fn_mcxt);
	return state;
}

MemoryContext
query_lookup_begin(QueryState *state)
{
	MemoryContextReset(state->context);
	return MemoryContextSwitchTo(state->context);
}

bool
query_lookup_holds(const QueryState *state, const SnapshotData *snapshot)
{
	return state->role == GetUserId() && !state->filtered && visible_state_same(&state->seen, snapshot);
}

/* Do policies decide which rows of the model tables the role sees? */
static bool
is_filtered(const ModelStore *store)
{
	static const char *const tables[] = {"lesion_model", "lesion_version", "lesion_promotion"};

	for (size_t i = 0; i < lengthof(tables); i++)
		if (check_enable_rls(get_relname_relid(tables[i], store->schema), InvalidOid, true) == RLS_ENABLED)
			return true;
	return false;
}

void
query_lookup_end(QueryState *state, const SnapshotData *snapshot, MemoryContext caller)
{
	visible_state_keep(&state->seen, snapshot);
	state->role = GetUserId();
	state->filtered = is_filtered(&state->store);
	MemoryContextSwitchTo(caller);
}

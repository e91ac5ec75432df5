/*
 * query_state.c: see query_state.h.
 */
#include "postgres.h"

#include "tcop/pquery.h"
#include "utils/memutils.h"

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

void
query_lookup_end(QueryState *state, const SnapshotData *snapshot, MemoryContext caller)
{
	visible_state_keep(&state->seen, snapshot);
	MemoryContextSwitchTo(caller);
}

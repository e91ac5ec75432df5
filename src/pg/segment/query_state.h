/*
 * query_state.h: what the calls of a function within one query share, so that
 * the model is looked up once and not for every row.
 */
#ifndef LESIONSEG_PG_SEGMENT_QUERY_STATE_H
#define LESIONSEG_PG_SEGMENT_QUERY_STATE_H

#include "postgres.h"

#include "fmgr.h"

#include "pg/base/store.h"
#include "pg/base/query/visible_state.h"

/* A function's own state begins with this. */
typedef struct QueryState
{
	MemoryContext context;		/* of what was looked up */
	ModelStore	store;
	VisibleState seen;			/* when it was looked up */
	Oid			role;			/* that it was looked up as */
	bool		filtered;		/* by policies, which may ask for more than the role */
} QueryState;

/* The state of the query that calls the function, of `size` bytes: all zero
 * but for its QueryState at the first call. From then on there is an active
 * snapshot: the check of a domain may run where none is, after a COMMIT of PL/pgSQL. */
void	   *query_state(FunctionCallInfo fcinfo, size_t size);

/* Begin a lookup: forget the last one, and switch to the state's context.
 * Returns the caller's. */
MemoryContext query_lookup_begin(QueryState *state);

/* Would a lookup with the snapshot find the same now, by the same rights? A cached call of PL/pgSQL may come from
 * another role than the one before it. */
bool		query_lookup_holds(const QueryState *state, const SnapshotData *snapshot);

/* Keep what the lookup saw, and switch back to the caller's context. */
void		query_lookup_end(QueryState *state, const SnapshotData *snapshot, MemoryContext caller);

#endif

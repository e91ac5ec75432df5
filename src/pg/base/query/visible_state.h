/*
 * visible_state.h: which rows a lookup could see, so that a later one can be
 * spared where it would see the same.
 *
 * A snapshot and what the transaction itself has done so far decide that, and
 * nothing else. Copies of snapshots have no number to tell them apart
 * (snapXactCompletionCount is 0 in all of them), so their contents are
 * compared: the transactions that count as running, the command, and which
 * transaction and subtransaction it is. A subtransaction that is rolled back
 * takes its rows along without another snapshot.
 */
#ifndef LESIONSEG_PG_BASE_QUERY_VISIBLE_STATE_H
#define LESIONSEG_PG_BASE_QUERY_VISIBLE_STATE_H

#include "postgres.h"

#include "utils/snapshot.h"

typedef struct VisibleState
{
	SnapshotData snapshot;		/* its arrays lie in the context that it was kept in */
	TransactionId transaction;	/* invalid: it has written nothing yet */
	SubTransactionId subtransaction;
} VisibleState;

/* Keep what a lookup with an MVCC snapshot sees now, in the current memory
 * context. */
void		visible_state_keep(VisibleState *state, const SnapshotData *snapshot);

/* Would a lookup with the snapshot see the same now as one saw then? The
 * answer may be no where it would, but never yes where it would not. */
bool		visible_state_same(const VisibleState *state, const SnapshotData *snapshot);

#endif

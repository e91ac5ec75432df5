/*
 * visible_state.c: see visible_state.h.
 */
#include "postgres.h"

#include "access/xact.h"

#include "pg/base/query/visible_state.h"

/* A copy of some transaction ids in the current memory context. */
static TransactionId *
copy_xids(const TransactionId *xids, int count)
{
	TransactionId *copy = palloc(Max(count, 1) * sizeof *copy);

	if (count > 0)
		memcpy(copy, xids, count * sizeof *copy);
	return copy;
}

/* Are they the same ids in the same order? */
static bool
same_xids(const TransactionId *a, int count_a, const TransactionId *b, int count_b)
{
	return count_a == count_b && (count_a == 0 || memcmp(a, b, count_a * sizeof *a) == 0);
}

/* How many subtransactions a snapshot lists. One with too many to list keeps their number, but no list in its copies:
 * their parents decide then. On a standby the list has the parents, too. */
static int
listed_subxids(const SnapshotData *snapshot)
{
	return snapshot->suboverflowed && !snapshot->takenDuringRecovery ? 0 : snapshot->subxcnt;
}

void
visible_state_keep(VisibleState *state, const SnapshotData *snapshot)
{
	state->snapshot = *snapshot;
	state->snapshot.xip = copy_xids(snapshot->xip, snapshot->xcnt);
	state->snapshot.subxcnt = listed_subxids(snapshot);
	state->snapshot.subxip = copy_xids(snapshot->subxip, state->snapshot.subxcnt);
	state->transaction = GetTopTransactionIdIfAny();
	state->subtransaction = GetCurrentSubTransactionId();
}

bool
visible_state_same(const VisibleState *state, const SnapshotData *snapshot)
{
	const SnapshotData *kept = &state->snapshot;

	return kept->snapshot_type == snapshot->snapshot_type &&
		kept->xmin == snapshot->xmin && kept->xmax == snapshot->xmax && kept->curcid == snapshot->curcid &&
		kept->suboverflowed == snapshot->suboverflowed && kept->takenDuringRecovery == snapshot->takenDuringRecovery &&
		same_xids(kept->xip, kept->xcnt, snapshot->xip, snapshot->xcnt) &&
		same_xids(kept->subxip, kept->subxcnt, snapshot->subxip, listed_subxids(snapshot)) &&
		state->transaction == GetTopTransactionIdIfAny() && state->subtransaction == GetCurrentSubTransactionId();
}

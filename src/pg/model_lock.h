/*
 * model_lock.h: who is at work on a model, and which runs are alive.
 *
 * Both are advisory locks. One on the model keeps two trainings, imports or
 * drops apart. One on the run stands in pg_locks as long as the process that
 * trains it lives, and not a moment longer, whatever ends the process: that
 * is how lesion_runs tells a run from one whose row still says 'running'. A
 * pid could not (it is used again, after a restart of the server too), and
 * pg_stat_activity hides when a process of another user began.
 */
#ifndef LESIONSEG_PG_MODEL_LOCK_H
#define LESIONSEG_PG_MODEL_LOCK_H

#include "postgres.h"

#include "pg/model_store.h"

/* How long a lock is held: to the end of the transaction, or over several of
 * them until it is released. */
typedef enum LockSpan
{
	LOCK_TRANSACTION,
	LOCK_SESSION
} LockSpan;

/* Lock a model. Where another session holds it, an error names its process
 * and its run. Reading and segmenting need no lock. The result is the key to
 * release it with where span is LOCK_SESSION. */
int64		model_lock(const ModelStore *store, const char *model, LockSpan span);

/* Show that a run is alive. The key's halves are the oid of lesion_run and
 * the run; the result is as above. */
int64		run_lock(const ModelStore *store, int64 run, LockSpan span);

/* Release a lock held for the session; also while an error is handled. */
void		model_unlock(int64 key);
void		run_unlock(int64 key);

#endif

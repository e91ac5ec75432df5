/*
 * work_lock.h: who is at work on what, and which runs are alive.
 *
 * A lock on a model keeps two trainings, imports or drops apart, one on a
 * table of predictions two jobs that fill it; one on a model's promotions puts them in
 * order. One on a run stands in pg_locks
 * as long as the process that trains it lives, and not a moment longer,
 * whatever ends the process: that is how lesion_runs tells a run from one
 * whose row still says 'running'. A pid could not (it is used again, after a
 * restart of the server too), and pg_stat_activity hides when a process of
 * another user began.
 *
 * These are locks on objects of our tables. SQL has no statement that takes
 * such a lock, as it has for advisory ones: so nobody can stand in the way of
 * a training, or pass for one, who does not train.
 */
#ifndef LESIONSEG_PG_MODELS_WORK_LOCK_H
#define LESIONSEG_PG_MODELS_WORK_LOCK_H

#include "postgres.h"

#include "pg/base/store.h"
#include "storage/lock.h"

/* How long a lock is held: to the end of the transaction, or over several of
 * them until it is released. */
typedef enum LockSpan
{
	LOCK_TRANSACTION,
	LOCK_SESSION
} LockSpan;

/* A lock; all zero is none. */
typedef struct WorkLock
{
	LOCKTAG		tag;
	bool		to_release;		/* held for the session */
} WorkLock;

/* Lock a model. Where another session holds it, an error names its process
 * and its run. Reading and segmenting need no lock. */
WorkLock	model_lock(const ModelStore *store, const char *model, LockSpan span);

/* Lock the promotions of a model to the end of the transaction; wait for a session that has them. */
void		promotion_lock(const ModelStore *store, const char *model);

/* Show that a run is alive: in pg_locks an object whose classid is that of
 * lesion_run and whose objid is the run. */
WorkLock	run_lock(const ModelStore *store, int64 run, LockSpan span);

/* Lock a table of predictions, called `name`. Where another session holds it,
 * that is an error. */
WorkLock	target_lock(const ModelStore *store, Oid target, const char *name, LockSpan span);

/* Release a lock that is held for the session, or none; also while an error
 * is handled. */
void		work_unlock(WorkLock *lock);

#endif

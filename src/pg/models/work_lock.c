/*
 * work_lock.c: see work_lock.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/base/compat.h"
#include "pg/base/values/row_values.h"
#include "pg/base/sha256.h"
#include "pg/models/work_lock.h"

/* A lock on an object that belongs to a table of the store. */
static WorkLock
object_lock(const ModelStore *store, const char *table, uint32 object, uint16 part)
{
	WorkLock	lock = {0};

	SET_LOCKTAG_OBJECT(lock.tag, MyDatabaseId, get_relname_relid(table, store->schema), object, part);
	return lock;
}

/* Take a lock; false where another session has it. */
static bool
take_lock(WorkLock *lock, LockSpan span)
{
	if (LockAcquire(&lock->tag, ExclusiveLock, span == LOCK_SESSION, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	lock->to_release = span == LOCK_SESSION;
	return true;
}

void
work_unlock(WorkLock *lock)
{
	/* A transaction that failed as it committed has released it already. */
	if (lock->to_release && compat_lock_held(&lock->tag, ExclusiveLock))
		LockRelease(&lock->tag, ExclusiveLock, true);
	lock->to_release = false;
}

#define NO_PROCESS 0			/* no one holds the lock any more */
#define PREPARED (-1)			/* a prepared transaction holds it, which has no process */

/* The process that holds a lock, or one of the above, and the run it trains (0: none). */
static void
find_holder(const ModelStore *store, const WorkLock *lock, int *pid, int64 *run)
{
	Oid			types[] = {OIDOID, OIDOID, INT4OID, OIDOID};
	Datum		values[] = {
		ObjectIdGetDatum(lock->tag.locktag_field2), ObjectIdGetDatum(lock->tag.locktag_field3),
		Int32GetDatum(lock->tag.locktag_field4), ObjectIdGetDatum(get_relname_relid("lesion_run", store->schema))
	};
	Datum		holder;
	bool		prepared;

	store_execute(store,
				  "SELECT l.pid, coalesce((SELECT max(r.objid::int8) FROM pg_locks r "
				  "WHERE r.pid = l.pid AND r.locktype = 'object' AND r.database = l.database AND r.classid = $4), 0) "
				  "AS run FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
				  "WHERE d.datname = current_database() AND l.locktype = 'object' AND l.granted "
				  "AND l.classid = $1 AND l.objid = $2 AND l.objsubid = $3 LIMIT 1",
				  lengthof(types), types, values, NULL, SPI_OK_SELECT);
	*pid = NO_PROCESS;
	*run = 0;
	if (SPI_processed == 0)
		return;
	holder = first_row_value("pid", INT4OID, &prepared);
	*pid = prepared ? PREPARED : DatumGetInt32(holder);
	*run = DatumGetInt64(first_row_needed("run", INT8OID));
}

/* The detail that names the holder of a lock. */
static int
holder_detail(int pid, int64 run)
{
	if (pid == NO_PROCESS)
		return 0;
	if (pid == PREPARED)
		return errdetail("It is a prepared transaction, of the view pg_prepared_xacts: COMMIT PREPARED or ROLLBACK "
						 "PREPARED ends it.");
	if (run != 0)
		return errdetail("It is run %lld, server process %d.", (long long) run, pid);
	return errdetail("It is server process %d.", pid);
}

/* A lock on what a table of the store has of a model. A model has a name and no number, so 47
 * bits of its digest are taken for one. The 16th bit of the part is the sign in pg_locks. */
static WorkLock
lock_of_model(const ModelStore *store, const char *table, const char *model)
{
	uint8_t		digest[SHA256_BYTES];
	uint32		object;
	uint16		part;

	sha256_digest(model, strlen(model), digest);
	memcpy(&object, digest, sizeof object);
	memcpy(&part, digest + sizeof object, sizeof part);
	return object_lock(store, table, object, part & 0x7fff);
}

/* The lock of a run. */
static WorkLock
lock_of_run(const ModelStore *store, int64 run)
{
	return object_lock(store, "lesion_run", (uint32) run, 0);
}

WorkLock
model_lock(const ModelStore *store, const char *model, LockSpan span)
{
	WorkLock	lock = lock_of_model(store, "lesion_model", model);
	int			pid;
	int64		run;

	if (take_lock(&lock, span))
		return lock;
	find_holder(store, &lock, &pid, &run);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("model \"%s\" is being trained or changed by another session", model),
			 holder_detail(pid, run),
			 pid == PREPARED ? 0 :
			 errhint("Wait until it is done, stop it with pg_cancel_backend, or train under another name.")));
}

void
promotion_lock(const ModelStore *store, const char *model)
{
	WorkLock	lock = lock_of_model(store, "lesion_promotion", model);

	(void) LockAcquire(&lock.tag, ExclusiveLock, false, false);
}

WorkLock
run_lock(const ModelStore *store, int64 run, LockSpan span)
{
	WorkLock	lock = lock_of_run(store, run);

	if (!take_lock(&lock, span))
		elog(ERROR, "the lock of run %lld is held by another session", (long long) run);
	return lock;
}

WorkLock
target_lock(const ModelStore *store, Oid target, const char *name, LockSpan span)
{
	WorkLock	lock = object_lock(store, "lesion_prediction", target, 0);
	int			pid;
	int64		run;

	if (take_lock(&lock, span))
		return lock;
	find_holder(store, &lock, &pid, &run);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("another session is predicting into %s", name),
			 holder_detail(pid, 0),
			 pid == PREPARED ? 0 :
			 errhint("Wait until it is done, or stop it with pg_cancel_backend; the view "
					 "lesion_segmentation_progress shows how far it is where the library is preloaded.")));
}

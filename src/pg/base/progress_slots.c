/*
 * progress_slots.c: see progress_slots.h.
 *
 * Each process writes only its own slot, so no lock is needed: a counter is
 * odd during a write, and a reader that sees that reads again (as in the
 * server's own pg_stat_activity). A process that ends normally clears its
 * slot; after a process was killed, the server makes new shared memory.
 */
#include "postgres.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/acl.h"

#include "pg/base/compat.h"
#include "pg/base/progress_slots.h"

typedef struct ProgressSlot
{
	pg_atomic_uint32 changes;	/* odd during a write */
	ProcessProgress progress;
} ProgressSlot;

/* One slot per process, by its number; NULL without preloading. */
static ProgressSlot *slots = NULL;

static ProcessProgress mine;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static Size
slots_size(void)
{
	return mul_size(MaxBackends, sizeof(ProgressSlot));
}

/* Request shared memory for the slots. */
static void
request_slots(void)
{
	if (previous_request_hook != NULL)
		previous_request_hook();
	RequestAddinShmemSpace(slots_size());
}

/* Make the slots, or find them. */
static void
start_slots(void)
{
	bool		found;

	if (previous_startup_hook != NULL)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	slots = ShmemInitStruct("lesionseg progress", slots_size(), &found);
	if (!found)
	{
		memset(slots, 0, slots_size());
		for (int i = 0; i < MaxBackends; i++)
			pg_atomic_init_u32(&slots[i].changes, 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
progress_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_slots;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_slots;
}

/* Clear the slot when the process ends; nothing is written to it
 * afterwards. */
static void
clear_at_exit(int code, Datum argument)
{
	memset(&mine, 0, sizeof mine);
	progress_publish();
	slots = NULL;
}

ProcessProgress *
progress_mine(void)
{
	if (slots == NULL || compat_process_number() < 0 || compat_process_number() >= MaxBackends)
		return NULL;
	if (mine.pid == 0)
	{
		before_shmem_exit(clear_at_exit, (Datum) 0);
		mine.pid = MyProcPid;
		mine.leader = MyProc->lockGroupLeader != NULL ? MyProc->lockGroupLeader->pid : MyProcPid;
		mine.database = MyDatabaseId;
		mine.role = MyProc->roleId;
	}
	return &mine;
}

void
progress_publish(void)
{
	ProgressSlot *slot = &slots[compat_process_number()];

	pg_atomic_fetch_add_u32(&slot->changes, 1);
	slot->progress = mine;
	pg_atomic_fetch_add_u32(&slot->changes, 1);
}

bool
progress_may_see(const ProcessProgress *progress)
{
	return has_privs_of_role(GetUserId(), progress->role) || has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

int
progress_count(void)
{
	return slots == NULL ? 0 : MaxBackends;
}

bool
progress_read(int i, ProcessProgress *progress)
{
	ProgressSlot *slot = &slots[i];
	uint32		before;

	do
	{
		CHECK_FOR_INTERRUPTS();
		before = pg_atomic_read_u32(&slot->changes);
		pg_read_barrier();
		*progress = slot->progress;
		pg_read_barrier();
	} while ((before & 1) != 0 || pg_atomic_read_u32(&slot->changes) != before);
	return progress->pid != 0 && progress->database == MyDatabaseId && BackendPidGetProc(progress->pid) != NULL;
}

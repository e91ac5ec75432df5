/*
 * progress.c: see progress.h.
 *
 * Each process writes its own slot alone, so no lock is needed: a counter
 * that is odd during a write tells a reader to look again (the way of the
 * server's own pg_stat_activity). A process that ends normally clears its
 * slot; after one that was killed the server makes shared memory anew.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/backendid.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/progress.h"

PG_FUNCTION_INFO_V1(lesion_progress_slots);

#define MODEL_NAME_BYTES 256	/* 63 characters of at most 4 bytes */

/* What a process says about its run. */
typedef struct RunProgress
{
	int			pid;			/* 0 = no run */
	Oid			database;
	int64		run;			/* 0 = none yet */
	char		model[MODEL_NAME_BYTES];
	ProgressPhase phase;
	int			epoch;			/* at work on, from 1; 0 = none yet */
	int			epochs;
	int64		batch;			/* done; rows while reading */
	int64		batches;
	double		images_per_second;	/* 0 = not known, as is seconds_left */
	double		loss;			/* NaN = not known, as is val_dice */
	double		val_dice;
	double		seconds_left;	/* at the time `at` */
	TimestampTz at;
} RunProgress;

typedef struct ProgressSlot
{
	pg_atomic_uint32 changes;	/* odd while being written */
	RunProgress progress;
} ProgressSlot;

static const char *const phase_names[] = {
	[PROGRESS_READING] = "reading",
	[PROGRESS_TRAINING] = "training",
	[PROGRESS_VALIDATING] = "validating",
	[PROGRESS_SCORING] = "scoring",
};

/* One slot per process, by backend id; NULL without preloading. */
static ProgressSlot *slots = NULL;

/* What this process last said, and where its training began. */
static RunProgress mine;
static TimestampTz training_began;
static int	epochs_done_before;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

/* ---- shared memory ---- */

static Size
slots_size(void)
{
	return mul_size(MaxBackends, sizeof(ProgressSlot));
}

/* Ask for the slots. */
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

/* The slot of this process, or NULL. */
static ProgressSlot *
own_slot(void)
{
	if (slots == NULL || MyBackendId < 1 || MyBackendId > MaxBackends)
		return NULL;
	return &slots[MyBackendId - 1];
}

/* Show what this process is at. */
static void
publish(void)
{
	ProgressSlot *slot = own_slot();

	if (slot == NULL)
		return;
	mine.at = GetCurrentTimestamp();
	pg_atomic_fetch_add_u32(&slot->changes, 1);
	slot->progress = mine;
	pg_atomic_fetch_add_u32(&slot->changes, 1);
}

/* Copy a slot as it was between two writes. */
static RunProgress
read_slot(ProgressSlot *slot)
{
	RunProgress progress;
	uint32		before;

	do
	{
		CHECK_FOR_INTERRUPTS();
		before = pg_atomic_read_u32(&slot->changes);
		pg_read_barrier();
		progress = slot->progress;
		pg_read_barrier();
	} while ((before & 1) != 0 || pg_atomic_read_u32(&slot->changes) != before);
	return progress;
}

/* ---- a run ---- */

/* Clear the slot when the process ends within a run. */
static void
clear_at_exit(int code, Datum argument)
{
	progress_end();
}

void
progress_begin(const char *model, int epochs)
{
	static bool registered = false;

	if (!registered)
		before_shmem_exit(clear_at_exit, (Datum) 0);
	registered = true;
	memset(&mine, 0, sizeof mine);
	mine.pid = MyProcPid;
	mine.database = MyDatabaseId;
	strlcpy(mine.model, model, sizeof mine.model);
	mine.epochs = epochs;
	mine.loss = mine.val_dice = NAN;
	publish();
}

void
progress_end(void)
{
	memset(&mine, 0, sizeof mine);
	publish();
}

void
progress_set_run(int64 run)
{
	mine.run = run;
	publish();
}

void
progress_set_phase(ProgressPhase phase, int64 batches)
{
	mine.phase = phase;
	mine.batch = 0;
	mine.batches = batches;
	publish();
}

void
progress_set_rows(int64 rows)
{
	mine.batch = rows;
	publish();
}

void
progress_set_epochs_done(int epochs_done, double val_dice)
{
	if (mine.epoch == 0)
	{
		training_began = GetCurrentTimestamp();
		epochs_done_before = epochs_done;
	}
	mine.epoch = Min(epochs_done + 1, mine.epochs);
	mine.val_dice = val_dice;
	progress_set_phase(PROGRESS_TRAINING, 0);
}

void
progress_set_batch(int epoch, int batch, int batches, double images_per_second, double loss)
{
	double		done = epoch - 1 + (double) batch / batches - epochs_done_before;
	double		left = mine.epochs - epochs_done_before - done;

	mine.phase = batch < batches ? PROGRESS_TRAINING : PROGRESS_VALIDATING;
	mine.epoch = epoch;
	mine.batch = batch;
	mine.batches = batches;
	mine.images_per_second = images_per_second;
	mine.loss = loss;
	mine.seconds_left = 1e-6 * (GetCurrentTimestamp() - training_began) * left / done;
	publish();
}

/* ---- SQL ---- */

/* Add a row for a run. */
static void
put_row(ReturnSetInfo *result, const RunProgress *progress)
{
	Datum		values[13];
	bool		nulls[13] = {false};
	bool		training = progress->phase != PROGRESS_READING;

	values[0] = Int32GetDatum(progress->pid);
	values[1] = Int64GetDatum(progress->run);
	nulls[1] = progress->run == 0;
	values[2] = CStringGetTextDatum(progress->model);
	values[3] = CStringGetTextDatum(phase_names[progress->phase]);
	values[4] = Int32GetDatum(progress->epoch);
	nulls[4] = progress->epoch == 0;
	values[5] = Int32GetDatum(progress->epochs);
	values[6] = Int64GetDatum(progress->batch);
	values[7] = Int64GetDatum(progress->batches);
	nulls[6] = nulls[7] = progress->batches == 0;
	values[8] = Float8GetDatum(progress->images_per_second);
	nulls[8] = progress->images_per_second == 0;
	values[9] = Float8GetDatum(progress->loss);
	nulls[9] = isnan(progress->loss);
	values[10] = Float8GetDatum(progress->val_dice);
	nulls[10] = isnan(progress->val_dice);
	values[11] = Float8GetDatum(progress->seconds_left);
	nulls[11] = !training || progress->images_per_second == 0;
	values[12] = TimestampTzGetDatum(progress->at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* lesion_progress_slots(): what the processes on this database say */
Datum
lesion_progress_slots(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; slots != NULL && i < MaxBackends; i++)
	{
		RunProgress progress = read_slot(&slots[i]);

		if (progress.pid != 0 && progress.database == MyDatabaseId && BackendPidGetProc(progress.pid) != NULL)
			put_row(result, &progress);
	}
	return (Datum) 0;
}

/*
 * retrain.c: the procedure lesion_retrain: a run that commits as it goes.
 *
 * Where it was called so that it may (outside of a transaction block), a
 * transaction ends after each piece of the run: other sessions see its row,
 * its log and its progress, and a checkpoint lets it go on should it be
 * stopped. What the run holds lives in the procedure's memory context, which
 * outlives transactions, as do its locks and its temporary files.
 *
 * Each piece runs in a subtransaction, as a PL runs a block that handles
 * errors: when it fails, the state of the run is written and committed, and
 * then the error goes its way. During an epoch no snapshot is held, so a run
 * of hours keeps VACUUM from nothing.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "pg/base/values/arguments.h"
#include "pg/base/caught_error.h"
#include "pg/base/settings.h"
#include "pg/base/query/spi_context.h"
#include "pg/train/checkpoint_store.h"
#include "pg/train/run_log.h"
#include "pg/train/train_run.h"

PG_FUNCTION_INFO_V1(lesion_retrain);

/* Arguments after those of lesion_train. */
typedef enum RetrainArgument
{
	ARGUMENT_RESUME = 18,
	ARGUMENT_MAX_MINUTES,
	ARGUMENT_PATIENCE,
	ARGUMENT_GROUP_COLUMN
} RetrainArgument;

typedef struct Retrain
{
	TrainRun   *run;
	bool		commits;		/* commit after each piece; else all is in the caller's transaction */
	bool		resume;
	int			patience;		/* epochs to wait for a better one; INT_MAX = no limit */
	UnfinishedRun unfinished;	/* what this run may go on with */
	Oid			role;			/* who trains */
	ErrorData  *error;			/* the error that a step raised, or NULL */
} Retrain;

typedef void (*RetrainStep) (void *work);

/* ---- steps ---- */

/* Push a snapshot, to read toasted values between queries. A commit removes
 * the snapshot of the CALL. */
static void
need_snapshot(const Retrain *job)
{
	if (job->commits)
		EnsurePortalSnapshotExists();
}

/* Check what to train. Register the run, unless it may continue a registered
 * one. */
static void
open_step(void *work)
{
	Retrain    *job = work;
	TrainRun   *run = job->run;

	if (job->commits || job->resume)
		train_run_check_checkpoints(&run->store);
	train_run_open(run, job->commits ? LOCK_SESSION : LOCK_TRANSACTION);
	if (run->plan.train.keep_last && job->patience != INT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("patience waits for a better epoch, and keep_last keeps the last"),
				 errhint("Leave one of them out.")));
	run_log_mark_lost(run);
	if (job->resume)
		job->unfinished = run_log_find_unfinished(run);
	if (job->unfinished.run != 0)
		train_run_show(run, job->unfinished.run);
	else
		train_run_register(run);
}

/* Continue the unfinished run; false if that is not possible. */
static bool
continue_unfinished(Retrain *job)
{
	TrainRun   *run = job->run;
	const UnfinishedRun *unfinished = &job->unfinished;

	run->run = unfinished->run;
	if (!unfinished->has_data || memcmp(unfinished->data_sha256, run->data_sha256, SHA256_BYTES) != 0)
	{
		ereport(NOTICE,
				(errmsg("run %lld cannot go on: what training sees of %s has changed since",
						(long long) unfinished->run,
						run->source->name)));
		return false;
	}
	if (!unfinished->is_whole)
	{
		ereport(NOTICE,
				(errmsg("run %lld cannot go on: rows of its log are missing", (long long) unfinished->run)));
		return false;
	}
	if (!checkpoint_load(run))
		return false;
	run_log_resume(run, unfinished);
	ereport(NOTICE,
			(errmsg("run %lld goes on after epoch %d of %d", (long long) run->run, run->epochs_done,
					run->request.epochs)));
	return true;
}

/* Read the images, which decide whether the run continues another or starts
 * anew. */
static void
read_step(void *work)
{
	Retrain    *job = work;
	TrainRun   *run = job->run;

	need_snapshot(job);
	train_run_read(run);
	if (job->unfinished.run != 0 && !continue_unfinished(job))
	{
		train_run_register(run);
		ereport(NOTICE,
				(errmsg("run %lld begins from the start", (long long) run->run)));
	}
	run_log_images(run);
}

/* Train an epoch; if the run commits, store a checkpoint. */
static void
epoch_step(void *work)
{
	Retrain    *job = work;

	if (train_run_epoch(job->run) && job->commits)
		checkpoint_save(job->run);
}

/* Make a version of the best weights. */
static void
finish_step(void *work)
{
	Retrain    *job = work;

	need_snapshot(job);
	train_run_finish(job->run);
	if (job->commits || job->unfinished.run != 0)
		checkpoint_drop(job->run);
}

/* Write a step's failure to the run's row. Nobody waits for good for those that hold it, and who cancels a run hardly
 * at all: without a word in its row it counts as lost, which is true, too. */
static void
fail_step(void *work)
{
	Retrain    *job = work;
	int			level = NewGUCNestLevel();

	settings_save("lock_timeout", job->error->sqlerrcode == ERRCODE_QUERY_CANCELED ? "1s" : "30s");
	run_log_fail(job->run, job->error);
	AtEOXact_GUC(true, level);
}

/* ---- transactions ---- */

/* Run a step and commit it. If either fails, write the failure to the run's row,
 * commit that, and raise the error. */
static void
run_step(Retrain *job, RetrainStep step)
{
	if (!job->commits)
	{
		step(job);
		return;
	}
	job->error = caught_in_step(step, job, job->run->context);
	if (job->error == NULL)
		job->error = caught_in_commit(job->run->context);
	if (job->error == NULL)
		return;

	/* If the failure cannot be written (for instance because the extension was
	 * dropped), raise the first error. Nothing is written as another role. */
	if (job->run->run != 0 && GetUserId() == job->role &&
		caught_in_step(fail_step, job, job->run->context) == NULL)
		(void) caught_in_commit(job->run->context);
	ReThrowError(job->error);
}

/* ---- the run ---- */

/* The argument that ends the run before its last epoch, or NULL. */
static const char *
stop_early(const Retrain *job)
{
	const TrainRun *run = job->run;

	if (run->epochs_done == 0)
		return NULL;
	if (run->epochs_done - run->best.epoch >= job->patience)
		return "patience";
	if (run->out_of_time || train_run_elapsed(run) + run->epoch_seconds > run->max_seconds)
		return "max_minutes";
	return NULL;
}

/* Report the run's result to the user. */
static void
announce_end(const TrainRun *run)
{
	const char *early = run->stopped_by == NULL ? "" :
		psprintf(" (%s ended it after epoch %d of %d)", run->stopped_by, run->epochs_done, run->request.epochs);
	const char *score = run->score.n == 0 ? "" :
		psprintf(", test Dice %.4f on %lld images", run->score.dice, (long long) run->score.n);

	ereport(NOTICE,
			(errmsg("run %lld is finished%s: version %d of model \"%s\"%s%s", (long long) run->run, early,
					run->version->number, run->request.model, run->promoted ? ", promoted" : "", score)));
}

/* Train from the first step to the last. */
static void
retrain(Retrain *job)
{
	TrainRun   *run = job->run;

	run_step(job, open_step);
	run_step(job, read_step);
	while (!train_run_done(run) && (run->stopped_by = stop_early(job)) == NULL)
		run_step(job, epoch_step);
	run_step(job, finish_step);
	announce_end(run);
}

/* The number of epochs to wait for a better one. */
static int
read_patience(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(ARGUMENT_PATIENCE))
		return INT_MAX;
	if (PG_GETARG_INT32(ARGUMENT_PATIENCE) < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("patience %d is below 1", PG_GETARG_INT32(ARGUMENT_PATIENCE)),
				 errhint("Give the number of epochs to wait for a better one, or NULL to run them all.")));
	return PG_GETARG_INT32(ARGUMENT_PATIENCE);
}

/* lesion_retrain(images, model, epochs, ..., resume, max_minutes, patience) */
Datum
lesion_retrain(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, false);
	TrainRequest request = train_request_read(fcinfo, ARGUMENT_GROUP_COLUMN);
	double		max_seconds = argument_seconds(fcinfo, ARGUMENT_MAX_MINUTES, "max_minutes");
	Retrain		job = {
		.commits = procedure_may_commit(fcinfo),
		.role = GetUserId(),
		.patience = read_patience(fcinfo),
	};

	argument_needed(fcinfo, ARGUMENT_RESUME, "resume");
	job.resume = PG_GETARG_BOOL(ARGUMENT_RESUME);
	if (!job.commits)
		ereport(NOTICE,
				(errmsg("this run commits nothing before its end, because it was called inside a transaction"),
				 errhint("CALL lesion_retrain outside of a transaction block for a run that others can watch and "
						 "that can go on when it was stopped.")));

	job.run = train_run_create(store, &request);
	job.run->max_seconds = max_seconds;
	SPI_connect_ext(job.commits ? SPI_OPT_NONATOMIC : 0);
	PG_TRY();
	{
		retrain(&job);
	}
	PG_FINALLY();
	{
		train_run_free(job.run);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

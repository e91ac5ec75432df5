/*
 * train_progress.c: see train_progress.h.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/base/values/row_values.h"
#include "pg/train/train_progress.h"

PG_FUNCTION_INFO_V1(lesion_training_slots);

static const char *const phase_names[] = {
	[PROGRESS_READING] = "reading",
	[PROGRESS_TRAINING] = "training",
	[PROGRESS_VALIDATING] = "validating",
	[PROGRESS_SCORING] = "scoring",
};

/* When the training of this process began. */
static TimestampTz training_began;
static int	epochs_done_before;

/* The training in this process's slot. */
static TrainProgress *
my_training(void)
{
	static TrainProgress unseen;
	ProcessProgress *process = progress_mine();

	return process != NULL ? &process->training : &unseen;
}

/* Publish the slot. */
static void
publish_training(TrainProgress *training)
{
	training->at = GetCurrentTimestamp();
	if (progress_mine() != NULL)
		progress_publish();
}

void
train_progress_begin(const char *model, int epochs)
{
	TrainProgress *training = my_training();

	memset(training, 0, sizeof *training);
	training->running = true;
	strlcpy(training->model, model, sizeof training->model);
	training->epochs = epochs;
	training->loss = training->val_dice = NAN;
	publish_training(training);
}

void
train_progress_end(void)
{
	TrainProgress *training = my_training();

	training->running = false;
	publish_training(training);
}

void
train_progress_run(int64 run)
{
	TrainProgress *training = my_training();

	training->run = run;
	publish_training(training);
}

void
train_progress_phase(ProgressPhase phase, int64 batches)
{
	TrainProgress *training = my_training();

	training->phase = phase;
	training->batch = 0;
	training->batches = batches;
	publish_training(training);
}

void
train_progress_rows(int64 rows)
{
	TrainProgress *training = my_training();

	training->batch = rows;
	publish_training(training);
}

void
train_progress_epochs_done(int epochs_done, double val_dice)
{
	TrainProgress *training = my_training();

	if (training->epoch == 0)
	{
		training_began = GetCurrentTimestamp();
		epochs_done_before = epochs_done;
	}
	training->epoch = Min(epochs_done + 1, training->epochs);
	training->val_dice = val_dice;
	train_progress_phase(PROGRESS_TRAINING, 0);
}

void
train_progress_batch(int epoch, int batch, int batches, double images_per_second, double loss)
{
	TrainProgress *training = my_training();
	double		done = epoch - 1 + (double) batch / batches - epochs_done_before;
	double		left = training->epochs - epochs_done_before - done;

	training->phase = batch < batches ? PROGRESS_TRAINING : PROGRESS_VALIDATING;
	training->epoch = epoch;
	training->batch = batch;
	training->batches = batches;
	training->images_per_second = images_per_second;
	training->loss = loss;
	training->seconds_left = 1e-6 * (GetCurrentTimestamp() - training_began) * left / done;
	publish_training(training);
}

/* ---- SQL ---- */

/* Add a row for a run. */
static void
put_training(ReturnSetInfo *result, int pid, const TrainProgress *training)
{
	RowBuilder	row = row_begin_in(result);

	row_set(&row, "pid", INT4OID, Int32GetDatum(pid));
	if (training->run != 0)
		row_set(&row, "run", INT8OID, Int64GetDatum(training->run));
	row_set(&row, "model", TEXTOID, CStringGetTextDatum(training->model));
	row_set(&row, "phase", TEXTOID, CStringGetTextDatum(phase_names[training->phase]));
	if (training->epoch != 0)
		row_set(&row, "epoch", INT4OID, Int32GetDatum(training->epoch));
	row_set(&row, "epochs", INT4OID, Int32GetDatum(training->epochs));
	if (training->batches != 0)
	{
		row_set(&row, "batch", INT8OID, Int64GetDatum(training->batch));
		row_set(&row, "batches", INT8OID, Int64GetDatum(training->batches));
	}
	if (training->images_per_second != 0)
		row_set_float8(&row, "images_per_second", training->images_per_second);
	row_set_float8(&row, "train_loss", training->loss);
	row_set_float8(&row, "val_dice", training->val_dice);
	if (training->phase != PROGRESS_READING && training->images_per_second != 0)
		row_set_float8(&row, "seconds_left", training->seconds_left);
	row_set(&row, "at", TIMESTAMPTZOID, TimestampTzGetDatum(training->at));
	row_put(result, &row);
}

/* lesion_training_slots(): the slots of all processes that train in this
 * database */
Datum
lesion_training_slots(PG_FUNCTION_ARGS)
{
	ProcessProgress progress;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < progress_count(); i++)
		if (progress_read(i, &progress) && progress.training.running)
			put_training((ReturnSetInfo *) fcinfo->resultinfo, progress.pid, &progress.training);
	return (Datum) 0;
}

/*
 * train.c: the SQL function lesion_train: a whole run in one transaction.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/train/run_log.h"
#include "pg/train/train_run.h"

PG_FUNCTION_INFO_V1(lesion_train);

/* The number of the last argument. */
#define ARGUMENT_GROUP_COLUMN 18

/* A figure, NULL where it is not known. */
static void
set_figure(Datum *values, bool *nulls, int column, double figure, bool known)
{
	values[column] = Float8GetDatum(figure);
	nulls[column] = !known;
}

/* The run as a lesion_training_result. */
static Datum
result_datum(const TrainRun *run, TupleDesc descriptor)
{
	Datum		values[22];
	bool		nulls[22] = {false};
	bool		validated = run->counts.validation > 0;
	bool		tested = run->score.n > 0;
	char		hex[SHA256_HEX_SIZE];

	sha256_hex(run->version->sha256, hex);
	values[0] = Int64GetDatum(run->run);
	values[1] = CStringGetTextDatum(run->request.model);
	values[2] = Int32GetDatum(run->version->number);
	values[3] = BoolGetDatum(run->promoted);
	values[4] = Int32GetDatum(run->request.epochs);
	values[5] = Int32GetDatum(run->best.epoch);
	values[6] = Float8GetDatum(run->best.train_loss);
	set_figure(values, nulls, 7, run->best.val_loss, validated);
	set_figure(values, nulls, 8, run->best.val_dice, validated);
	set_figure(values, nulls, 9, run->score.dice, tested);
	set_figure(values, nulls, 10, run->score.iou, tested);
	set_figure(values, nulls, 11, run->score.jaccard, tested);
	set_figure(values, nulls, 12, run->score.f1, tested);
	set_figure(values, nulls, 13, run->score.threshold_jaccard, tested);
	values[14] = Int32GetDatum((int32) run->counts.training);
	values[15] = Int32GetDatum((int32) run->counts.validation);
	values[16] = Int32GetDatum((int32) run->counts.test);
	values[17] = Int32GetDatum((int32) run->counts.skipped);
	values[18] = Int32GetDatum((int32) run->counts.broken);
	values[19] = Float8GetDatum(run->seconds);
	values[20] = Float8GetDatum(run->images_per_second);
	values[21] = CStringGetTextDatum(hex);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

/* lesion_train(images, model, epochs, ...) returns lesion_training_result */
Datum
lesion_train(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	ModelStore	store = store_open(fcinfo, false);
	TrainRequest request = train_request_read(fcinfo, ARGUMENT_GROUP_COLUMN);
	TupleDesc	descriptor;
	TrainRun   *run;
	Datum		result = (Datum) 0;

	PreventCommandIfReadOnly("lesion_train()");
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_train must return a row");
	descriptor = BlessTupleDesc(descriptor);

	run = train_run_create(store, &request);
	SPI_connect();
	PG_TRY();
	{
		MemoryContext spi = CurrentMemoryContext;

		train_run_open(run, LOCK_TRANSACTION);
		train_run_register(run);
		train_run_read(run);
		run_log_images(run);
		while (!train_run_done(run))
			(void) train_run_epoch(run);
		train_run_finish(run);
		MemoryContextSwitchTo(caller);
		result = result_datum(run, descriptor);
		MemoryContextSwitchTo(spi);
	}
	PG_FINALLY();
	{
		train_run_free(run);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/*
 * train.c: the SQL function lesion_train: a whole run in one transaction.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "pg/base/values/row_values.h"
#include "pg/train/run_log.h"
#include "pg/train/train_run.h"

PG_FUNCTION_INFO_V1(lesion_train);

/* The number of the last argument. */
#define ARGUMENT_GROUP_COLUMN 18

/* Set a figure; it stays NULL if it is not known. */
static void
set_figure(RowBuilder *row, const char *column, double figure, bool known)
{
	if (known)
		row_set(row, column, FLOAT8OID, Float8GetDatum(figure));
}

/* The run as a lesion_training_result. */
static Datum
result_datum(const TrainRun *run, RowBuilder *row)
{
	bool		validated = run->counts.validation > 0;
	bool		tested = run->score.n > 0;
	char		hex[SHA256_HEX_SIZE];

	sha256_hex(run->version->sha256, hex);
	row_set(row, "run", INT8OID, Int64GetDatum(run->run));
	row_set(row, "model", TEXTOID, CStringGetTextDatum(run->request.model));
	row_set(row, "version", INT4OID, Int32GetDatum(run->version->number));
	row_set(row, "promoted", BOOLOID, BoolGetDatum(run->promoted));
	row_set(row, "epochs", INT4OID, Int32GetDatum(run->request.epochs));
	row_set(row, "best_epoch", INT4OID, Int32GetDatum(run->best.epoch));
	row_set_float8(row, "train_loss", run->best.train_loss);
	set_figure(row, "val_loss", run->best.val_loss, validated);
	set_figure(row, "val_dice", run->best.val_dice, validated);
	set_figure(row, "dice", run->score.dice, tested);
	set_figure(row, "iou", run->score.iou, tested);
	set_figure(row, "jaccard", run->score.jaccard, tested);
	set_figure(row, "f1", run->score.f1, tested);
	set_figure(row, "threshold_jaccard", run->score.threshold_jaccard, tested);
	row_set(row, "training_images", INT4OID, Int32GetDatum((int32) run->counts.training));
	row_set(row, "validation_images", INT4OID, Int32GetDatum((int32) run->counts.validation));
	row_set(row, "test_images", INT4OID, Int32GetDatum((int32) run->counts.test));
	row_set(row, "skipped", INT4OID, Int32GetDatum((int32) run->counts.skipped));
	row_set(row, "broken", INT4OID, Int32GetDatum((int32) run->counts.broken));
	row_set_float8(row, "seconds", run->seconds);
	row_set_float8(row, "images_per_second", run->images_per_second);
	row_set(row, "sha256", TEXTOID, CStringGetTextDatum(hex));
	return row_datum(row);
}

/* lesion_train(images, model, epochs, ...) returns lesion_training_result */
Datum
lesion_train(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	ModelStore	store = store_open(fcinfo, false);
	TrainRequest request = train_request_read(fcinfo, ARGUMENT_GROUP_COLUMN);
	RowBuilder	row = row_begin_result(fcinfo);
	TrainRun   *run;
	Datum		result = (Datum) 0;

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
		result = result_datum(run, &row);
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

/*
 * run_log.c: see run_log.h.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "pg/base/caught_error.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/values/stored_row.h"
#include "pg/train/run_log.h"
#include "pg/train/train_masks.h"

/* A run's request, as stored in its row. */
static Datum
request_options(const TrainRun *run)
{
	return JsonbPGetDatum(train_request_jsonb(&run->request, &run->plan, run->config,
											  run->source->grouped ? run->source->group_columns : NULL));
}

void
run_log_begin(TrainRun *run)
{
	const TrainRequest *request = &run->request;
	StoredRow	row;

	stored_row_begin(&row);
	stored_row_text(&row, "model", request->model);
	stored_row_text(&row, "state", "running");
	stored_row_text(&row, "images", run->source->name);
	stored_row_int4(&row, "epochs", request->epochs);
	stored_row_int8(&row, "seed", request->seed);
	(void) stored_row_set(&row, "options", JSONBOID, request_options(run));
	stored_row_int4(&row, "pid", MyProcPid);
	stored_row_insert(&run->store, "lesion_run", &row, "RETURNING run", SPI_OK_INSERT_RETURNING);
	run->run = DatumGetInt64(first_row_needed("run", INT8OID));
	SPI_freetuptable(SPI_tuptable);
}

/* Raise an error unless the UPDATE of the run's row that was executed has changed it: policies or a trigger may keep it
 * as it was, and nobody would know what came of the run. */
static void
need_updated(const TrainRun *run)
{
	if (SPI_processed != 1)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("the row of run %lld in lesion_run cannot be changed", (long long) run->run),
				 errdetail("It was deleted, or a policy or a trigger of the table keeps it.")));
}

void
run_log_images(const TrainRun *run)
{
	const TrainCounts *counts = &run->counts;
	Oid			types[] = {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, BYTEAOID, JSONBOID};
	Datum		values[] = {
		Int64GetDatum(run->run),
		Int64GetDatum(counts->training),
		Int64GetDatum(counts->validation),
		Int64GetDatum(counts->test),
		Int64GetDatum(counts->skipped),
		Int64GetDatum(counts->broken),
		bytes_datum(run->data_sha256, SHA256_BYTES),
		JsonbPGetDatum(train_masks_jsonb(&run->masks))
	};

	StaticAssertStmt(lengthof(types) == lengthof(values), "a type for each value");
	store_execute(&run->store,
				  "UPDATE @lesion_run SET training_images = $2::int, validation_images = $3::int, "
				  "test_images = $4::int, skipped = $5::int, broken = $6::int, data_sha256 = $7, masks = $8 "
				  "WHERE run OPERATOR(pg_catalog.=) $1",
				  lengthof(types), types, values, NULL, SPI_OK_UPDATE);
	need_updated(run);
}

void
run_log_epoch(const TrainRun *run, const EpochReport *report)
{
	StoredRow	row;

	stored_row_begin(&row);
	stored_row_int8(&row, "run", run->run);
	stored_row_int4(&row, "epoch", report->epoch);
	stored_row_float8(&row, "train_loss", report->train_loss);
	if (!isnan(report->val_dice))	/* there are validation rows */
	{
		(void) stored_row_set(&row, "val_loss", FLOAT8OID, Float8GetDatum(report->val_loss));
		stored_row_float8(&row, "val_dice", report->val_dice);
	}
	stored_row_float8(&row, "learning_rate", report->learning_rate);
	stored_row_float8(&row, "images_per_second", report->images_per_second);
	stored_row_float8(&row, "seconds", report->seconds);
	(void) stored_row_set(&row, "best", BOOLOID, BoolGetDatum(report->best));
	stored_row_insert(&run->store, "lesion_epoch", &row, "", SPI_OK_INSERT);
}

void
run_log_finish(const TrainRun *run)
{
	Oid			types[] = {INT8OID, INT4OID, INT4OID, FLOAT8OID, FLOAT8OID, TEXTOID};
	char		nulls[] = "      ";
	Datum		values[] = {
		Int64GetDatum(run->run),
		Int32GetDatum(run->version->number),
		Int32GetDatum(run->best.epoch),
		Float8GetDatum(run->seconds),
		Float8GetDatum(run->images_per_second),
		(Datum) 0
	};

	if (run->stopped_by != NULL)
		values[5] = CStringGetTextDatum(run->stopped_by);
	else
		nulls[5] = 'n';
	store_execute(&run->store,
				  "UPDATE @lesion_run SET state = 'finished', version = $2, best_epoch = $3, seconds = $4, "
				  "images_per_second = $5, stopped_by = $6, finished_at = pg_catalog.clock_timestamp() "
				  "WHERE run OPERATOR(pg_catalog.=) $1",
				  lengthof(types), types, values, nulls, SPI_OK_UPDATE);
	need_updated(run);
}

/* ---- runs that end otherwise ---- */

void
run_log_fail(const TrainRun *run, const ErrorData *error)
{
	bool		cancelled = error->sqlerrcode == ERRCODE_QUERY_CANCELED;
	Oid			types[] = {INT8OID, TEXTOID, TEXTOID, TEXTOID};
	Datum		values[] = {
		Int64GetDatum(run->run),
		CStringGetTextDatum(cancelled ? "cancelled" : "failed"),
		CStringGetTextDatum(error_text(error->message)),
		CStringGetTextDatum(unpack_sql_state(error->sqlerrcode))
	};

	/* After a commit that failed another session may have taken the run up: no lock was left. */
	store_execute(&run->store,
				  "UPDATE @lesion_run SET state = $2, error = $3, sqlstate = $4, "
				  "finished_at = pg_catalog.clock_timestamp() "
				  "WHERE run OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'running' "
				  "AND pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()",
				  lengthof(types), types, values, NULL, SPI_OK_UPDATE);
}

void
run_log_mark_lost(const TrainRun *run)
{
	Oid			types[] = {TEXTOID};
	Datum		values[] = {CStringGetTextDatum(run->request.model)};

	/* Nobody saw when it ended: take the time of its last sign of life. */
	store_execute(&run->store,
				  "UPDATE @lesion_run r SET state = 'lost', finished_at = "
				  "coalesce((SELECT pg_catalog.max(e.at) FROM @lesion_epoch e "
				  "WHERE e.run OPERATOR(pg_catalog.=) r.run), r.started_at) "
				  "WHERE model OPERATOR(pg_catalog.=) $1 AND state OPERATOR(pg_catalog.=) 'running'",
				  1, types, values, NULL, SPI_OK_UPDATE);
}

/* Find out what an unfinished run saw. The view shows it to who started the run. */
static void
find_data(const ModelStore *store, UnfinishedRun *unfinished)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(unfinished->run)};
	bool		isnull = true;
	Datum		data = 0;

	store_execute(store, "SELECT data_sha256 FROM @lesion_runs WHERE run = $1", lengthof(types), types, values, NULL,
				  SPI_OK_SELECT);
	if (SPI_processed > 0)		/* it may have been deleted meanwhile */
		data = first_row_value("data_sha256", BYTEAOID, &isnull);
	unfinished->has_data = !isnull;
	if (!isnull)
		bytes_copy(data, unfinished->data_sha256, SHA256_BYTES);
	SPI_freetuptable(SPI_tuptable);
}

UnfinishedRun
run_log_find_unfinished(const TrainRun *run)
{
	const TrainRequest *request = &run->request;
	UnfinishedRun unfinished = {0};
	Oid			types[] = {TEXTOID, TEXTOID, INT4OID, INT8OID, JSONBOID};
	Datum		values[] = {
		CStringGetTextDatum(request->model),
		CStringGetTextDatum(run->source->name),
		Int32GetDatum(request->epochs),
		Int64GetDatum(request->seed),
		request_options(run)
	};

	StaticAssertStmt(lengthof(types) == lengthof(values), "a type for each value");
	store_execute(&run->store,
				  "SELECT r.run, c.epoch = (SELECT count(*) FROM @lesion_epoch e WHERE e.run = r.run) AS is_whole "
				  "FROM @lesion_run r JOIN @lesion_checkpoint c USING (run) "
				  "WHERE r.model = $1 AND r.images = $2 AND r.epochs = $3 AND r.seed = $4 AND r.options = $5 "
				  "AND r.state <> 'finished' AND r.started_by = current_user::pg_catalog.text "
				  "ORDER BY r.run DESC LIMIT 1",
				  lengthof(types), types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed > 0)
	{
		unfinished.run = DatumGetInt64(first_row_needed("run", INT8OID));
		unfinished.is_whole = DatumGetBool(first_row_needed("is_whole", BOOLOID));
	}
	SPI_freetuptable(SPI_tuptable);
	if (unfinished.run != 0)
		find_data(&run->store, &unfinished);
	return unfinished;
}

/* Take the best epoch and the time spent so far from the log. */
static void
read_epochs(TrainRun *run)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(run->run)};

	store_execute(&run->store,
				  "SELECT b.epoch, b.train_loss, b.val_loss, b.val_dice, s.n, s.per_image, s.seconds, s.last FROM "
				  "(SELECT * FROM @lesion_epoch WHERE run = $1 AND best ORDER BY epoch DESC LIMIT 1) b, "
				  "(SELECT pg_catalog.count(*)::int AS n, pg_catalog.sum(1 / images_per_second) AS per_image, "
				  "pg_catalog.sum(seconds) AS seconds, "
				  "(pg_catalog.array_agg(seconds ORDER BY epoch DESC))[1] AS last "
				  "FROM @lesion_epoch WHERE run = $1) s",
				  1, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed > 0)
	{
		run->best.epoch = DatumGetInt32(first_row_needed("epoch", INT4OID));
		run->best.train_loss = first_row_float8("train_loss");
		run->best.val_loss = first_row_float8("val_loss");
		run->best.val_dice = first_row_float8("val_dice");
		run->epochs_done = DatumGetInt32(first_row_needed("n", INT4OID));
		run->training_seconds = first_row_float8("per_image");
		run->images_per_second = run->epochs_done / run->training_seconds;
		run->earlier_seconds = first_row_float8("seconds");
		run->epoch_seconds = first_row_float8("last");
	}
	SPI_freetuptable(SPI_tuptable);
}

void
run_log_resume(TrainRun *run, const UnfinishedRun *unfinished)
{
	Oid			types[] = {INT8OID, INT4OID};
	Datum		values[] = {Int64GetDatum(unfinished->run), Int32GetDatum(MyProcPid)};

	store_execute(&run->store,
				  "UPDATE @lesion_run SET state = 'running', error = NULL, sqlstate = NULL, finished_at = NULL, "
				  "pid = $2, resumed = resumed OPERATOR(pg_catalog.+) 1 WHERE run OPERATOR(pg_catalog.=) $1",
				  2, types, values, NULL, SPI_OK_UPDATE);
	need_updated(run);
	run->run = unfinished->run;
	read_epochs(run);
}

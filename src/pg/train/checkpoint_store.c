/*
 * checkpoint_store.c: see checkpoint_store.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/base/values/stored_row.h"
#include "pg/models/dump_size.h"
#include "pg/train/checkpoint_store.h"

/* The engine that computes the run: "onednn bf16, 2 threads". Two runs agree
 * bit for bit only with the same engine. */
static char *
engine_text(const TrainRun *run)
{
	EngineNames names = settings_engine_names(&run->plan.train.engine);

	return psprintf("%s %s, %d threads", names.backend, names.precision, run->call->threads);
}

/* Remove checkpoints of the caller's other runs of the model; those runs are
 * over, since the caller has the model locked. What another role has begun may
 * still go on. */
static void
drop_others(const TrainRun *run)
{
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[] = {CStringGetTextDatum(run->request.model), Int64GetDatum(run->run)};

	store_execute(&run->store,
				  "DELETE FROM @lesion_checkpoint c USING @lesion_run r "
				  "WHERE r.run OPERATOR(pg_catalog.=) c.run AND r.model OPERATOR(pg_catalog.=) $1 "
				  "AND r.run OPERATOR(pg_catalog.<>) $2 "
				  "AND r.started_by OPERATOR(pg_catalog.=) current_user::pg_catalog.text",
				  2, types, values, NULL, SPI_OK_DELETE);
}

/* Say once that a run has no checkpoint. */
static void
warn_of_size(const TrainRun *run, size_t size)
{
	if (run->epochs_done > 1)
		return;
	ereport(WARNING,
			(errmsg("run %lld has no checkpoint: its %zu MB cannot be replicated", (long long) run->run, size >> 20),
			 errdetail("Logical replication of the table would stop for good at such a row."),
			 errhint("Should the run be stopped, it begins anew. A narrower network has a smaller checkpoint.")));
}

void
checkpoint_save(const TrainRun *run)
{
	StoredRow	row;
	Datum		state;
	void	   *bytes;
	size_t		size;

	check_status(run->call, trainer_save(run->trainer, run->call, &bytes, &size));
	if (!store_can_write(size))
	{
		call_free(run->call, bytes);
		warn_of_size(run, size);
		return;
	}
	state = bytes_datum(bytes, size);
	call_free(run->call, bytes);

	drop_others(run);
	stored_row_begin(&row);
	stored_row_int8(&row, "run", run->run);
	stored_row_int4(&row, "epoch", run->epochs_done);
	(void) stored_row_set(&row, "state", BYTEAOID, state);
	stored_row_text(&row, "engine", engine_text(run));
	stored_row_insert(&run->store, "lesion_checkpoint", &row,
					  "ON CONFLICT (run) DO UPDATE SET epoch = EXCLUDED.epoch, state = EXCLUDED.state, "
					  "engine = EXCLUDED.engine, saved_at = pg_catalog.clock_timestamp()", SPI_OK_INSERT);
	pfree(DatumGetPointer(state));
}

bool
checkpoint_load(const TrainRun *run)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(run->run)};
	char	   *engine;
	ByteView	state;
	Status		status;

	store_execute(&run->store, "SELECT state, engine FROM @lesion_checkpoint WHERE run = $1",
				  1, types, values, NULL, SPI_OK_SELECT);
	if (SPI_processed == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the checkpoint of run %lld is gone", (long long) run->run),
				 errhint("What reads or writes the images, such as a function of a view, may have ended that run. "
						 "Call again.")));
	state = bytes_view(first_row_needed("state", BYTEAOID));
	engine = TextDatumGetCString(first_row_needed("engine", TEXTOID));
	status = trainer_restore(run->trainer, state.bytes, state.size);
	bytes_release(&state);

	if (status.code == LS_OK && strcmp(engine, engine_text(run)) != 0)
		ereport(WARNING,
				(errmsg("run %lld goes on with %s, it was begun with %s", (long long) run->run, engine_text(run),
						engine),
				 errdetail("Its weights will not be bit for bit those of an uninterrupted run.")));
	SPI_freetuptable(SPI_tuptable);
	if (status.code != LS_OK)
		ereport(NOTICE,
				(errmsg("run %lld cannot go on: %s", (long long) run->run, status.message)));
	return status.code == LS_OK;
}

void
checkpoint_drop(const TrainRun *run)
{
	Oid			types[] = {INT8OID};
	Datum		values[] = {Int64GetDatum(run->run)};

	store_execute(&run->store, "DELETE FROM @lesion_checkpoint WHERE run OPERATOR(pg_catalog.=) $1",
				  1, types, values, NULL, SPI_OK_DELETE);
}

/*
 * fold_runs.c: which run has trained a fold of a cross-validation.
 *
 * Whoever may train can train a model of that name: on other images, for other
 * epochs. Its scores would pass for those of the fold. So a run is compared
 * with what the plan asks for, which a run's row holds in full.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "pg/base/values/row_values.h"
#include "pg/models/model_config.h"
#include "pg/train/folds.h"

/* Was the run of that row asked for what the plan says? */
static bool
is_planned(const CrossValidation *task, const ImagesSource *images, HeapTuple row, TupleDesc columns)
{
	const Architecture *architecture = config_architecture(TextDatumGetCString(task->values[ARGUMENT_ARCHITECTURE]));
	TrainRequest request = folds_request(task);
	TrainPlan	plan;
	ArchConfig	config;
	bool		no_rate;
	Datum		rate = row_named_value(row, columns, "learning_rate", FLOAT8OID, &no_rate);
	Jsonb	   *wanted;

	if (!DatumGetBool(row_named_needed(row, columns, "same", BOOLOID)) ||
		strcmp(TextDatumGetCString(row_named_needed(row, columns, "images", TEXTOID)), images->name) != 0)
		return false;
	request.has_learning_rate = !no_rate;
	request.learning_rate = no_rate ? 0 : DatumGetFloat8(rate);
	request.image_size = DatumGetInt32(row_named_needed(row, columns, "image_size", INT4OID));
	request.test_fraction = DatumGetFloat8(row_named_needed(row, columns, "test_fraction", FLOAT8OID));
	request.options = DatumGetJsonbP(row_named_needed(row, columns, "options", JSONBOID));
	plan = train_request_plan(&request, architecture);
	config = config_read(architecture, DatumGetJsonbP(row_named_needed(row, columns, "config", JSONBOID)));
	wanted = train_request_jsonb(&request, &plan, config_jsonb(architecture, &config),
								 images->grouped ? images->group_columns : NULL);
	return DatumGetBool(DirectFunctionCall2(jsonb_eq, JsonbPGetDatum(wanted),
											row_named_needed(row, columns, "asked", JSONBOID)));
}

/* Note a run that trained a fold, unless another is noted. */
static void
note_run(const CrossValidation *task, Datum run)
{
	Oid			types[] = {TEXTOID, INT8OID};
	Datum		values[] = {task->values[ARGUMENT_MODEL], run};

	store_execute(&task->store,
				  "UPDATE @lesion_fold f SET run = r.run FROM @lesion_run r "
				  "WHERE f.model OPERATOR(pg_catalog.=) $1 AND f.run IS NULL "
				  "AND r.run OPERATOR(pg_catalog.=) $2 AND r.model OPERATOR(pg_catalog.=) f.fold_model",
				  lengthof(types), types, values, NULL, SPI_OK_UPDATE);
}

/* Raise an error: the fold of that row has a run of somebody else. */
static void
refuse_run(HeapTuple row, TupleDesc columns)
{
	char	   *model = TextDatumGetCString(row_named_needed(row, columns, "fold_model", TEXTOID));

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("model \"%s\" has a run that is not of this cross-validation", model),
			 errdetail("Run %lld was started by \"%s\" on %s.",
					   (long long) DatumGetInt64(row_named_needed(row, columns, "run", INT8OID)),
					   TextDatumGetCString(row_named_needed(row, columns, "started_by", TEXTOID)),
					   TextDatumGetCString(row_named_needed(row, columns, "images", TEXTOID))),
			 errhint("Drop the model with lesion_model_drop and call again: the fold is trained anew.")));
}

/* Select the runs that may have trained a fold that has none yet. */
static void
select_runs(const CrossValidation *task)
{
	folds_execute(task,
				  "SELECT " FOLD_COLUMNS ", f.config, r.run, r.images, r.started_by, "
				  "r.options AS asked, r.epochs = $5 AND r.seed = $14 "
				  "AND r.started_by IN (f.planned_by, current_user::text) AND r.stopped_by IS NULL AS same "
				  "FROM @lesion_fold f JOIN @lesion_run r ON r.model = f.fold_model AND r.state = 'finished' "
				  "WHERE f.model = $4 AND f.run IS NULL ORDER BY r.run", SPI_OK_SELECT);
}

void
fold_runs_note(const CrossValidation *task)
{
	SPITupleTable *runs;
	ImagesSource *images;
	uint64		count;

	select_runs(task);
	runs = SPI_tuptable;
	count = SPI_processed;
	if (count == 0)
		return;
	images = folds_images(task);
	for (uint64 i = 0; i < count; i++)
		if (is_planned(task, images, runs->vals[i], runs->tupdesc))
			note_run(task, row_named_needed(runs->vals[i], runs->tupdesc, "run", INT8OID));
	select_runs(task);
	if (SPI_processed > 0)
		refuse_run(SPI_tuptable->vals[0], SPI_tuptable->tupdesc);
}

/*
 * ensemble_fit.c: the SQL function lesion_ensemble_fit.
 *
 * Members are weighed on the validation rows: those of the training part
 * that the members' trainings held back, so that the test part stays unseen.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "learn/ensemble/ensemble_fit.h"
#include "pg/base/values/arguments.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/host.h"
#include "pg/base/values/json_values.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/seen.h"
#include "pg/segment/segment_progress.h"
#include "pg/base/split.h"
#include "pg/models/active/active_version.h"
#include "pg/models/ensemble_version.h"
#include "pg/models/work_lock.h"
#include "pg/segment/model_segment.h"

PG_FUNCTION_INFO_V1(lesion_ensemble_fit);

/* Arguments of lesion_ensemble_fit. */
enum
{
	ARGUMENT_MODEL, ARGUMENT_IMAGES, ARGUMENT_IMAGE_COLUMN, ARGUMENT_MASK_COLUMN, ARGUMENT_ID_COLUMN,
	ARGUMENT_VALIDATION_FRACTION, ARGUMENT_TTA, ARGUMENT_PROMOTE, ARGUMENT_GROUP_COLUMN, ARGUMENT_SEED
};

/* Maps are compared at this size at most. */
#define FIT_SIZE 256

typedef struct FitTask
{
	ModelStore	store;
	char	   *model;
	EvaluationTask rows;		/* which rows to fit on: the first member's validation rows */
	bool		tta;
	bool		promote;
	int64		seed;			/* of the draws */
	EnsembleContent content;
	int			active;			/* version when it began */
	int64		images;
	EnsembleFitResult result;
} FitTask;

/* Raise an error if the maps of one more row would take more memory than the
 * caller may have. */
static void
check_room(const FitTask *task, const Host *host, int size)
{
	double		bytes = (double) (task->images + 1) * (task->content.count + 1) * size * size;

	if (bytes > (double) host->max_memory)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the maps of %lld images need %.0f MB, the limit is %.0f MB", (long long) task->images + 1,
						ceil(bytes / 1e6), host->max_memory / 1e6),
				 errhint("Raise lesionseg.max_memory, or fit on fewer rows with a view.")));
}

/* Add the members' maps of a fetched row. */
static Status
add_row(const FitTask *task, const ImageRow *row, const Call *call, EnsembleFit *fit)
{
	ProbabilityMap maps[ENSEMBLE_MAX_MEMBERS] = {0};
	SegmentOptions options = {.threshold = 0.5,.tta = task->tta,.as_trained = true};
	Image		truth;
	Status		status;

	TRY(images_decode_mask(call, row, options.turn, &truth));
	status = model_maps(&task->store, task->content.members, task->content.count, call, &row->image, &options, maps);
	if (status.code == LS_OK)
		status = ensemble_fit_add(fit, call, maps, &truth);
	for (int i = 0; i < task->content.count; i++)
		probability_map_free(call, &maps[i]);
	image_free(call, &truth);
	return status;
}

/* Warn if there are few images to fit weights on. */
static void
warn_few(const FitTask *task)
{
	if (task->images >= ENSEMBLE_FIT_MIN_IMAGES)
		return;
	ereport(WARNING,
			(errmsg("%lld images are few to weigh %d members by", (long long) task->images, task->content.count),
			 errdetail("Weights found on draws of them beat equal weights on the images left out in %.0f %% of the "
					   "draws: %s.", 100 * task->result.helped,
					   task->result.equal ? "equal weights are kept" : "they are taken"),
			 errhint("With %d images and more, weights are taken that help in most draws.", ENSEMBLE_FIT_MIN_IMAGES)));
}

/* Find the weights. */
static void
fit_weights(FitTask *task)
{
	const Host *host = host_create(CurrentMemoryContext);
	Call	   *solving = call_create(CurrentMemoryContext, 1);
	BrokenRows	broken = {task->rows.source};
	SeenImages	seen[ENSEMBLE_MAX_MEMBERS];
	EnsembleFit *fit;
	ImagesScan	scan;
	ImageRow	row;
	int64		rows;
	int			size = 0;
	MemoryContext progress;

	for (int i = 0; i < task->content.count; i++)
	{
		size = Max(size, task->content.members[i]->traits.image_size);
		seen[i] = seen_open(&task->store, task->content.members[i]);
	}
	size = Min(size, FIT_SIZE);
	check_status(solving, ensemble_fit_create(host, task->content.count, size, &fit));
	images_count(task->rows.source, &rows, &broken.usable);
	progress = segment_progress_job("ensemble_fit", images_wanted(task->rows.source, evaluation_contains, &task->rows));
	images_begin(task->rows.source, evaluation_contains, &task->rows, &scan);
	while (images_next(&scan, &row))
	{
		Call	   *call;

		check_room(task, host, size);
		images_fetch(&scan, &row);
		call = call_create(CurrentMemoryContext, settings_threads(false));
		if (!broken_row(&broken, call, row.id, add_row(task, &row, call, fit)))
		{
			task->images++;
			for (int i = 0; i < task->content.count; i++)
				seen[i].seen += seen_contains(&seen[i], &row);
		}
		call_destroy(call);
		segment_progress_image(task->model, task->active);
	}
	images_end(&scan);
	MemoryContextDelete(progress);
	broken_check(&broken, task->images + broken.broken);
	if (task->images == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no row of %s is a validation row", task->rows.source->name),
				 errhint("Add rows, or raise validation_fraction (now %g).", task->rows.split.validation_fraction)));
	for (int i = 0; i < task->content.count; i++)
		seen_warn(task->content.members[i], &task->rows.split, task->rows.subset, seen_count(&seen[i]), task->images);
	check_status(solving, ensemble_fit_solve(fit, solving, (uint64_t) task->seed, task->content.weights,
											 &task->result));
	warn_few(task);
	ensemble_fit_free(fit);
	call_destroy(solving);
}

/* The version's metadata: how it was made. */
static Jsonb *
fit_metadata(const FitTask *task)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_string(&builder, "fitted_on", task->rows.source->name);
	if (task->rows.source->viewed_as != NULL)
		json_add_string(&builder, "viewed_as", task->rows.source->viewed_as);
	json_add_number(&builder, "images", task->images);
	json_add_number(&builder, "validation_fraction", task->rows.split.validation_fraction);
	json_add_boolean(&builder, "tta", task->tta);
	json_add_number(&builder, "jaccard", task->result.jaccard);
	json_add_number(&builder, "equal_jaccard", task->result.equal_jaccard);
	json_add_number(&builder, "helped", task->result.helped);
	json_add_boolean(&builder, "equal_weights", task->result.equal);
	json_add_number(&builder, "seed", (double) task->seed);
	return json_end(&builder);
}

/* The result's row. */
static Datum
result_datum(const FitTask *task, const ModelVersion *version, TupleDesc descriptor)
{
	Datum		names[ENSEMBLE_MAX_MEMBERS];
	Datum		weights[ENSEMBLE_MAX_MEMBERS];
	RowBuilder	row = row_begin(descriptor);
	int			count = task->content.count;

	for (int i = 0; i < count; i++)
	{
		names[i] = CStringGetTextDatum(task->content.names[i]);
		weights[i] = Float8GetDatum(task->content.weights[i]);
	}
	row_set(&row, "version", INT4OID, Int32GetDatum(version->number));
	row_set(&row, "members", TEXTARRAYOID,
			PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT)));
	row_set(&row, "weights", FLOAT8ARRAYOID,
			PointerGetDatum(construct_array(weights, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL,
											TYPALIGN_DOUBLE)));
	row_set_float8(&row, "threshold", task->result.fitted.threshold);
	row_set(&row, "n", INT8OID, Int64GetDatum(task->images));
	row_set_float8(&row, "jaccard", task->result.jaccard);
	row_set_float8(&row, "equal_jaccard", task->result.equal_jaccard);
	return row_datum(&row);
}

/* List the members of the ensemble's active version. */
static void
take_members(FitTask *task)
{
	ModelVersion *version = store_need_version(&task->store, task->model, NULL);

	if (!is_ensemble(version->architecture))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" is not an ensemble", task->model),
				 errhint("Make one with lesion_model_create('name', 'ensemble', '{\"members\": [...]}').")));
	task->active = version->number;
	task->content.count = version->member_count;
	for (int i = 0; i < version->member_count; i++)
		task->content.names[i] = version->members[i]->model;
	ensemble_find_members(&task->store, &task->content, NULL);
}

/* lesion_ensemble_fit(model, images, image_column, mask_column, id_column,
 * validation_fraction, tta, promote, group_column, seed) returns record */
Datum
lesion_ensemble_fit(PG_FUNCTION_ARGS)
{
	FitTask		task = {
		.store = store_open(fcinfo, false),
		.model = argument_text(fcinfo, ARGUMENT_MODEL, "model"),
		.rows = {.subset = "validation"},
		.tta = !PG_ARGISNULL(ARGUMENT_TTA) && PG_GETARG_BOOL(ARGUMENT_TTA),
		.promote = PG_ARGISNULL(ARGUMENT_PROMOTE) || PG_GETARG_BOOL(ARGUMENT_PROMOTE),
	};
	Oid			images = argument_oid(fcinfo, ARGUMENT_IMAGES, "images");
	ImagesColumns columns = {0};
	MemoryContext caller = CurrentMemoryContext;
	ModelVersion *version;
	TupleDesc	descriptor;
	Datum		result;

	argument_needed(fcinfo, ARGUMENT_SEED, "seed");
	task.seed = PG_GETARG_INT64(ARGUMENT_SEED);
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_ensemble_fit must return a row");
	descriptor = BlessTupleDesc(descriptor);
	store_check_rights(&task.store, "lesion_version", ACL_INSERT, "fit an ensemble");
	if (task.promote)
		store_check_rights(&task.store, "lesion_promotion", ACL_INSERT, "fit and promote an ensemble");

	SPI_connect();
	model_lock(&task.store, task.model, LOCK_TRANSACTION);
	take_members(&task);
	columns.image = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column");
	columns.mask = argument_text(fcinfo, ARGUMENT_MASK_COLUMN, "mask_column");
	columns.id = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN);
	task.rows.version = task.content.members[0];
	evaluation_open(&task.rows, images, &columns, argument_text_or_null(fcinfo, ARGUMENT_GROUP_COLUMN));
	if (!PG_ARGISNULL(ARGUMENT_VALIDATION_FRACTION))
		task.rows.split.validation_fraction = PG_GETARG_FLOAT8(ARGUMENT_VALIDATION_FRACTION);
	split_check_fraction("validation_fraction", task.rows.split.validation_fraction);
	fit_weights(&task);
	task.content.fitted = task.result.fitted;
	task.content.metadata = fit_metadata(&task);
	version = ensemble_add_version(&task.store, task.model, &task.content);
	if (task.promote)
		(void) store_promote_over(&task.store, task.model, version->number, "fit", &task.active);
	MemoryContextSwitchTo(caller);
	result = result_datum(&task, version, descriptor);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

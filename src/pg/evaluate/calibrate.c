/*
 * calibrate.c: the SQL function lesion_calibrate: a version with the weights of
 * another, whose threshold, temperature, coefficients of the predicted Dice and
 * review threshold are fitted to the caller's rows, by the code and at the image
 * size by which a training fits its own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/memutils.h"

#include "infer/calibration.h"
#include "learn/dataset.h"
#include "learn/validation.h"
#include "pg/base/call.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/split.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/json_values.h"
#include "pg/base/values/row_values.h"
#include "pg/evaluate/split_arguments.h"
#include "pg/models/ensemble.h"
#include "pg/models/model_config.h"
#include "pg/models/work_lock.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/promotion.h"
#include "pg/segment/seen.h"
#include "pg/segment/segment_progress.h"

PG_FUNCTION_INFO_V1(lesion_calibrate);

/* Arguments of lesion_calibrate. */
enum
{
	ARGUMENT_MODEL, ARGUMENT_IMAGES, ARGUMENT_SUBSET, ARGUMENT_IMAGE_COLUMN, ARGUMENT_MASK_COLUMN, ARGUMENT_ID_COLUMN,
	ARGUMENT_GROUP_COLUMN, ARGUMENT_VERSION, ARGUMENT_SPLIT_SEED, ARGUMENT_TEST_FRACTION,
	ARGUMENT_VALIDATION_FRACTION, ARGUMENT_PROMOTE, ARGUMENT_THRESHOLD
};

/* Images predicted at a time, as many as a training's batch has. */
#define CALIBRATION_BATCH 8

typedef struct Calibration
{
	ModelStore	store;
	PromoteRule promote;
	ModelVersion *version;		/* whose weights these are */
	ModelVersion *active;		/* NULL = there is none */
	EvaluationTask rows;		/* which rows to fit to */
	Call	   *call;			/* of network and images */
	Network    *network;
	Dataset    *images;
	SeenImages	trained_on;
	double		threshold;		/* to keep; 0 = find the best */
	Traits		fitted;
	ModelVersion *made;
	bool		promoted;
} Calibration;

/* Load the version's network. */
static void
load_network(Calibration *task)
{
	const Architecture *architecture = config_architecture(task->version->architecture);
	ArchConfig	config = config_read(architecture, task->version->config);
	ByteView	weights = store_weights(&task->store, task->version);

	check_status(task->call, network_create(&task->call->host, architecture, &config, &task->network));
	check_argument(task->call, psprintf("version %d of model \"%s\"", task->version->number, task->version->model),
				   network_load(task->network, task->call, weights.bytes, weights.size));
	bytes_release(&weights);
}

/* Decode the rows to fit to, at the network's size. */
static void
read_images(Calibration *task)
{
	const EvaluationTask *rows = &task->rows;
	BrokenRows	broken = {rows->source};
	ImagesScan	scan;
	ImageRow	row;
	int64		all;
	MemoryContext progress;

	check_status(task->call, dataset_create(&task->call->host, task->version->traits.image_size,
											(size_t) (task->call->host.max_memory * DATASET_MEMORY_SHARE),
											&task->images));
	dataset_enhance(task->images, task->version->traits.enhance);
	images_count(rows->source, &all, &broken.usable);
	progress = segment_progress_job("calibrate", images_wanted(rows->source, evaluation_contains, rows));
	images_begin(rows->source, evaluation_contains, rows, &scan);
	while (images_next(&scan, &row))
	{
		Status		status;

		images_fetch(&scan, &row);
		status = dataset_add(task->images, task->call, row.image.bytes, row.image.size, row.mask.bytes,
							 row.mask.size, NULL);
		if (!broken_row(&broken, task->call, row.id, status))
			task->trained_on.seen += seen_contains(&task->trained_on, &row);
		segment_progress_image(task->version->model, task->version->number);
	}
	images_end(&scan);
	MemoryContextDelete(progress);
	broken_check(&broken, dataset_count(task->images) + broken.broken);
	seen_warn(task->version, &rows->split, rows->subset, seen_count(&task->trained_on), dataset_count(task->images));
}

/* Raise an error where there are too few images: what is fitted to them would be
 * the defaults. */
static void
check_images(const Calibration *task)
{
	long		count = dataset_count(task->images);

	if (count < CALIBRATION_MIN_IMAGES)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%ld images of %s in subset \"%s\" are too few to calibrate on, %d are needed", count,
						task->rows.source->name, task->rows.subset, CALIBRATION_MIN_IMAGES),
				 errhint("Add rows, raise validation_fraction (now %g), or fit to all rows with subset => 'all'.",
						 task->rows.split.validation_fraction)));
}

/* Fit the traits, as a training does at its end. */
static void
fit_traits(Calibration *task)
{
	EngineChoice engine = settings_engine();
	Validation *validation;
	Status		status;

	task->fitted = task->version->traits;
	check_status(task->call, validation_create(task->network, task->call, &engine, task->images, CALIBRATION_BATCH,
											   &validation));
	status = validation_fit(validation, task->call, task->threshold, &task->fitted);
	validation_free(validation);	/* before an error is raised: oneDNN's memory goes with no context */
	check_status(task->call, status);
}

/* The new version's metadata: where it comes from. */
static Jsonb *
calibration_metadata(const Calibration *task)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_number(&builder, VERSION_CALIBRATED, task->version->number);
	json_add_string(&builder, "calibrated_on", task->rows.source->name);
	if (task->rows.source->viewed_as != NULL)
		json_add_string(&builder, "viewed_as", task->rows.source->viewed_as);
	json_add_string(&builder, "subset", task->rows.subset);
	json_add_number(&builder, "images", (double) dataset_count(task->images));
	return json_end(&builder);
}

/* Add the version: the same bytes as the other's, so that their SHA-256 is the
 * same. Its split is that by which the rows were taken. */
static void
add_version(Calibration *task)
{
	ByteView	weights = store_weights(&task->store, task->version);
	NewVersion	content = {
		.config = task->version->config,
		.weights = weights.bytes,
		.weights_size = weights.size,
		.traits = task->fitted,
		.split = task->rows.split.columns != NULL ? task->rows.split : task->version->split,
		.metadata = calibration_metadata(task),
	};

	if (task->trained_on.complete || task->trained_on.digests.count > 0)
		content.image_digests = image_digests_datum(&task->trained_on.digests);
	content.images_unknown = !task->trained_on.complete;
	task->made = store_add_version(&task->store, task->version->model, &content);
	bytes_release(&weights);
}

/*
 * Promote the new version if it shall be. Where the active one has the same
 * weights, masks as good as its own are enough: only calibration differs, which
 * Dice does not see.
 */
static void
promote(Calibration *task)
{
	TestPart	part = {.store = &task->store,.source = task->rows.source,.split = task->rows.split};
	PromoteRule rule = task->promote;
	Evaluation	scores = {0};

	if (rule == PROMOTE_IF_BETTER && task->active != NULL)
	{
		if (memcmp(task->made->sha256, task->active->sha256, SHA256_BYTES) == 0)
			rule = PROMOTE_IF_NOT_WORSE;
		if (task->rows.split.columns != NULL)
			scores = test_part_score(&part, task->made);
	}
	task->promoted = promote_by_rule(&part, rule, task->made, &scores, task->active);
}

/* Find the version and open the rows. */
static void
open_task(FunctionCallInfo fcinfo, Calibration *task, const char *model)
{
	int			number = PG_ARGISNULL(ARGUMENT_VERSION) ? 0 : PG_GETARG_INT32(ARGUMENT_VERSION);
	ImagesColumns columns = {0};

	task->version = store_need_version(&task->store, model, PG_ARGISNULL(ARGUMENT_VERSION) ? NULL : &number);
	if (is_ensemble(task->version->architecture))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("model \"%s\" is an ensemble", model),
				 errhint("lesion_ensemble_fit fits its threshold and calibration, together with its weights.")));
	task->active = store_find_version(&task->store, model, NULL);
	task->rows.version = task->version;
	columns.image = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column");
	columns.mask = argument_text(fcinfo, ARGUMENT_MASK_COLUMN, "mask_column");
	columns.id = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN);
	evaluation_open(&task->rows, PG_GETARG_OID(ARGUMENT_IMAGES), &columns,
					argument_text_or_null(fcinfo, ARGUMENT_GROUP_COLUMN));
	argument_split(fcinfo, ARGUMENT_SPLIT_SEED, ARGUMENT_TEST_FRACTION, ARGUMENT_VALIDATION_FRACTION,
				   &task->rows.split);
}

/* The result's row. */
static Datum
result_datum(const Calibration *task, RowBuilder *row, int64 n)
{
	row_set(row, "new_version", INT4OID, Int32GetDatum(task->made->number));
	row_set(row, "promoted", BOOLOID, BoolGetDatum(task->promoted));
	row_set(row, "n", INT8OID, Int64GetDatum(n));
	row_set_float8(row, "threshold", task->fitted.threshold);
	row_set_float8(row, "temperature", task->fitted.temperature);
	row_set_float8(row, "review_below", task->fitted.review_below);
	return row_datum(row);
}

/* Raise an error unless the caller may write the rows that this will write. */
static void
check_rights(const Calibration *task)
{
	store_check_rights(&task->store, "lesion_version", ACL_INSERT, "calibrate");
	if (task->promote == PROMOTE_NEVER)
		return;
	store_check_rights(&task->store, "lesion_promotion", ACL_INSERT, "calibrate and promote");
	if (task->promote == PROMOTE_ALWAYS)
		return;
	store_check_rights(&task->store, "lesion_evaluation", ACL_INSERT, "calibrate and compare");
	store_check_rights(&task->store, "lesion_image_score", ACL_INSERT, "calibrate and compare");
}

/* lesion_calibrate(model, images, subset, image_column, mask_column, id_column,
 * group_column, version, split_seed, test_fraction, validation_fraction, promote,
 * threshold) returns record */
Datum
lesion_calibrate(PG_FUNCTION_ARGS)
{
	char	   *model = argument_text(fcinfo, ARGUMENT_MODEL, "model");
	MemoryContext caller = CurrentMemoryContext;
	RowBuilder	row = row_begin_result(fcinfo);
	Calibration task = {
		.store = store_open(fcinfo, false),
		.promote = promote_rule(argument_text(fcinfo, ARGUMENT_PROMOTE, "promote")),
		.rows = {.subset = argument_text(fcinfo, ARGUMENT_SUBSET, "subset")},
	};
	Datum		result;
	int64		n;

	argument_needed(fcinfo, ARGUMENT_IMAGES, "images");
	evaluation_check_subset(task.rows.subset);
	if (strcmp(task.rows.subset, "test") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("test rows are not for calibration"),
				 errdetail("Scores on rows that a version was fitted to look better than they are."),
				 errhint("Calibrate on 'validation', 'train' or 'all' rows.")));
	if (!PG_ARGISNULL(ARGUMENT_THRESHOLD))
	{
		task.threshold = PG_GETARG_FLOAT8(ARGUMENT_THRESHOLD);
		argument_check_threshold(task.threshold);
	}
	check_rights(&task);

	SPI_connect();
	model_lock(&task.store, model, LOCK_TRANSACTION);
	open_task(fcinfo, &task, model);
	task.call = call_create(CurrentMemoryContext, settings_threads(false));
	load_network(&task);
	task.trained_on = seen_open(&task.store, task.version);
	read_images(&task);
	check_images(&task);
	fit_traits(&task);
	add_version(&task);
	n = dataset_count(task.images);
	dataset_free(task.images);
	network_free(task.network);
	call_destroy(task.call);
	promote(&task);
	MemoryContextSwitchTo(caller);
	result = result_datum(&task, &row, n);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

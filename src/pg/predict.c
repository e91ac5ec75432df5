/*
 * predict.c: the procedure lesion_predict: masks of a table's images, stored
 * in another table with all that is needed to make them again.
 *
 * What is still to be done is asked for anew with each batch: images that
 * have no row from the version that is active then. So there is no state to
 * lose: after a cancel, a crash or a promotion the next call goes on. Each
 * batch is a transaction where the procedure may commit.
 *
 * Each image is segmented in a subtransaction by the SQL function, with the
 * rights of the caller. An image that cannot be segmented gets a row too,
 * with the error instead of a mask; otherwise every night would try it again.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "storage/lockdefs.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/arguments.h"
#include "pg/glue.h"
#include "pg/images_source.h"
#include "pg/json_values.h"
#include "pg/model_store.h"
#include "pg/predictions.h"

PG_FUNCTION_INFO_V1(lesion_predict);

typedef struct Predict
{
	ModelStore	store;
	bool		commits;		/* else all happens in the caller's transaction */
	char	   *model;
	const ImagesSource *source;
	char	   *target;			/* qualified and quoted */
	double		threshold;		/* NAN: the version's own */
	bool		tta;
	char	   *enhance;		/* NULL: the version's own */
	Jsonb	   *segment_options;	/* as given */
	Jsonb	   *options;		/* all that the masks depend on beside the model, but for the engine */
	int			batch_size;
	double		max_seconds;
	instr_time	started;
	int64		segmented;
	int64		broken;
} Predict;

/* ---- the target ---- */

/* The key of the advisory lock on a target: halves, as for a run. */
static Datum
call_with_key(PGFunction function, const ModelStore *store, Oid target)
{
	return DirectFunctionCall2(function,
							   Int32GetDatum((int32) get_relname_relid("lesion_prediction", store->schema)),
							   Int32GetDatum((int32) target));
}

/* Keep a second job away from the same table: it would make the same masks. */
static void
lock_target(const Predict *job, Oid target)
{
	if (!DatumGetBool(call_with_key(job->commits ? pg_try_advisory_lock_int4 : pg_try_advisory_xact_lock_int4,
									&job->store, target)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("another session is predicting into %s", job->target),
				 errhint("Wait until it is done, or stop it with pg_cancel_backend; the view "
						 "lesion_segmentation_progress shows its process where the library is preloaded.")));
}

static void
unlock_target(const Predict *job, Oid target)
{
	if (job->commits)
		(void) call_with_key(pg_advisory_unlock_int4, &job->store, target);
}

/* ---- one image ---- */

/* Parameters of both INSERTs. */
enum
{
	ROW_IMAGES, ROW_ID, ROW_IMAGE, ROW_MODEL, ROW_VERSION, ROW_SHA256, ROW_OPTIONS, ROW_BACKEND, ROW_PRECISION,
	ROW_EXTENSION, ROW_THRESHOLD, ROW_TTA, ROW_ENHANCE, ROW_ERROR, ROW_SEGMENT_OPTIONS, ROW_PARAMETERS
};

static Oid	row_types[ROW_PARAMETERS] = {
	TEXTOID, TEXTOID, BYTEAOID, TEXTOID, INT4OID, BYTEAOID, JSONBOID, TEXTOID, TEXTOID,
	TEXTOID, FLOAT8OID, BOOLOID, TEXTOID, TEXTOID, JSONBOID
};

#define TARGET_COLUMNS \
	"(images, id, mask, area, confidence, uncertain, disagreement, predicted_dice, quality, needs_review, error, model, version, weights_sha256, " \
	"image_sha256, options, extension_version, backend, \"precision\", predicted_at, predicted_by) "
#define PROVENANCE \
	"$4, $5, $6, pg_catalog.sha256($3), $7, $10, $8, $9, pg_catalog.clock_timestamp(), current_user"

/* Run an INSERT into the target. */
static void
insert_row(const Predict *job, char *query, Datum *values, char *nulls)
{
	int			result = SPI_execute_with_args(query, ROW_PARAMETERS, row_types, values, nulls, false, 0);

	if (result != SPI_OK_INSERT)
		elog(ERROR, "storing a prediction gave %s", SPI_result_code_string(result));
	pfree(query);
}

/* Segment an image and store its row; raises. */
static void
store_mask(const Predict *job, Datum *values, char *nulls)
{
	insert_row(job,
			   psprintf("INSERT INTO %s " TARGET_COLUMNS
						"SELECT $1, $2, d.mask, d.area, d.confidence, d.uncertain, d.disagreement, d.predicted_dice, d.quality, d.needs_review, $14, " PROVENANCE
						" FROM %slesion_segment_version($3, $4, $5, $11, $12, $13, $15) AS d",
						job->target, job->store.prefix),
			   values, nulls);
}

/* Store the row of an image that cannot be segmented; raises. */
static void
store_error(const Predict *job, Datum *values, char *nulls)
{
	insert_row(job,
			   psprintf("INSERT INTO %s " TARGET_COLUMNS "SELECT $1, $2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true, $14, " PROVENANCE,
						job->target),
			   values, nulls);
}

/* Is the image to blame? */
static bool
is_images_fault(const ErrorData *error)
{
	return error->sqlerrcode == ERRCODE_INVALID_BINARY_REPRESENTATION ||
		error->sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED || error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
}

/* Try to segment an image in a subtransaction; what its fault is, or NULL. */
static char *
try_mask(const Predict *job, Datum *values, char *nulls)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		store_mask(job, values, nulls);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && !is_images_fault(error))
		ReThrowError(error);
	return error != NULL ? error->message : NULL;
}

/* ---- a batch ---- */

/* What is the same for all rows of a batch. */
static void
batch_values(const Predict *job, const ModelVersion *version, Datum *values, char *nulls)
{
	EngineChoice engine = settings_engine();
	EngineNames names = settings_engine_names(&engine);

	memset(nulls, ' ', ROW_PARAMETERS);
	nulls[ROW_PARAMETERS] = '\0';
	values[ROW_IMAGES] = CStringGetTextDatum(job->source->name);
	values[ROW_MODEL] = CStringGetTextDatum(job->model);
	values[ROW_VERSION] = Int32GetDatum(version->number);
	values[ROW_SHA256] = bytes_datum(version->sha256, SHA256_BYTES);
	values[ROW_OPTIONS] = JsonbPGetDatum(job->options);
	values[ROW_BACKEND] = CStringGetTextDatum(names.backend);
	values[ROW_PRECISION] = CStringGetTextDatum(names.precision);
	values[ROW_EXTENSION] = CStringGetTextDatum(LESIONSEG_VERSION);
	values[ROW_THRESHOLD] = Float8GetDatum(isnan(job->threshold) ? version->threshold : job->threshold);
	values[ROW_TTA] = BoolGetDatum(job->tta);
	values[ROW_ENHANCE] = job->enhance != NULL ? CStringGetTextDatum(job->enhance) : (Datum) 0;
	nulls[ROW_ENHANCE] = job->enhance != NULL ? ' ' : 'n';
	values[ROW_SEGMENT_OPTIONS] = JsonbPGetDatum(job->segment_options);
}

/* Find images without a row from the version; they stand in SPI_tuptable. */
static void
find_pending(const Predict *job, const ModelVersion *version)
{
	Oid			types[] = {TEXTOID, TEXTOID, INT4OID};
	Datum		values[] = {
		CStringGetTextDatum(job->source->name), CStringGetTextDatum(job->model), Int32GetDatum(version->number)
	};
	char	   *query = psprintf("SELECT s.id, s.image FROM (%s) AS s WHERE s.id IS NOT NULL AND s.image IS NOT NULL "
								 "AND NOT EXISTS (SELECT FROM %s AS p WHERE p.images OPERATOR(pg_catalog.=) $1 "
								 "AND p.id OPERATOR(pg_catalog.=) s.id AND p.model OPERATOR(pg_catalog.=) $2 "
								 "AND p.version OPERATOR(pg_catalog.=) $3)",
								 job->source->rows, job->target);
	int			result = images_execute(query, lengthof(types), types, values, job->batch_size);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "looking for images of %s gave %s", job->source->name, SPI_result_code_string(result));
}

/* Segment one row of the batch and store what came of it. */
static void
predict_row(Predict *job, SPITupleTable *rows, uint64 i, Datum *values, char *nulls)
{
	bool		isnull;
	char	   *error;

	values[ROW_ID] = SPI_getbinval(rows->vals[i], rows->tupdesc, 1, &isnull);
	values[ROW_IMAGE] = SPI_getbinval(rows->vals[i], rows->tupdesc, 2, &isnull);
	nulls[ROW_ERROR] = 'n';
	error = try_mask(job, values, nulls);
	job->segmented += error == NULL;
	if (error == NULL)
		return;
	job->broken++;
	nulls[ROW_ERROR] = ' ';
	values[ROW_ERROR] = CStringGetTextDatum(error);
	store_error(job, values, nulls);
	ereport(WARNING,
			(errmsg("row \"%s\" of %s is not segmented: %s", TextDatumGetCString(values[ROW_ID]), job->source->name,
					error)));
}

/* Segment a batch; the number of images it had. */
static uint64
predict_batch(Predict *job)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext batch = AllocSetContextCreate(caller, "lesionseg prediction batch", ALLOCSET_DEFAULT_SIZES);
	Datum		values[ROW_PARAMETERS];
	char		nulls[ROW_PARAMETERS + 1];
	ModelVersion *version;
	SPITupleTable *rows;
	uint64		count;

	/* Images are fetched from TOAST one at a time: the snapshot keeps them. */
	if (job->commits)
		EnsurePortalSnapshotExists();
	version = store_need_version(&job->store, job->model, NULL);
	MemoryContextSwitchTo(batch);
	batch_values(job, version, values, nulls);
	find_pending(job, version);
	rows = SPI_tuptable;
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		predict_row(job, rows, i, values, nulls);
	}
	SPI_freetuptable(rows);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch);
	return count;
}

/* Is there time for another batch? */
static bool
time_left(const Predict *job)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, job->started);
	return INSTR_TIME_GET_DOUBLE(now) < job->max_seconds;
}

/* Segment all that is to be segmented. */
static void
predict(Predict *job)
{
	uint64		count;

	do
	{
		count = predict_batch(job);
		if (job->commits)
			SPI_commit();
	} while (count == (uint64) job->batch_size && time_left(job));
	ereport(NOTICE,
			(errmsg("%lld images of %s segmented, %lld broken", (long long) job->segmented, job->source->name,
					(long long) job->broken)));
}

/* ---- arguments ---- */

/* What the masks depend on beside the model and the engine. */
static Jsonb *
prediction_options(const Predict *job, const char *image_column, const char *id_column)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_string(&builder, "image_column", image_column);
	if (id_column != NULL)
		json_add_string(&builder, "id_column", id_column);
	if (!isnan(job->threshold))
		json_add_number(&builder, "threshold", job->threshold);
	json_add_boolean(&builder, "tta", job->tta);
	if (job->enhance != NULL)
		json_add_string(&builder, "enhance", job->enhance);
	if (JB_ROOT_COUNT(job->segment_options) > 0)
		json_add_object(&builder, "options", job->segment_options);
	json_add_number(&builder, "threads", settings_threads(false));
	return json_end(&builder);
}

/* A limit that must be above 0; `missing` where it is NULL. */
static double
read_limit(FunctionCallInfo fcinfo, int n, const char *name, double missing)
{
	double		minutes;

	if (PG_ARGISNULL(n))
		return missing;
	minutes = PG_GETARG_FLOAT8(n);
	if (!(minutes > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s %g is not above 0", name, minutes),
				 errhint("Give the minutes that the job may take, or NULL for no limit.")));
	return minutes;
}

/* lesion_predict(images, model, into_table, image_column, id_column,
 * threshold, tta, enhance, batch_size, max_minutes, options) */
Datum
lesion_predict(PG_FUNCTION_ARGS)
{
	Predict		job = {.store = store_open(fcinfo, false)};
	Oid			images = argument_oid(fcinfo, 0, "images");
	Oid			target = argument_oid(fcinfo, 2, "into_table");
	char	   *image_column = argument_text(fcinfo, 3, "image_column");
	char	   *id_column = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));

	INSTR_TIME_SET_CURRENT(job.started);
	PreventCommandIfReadOnly("lesion_predict()");
	job.commits = fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic && !IsSubTransaction();
	job.model = argument_text(fcinfo, 1, "model");
	job.threshold = PG_ARGISNULL(5) ? NAN : PG_GETARG_FLOAT8(5);
	if (!PG_ARGISNULL(5))
		argument_check_threshold(job.threshold);
	argument_needed(fcinfo, 6, "tta");
	job.tta = PG_GETARG_BOOL(6);
	job.enhance = PG_ARGISNULL(7) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(7));
	job.batch_size = argument_int(fcinfo, 8, "batch_size");
	if (job.batch_size < 1 || job.batch_size > 100000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size %d is out of range", job.batch_size),
				 errhint("Between commits 1 to 100000 images are segmented; 100 is usual.")));
	argument_needed(fcinfo, 10, "options");
	job.segment_options = PG_GETARG_JSONB_P(10);
	job.max_seconds = 60 * read_limit(fcinfo, 9, "max_minutes", INFINITY);
	if (!job.commits)
		ereport(NOTICE,
				(errmsg("this job commits nothing before its end, because it was called inside a transaction"),
				 errhint("CALL lesion_predict outside of a transaction block for a job that keeps what it has done when "
						 "it is stopped.")));

	SPI_connect_ext(job.commits ? SPI_OPT_NONATOMIC : 0);
	job.target = predictions_open(&job.store, target);
	job.source = images_open_unmasked(images, image_column, id_column);
	job.options = prediction_options(&job, image_column, id_column);
	lock_target(&job, target);
	PG_TRY();
	{
		predict(&job);
	}
	PG_FINALLY();
	{
		unlock_target(&job, target);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

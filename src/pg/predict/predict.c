/*
 * predict.c: the procedure lesion_predict: masks of a table's images, stored
 * in another table with all that is needed to make them again.
 *
 * What is still to be done is what the table has no row for, from the version
 * that is active when a batch begins (pending_images.h). So there is no state
 * to lose: after a cancel, a crash or a promotion the next call goes on. Each
 * batch is a transaction where the procedure may commit.
 *
 * Each image is segmented in a subtransaction by the SQL function, with the
 * rights of the caller. Where that fails, somebody is to blame:
 *
 *   the image    it cannot be decoded: its row has the error instead of a
 *                mask, or every night would try it again
 *   a limit      lesionseg.max_memory or max_pixels: nothing is stored, so
 *                that a call with a higher limit finds it; where it happens
 *                to more than a tenth of the images, the limit is wrong
 *   all else     the model, the table, a trigger: an error
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "portability/instr_time.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "image/codec/codec.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/caught_error.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/values/json_values.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/base/spi_context.h"
#include "pg/images/images_source.h"
#include "pg/models/model_store.h"
#include "pg/models/work_lock.h"
#include "pg/predict/pending_images.h"
#include "pg/predict/predictions.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/segment_progress.h"

PG_FUNCTION_INFO_V1(lesion_predict);

typedef struct Predict
{
	ModelStore	store;
	bool		commits;		/* else all happens in the caller's transaction */
	char	   *model;
	const ImagesSource *source;
	KnownRelation known_target;
	char	   *target;			/* qualified and quoted */
	double		threshold;		/* NAN: the version's own */
	bool		tta;
	char	   *enhance;		/* NULL: the version's own */
	Jsonb	   *segment_options;	/* as given */
	Jsonb	   *options;		/* all that the masks depend on beside the model, but for the engine */
	int			batch_size;
	double		max_seconds;
	instr_time	started;
	PendingImages *pending;
	uint8_t		ready[SHA256_BYTES];	/* of the version that is loaded */
	int64		segmented;
	int64		broken;
	int64		limited;		/* above a limit */
	bool		out_of_time;
} Predict;

/* So many images above a limit, and more than a tenth of all, are too many. */
#define LIMITED_MANY 10

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
	"(images, id, mask, area, confidence, uncertain, disagreement, predicted_dice, quality, needs_review, error, " \
	"model, version, weights_sha256, image_sha256, options, extension_version, backend, \"precision\", " \
	"predicted_at, predicted_by) "
#define PROVENANCE \
	"$4, $5, $6, pg_catalog.sha256($3), $7, $10, $8, $9, pg_catalog.clock_timestamp(), current_user"

/* How an image is named in messages. */
static char *
image_name(const Predict *job, Datum id)
{
	return psprintf("row \"%s\" of %s", TextDatumGetCString(id), job->source->name);
}

/* Run an INSERT into the target, and see that the row is there: one that is
 * left out or gets another key would be made again by every call. */
static void
insert_row(const Predict *job, const char *select, Datum *values, char *nulls)
{
	char	   *query = psprintf("INSERT INTO %s " TARGET_COLUMNS "%s RETURNING images OPERATOR(pg_catalog.=) $1 "
								 "AND id OPERATOR(pg_catalog.=) $2 AND model OPERATOR(pg_catalog.=) $4 "
								 "AND version OPERATOR(pg_catalog.=) $5", job->target, select);
	char	   *name = image_name(job, values[ROW_ID]);
	int			result = spi_execute_as(psprintf("segmenting %s", name), query, ROW_PARAMETERS, row_types, values,
										nulls,
										false, 0);
	bool		isnull = false;
	bool		stored;

	if (result != SPI_OK_INSERT_RETURNING)
		elog(ERROR, "storing a prediction gave %s", SPI_result_code_string(result));
	stored = SPI_processed == 1 &&
		DatumGetBool(row_value(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, BOOLOID, &isnull)) && !isnull;
	SPI_freetuptable(SPI_tuptable);
	if (!stored)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("what %s came to was not stored in %s as it is", name, job->target),
				 errdetail("A trigger on the table leaves the row out, or changes its images, id, model or version."),
				 errhint("These columns tell what is done: leave them alone, and leave out images with a view of the "
						 "others.")));
}

/* Segment an image and store its row; raises. */
static void
store_mask(const Predict *job, Datum *values, char *nulls)
{
	char	   *select = psprintf("SELECT $1, $2, d.mask, d.area, d.confidence, d.uncertain, d.disagreement, "
								  "d.predicted_dice, d.quality, d.needs_review, $14, " PROVENANCE
								  " FROM %slesion_segment_version($3, $4, $5, $11, $12, $13, $15) AS d",
								  job->store.prefix);

	insert_row(job, select, values, nulls);
}

/* Store the row of an image that cannot be segmented; raises. */
static void
store_error(const Predict *job, Datum *values, char *nulls)
{
	insert_row(job, "SELECT $1, $2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true, $14, " PROVENANCE, values, nulls);
}

/* Try to segment an image in a subtransaction; what it raised, or NULL. */
static ErrorData *
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
		error = caught_error(context, context);
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

/* Is it an image that can be decoded, as far as limits allow? */
static bool
is_whole(Datum bytea)
{
	Call *call = call_create(CurrentMemoryContext, settings_threads(false));
	ByteView	bytes = bytes_view(bytea);
	Image		image;
	Status		status = image_decode(call, bytes.bytes, bytes.size, DECODE_RGB, &image);

	if (status.code == LS_CANCELLED || status.code == LS_HOST_ERROR)
		check_status(call, status);
	bytes_release(&bytes);
	call_destroy(call);
	return status.code != LS_INVALID_IMAGE && status.code != LS_UNSUPPORTED;
}

/* Is the image to blame? Weights and triggers raise the same errors. */
static bool
is_images_fault(const ErrorData *error, Datum image)
{
	return (error->sqlerrcode == ERRCODE_INVALID_BINARY_REPRESENTATION ||
			error->sqlerrcode == ERRCODE_FEATURE_NOT_SUPPORTED) && !is_whole(image);
}

/* Segment an image and store what came of it. */
static void
predict_row(Predict *job, Datum *values, char *nulls)
{
	ErrorData  *error;
	char	   *name;

	nulls[ROW_ERROR] = 'n';
	error = try_mask(job, values, nulls);
	if (error == NULL)
	{
		job->segmented++;
		return;
	}
	name = image_name(job, values[ROW_ID]);
	if (error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED)
	{
		job->limited++;
		pending_leave_out(job->pending, TextDatumGetCString(values[ROW_ID]));
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("%s is left for another call: %s", name, error->message),
				 error->hint != NULL ? errhint("%s", error->hint) : 0));
		return;
	}
	if (!is_images_fault(error, values[ROW_IMAGE]))
		ReThrowError(error);
	job->broken++;
	nulls[ROW_ERROR] = ' ';
	values[ROW_ERROR] = CStringGetTextDatum(error->message);
	store_error(job, values, nulls);
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("%s is not segmented: %s", name, error->message)));
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

/* Load the version, unless it is: what is wrong with it is then no image's
 * fault. */
static void
need_model(Predict *job, const ModelVersion *version)
{
	if (memcmp(job->ready, version->sha256, SHA256_BYTES) == 0)
		return;
	model_load(&job->store, version);
	memcpy(job->ready, version->sha256, SHA256_BYTES);
}

/* Is there time for another image? */
static bool
time_left(const Predict *job)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, job->started);
	return INSTR_TIME_GET_DOUBLE(now) < job->max_seconds;
}

/* Segment the images of a batch, as far as time allows; one always is. */
static void
predict_rows(Predict *job, SPITupleTable *rows, Datum *values, char *nulls)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext row = AllocSetContextCreate(caller, "lesionseg prediction row", ALLOCSET_DEFAULT_SIZES);
	Datum		last = (Datum) 0;

	MemoryContextSwitchTo(row);
	for (uint64 i = 0; i < rows->numvals && !job->out_of_time; i++)
	{
		bool		isnull;

		CHECK_FOR_INTERRUPTS();
		values[ROW_ID] = row_needed(rows->vals[i], rows->tupdesc, PENDING_ID, TEXTOID);
		values[ROW_IMAGE] = row_value(rows->vals[i], rows->tupdesc, PENDING_IMAGE, BYTEAOID, &isnull);
		if (isnull)
			continue;
		if (last != (Datum) 0 && DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, last, values[ROW_ID])))
			pending_refuse_ambiguous(job->source, TextDatumGetCString(last));
		else
			predict_row(job, values, nulls);
		last = values[ROW_ID];
		job->out_of_time = !time_left(job);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row);
}

/* Segment a batch; false when nothing was left to do. */
static bool
predict_batch(Predict *job)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext batch = AllocSetContextCreate(caller, "lesionseg prediction batch", ALLOCSET_DEFAULT_SIZES);
	Datum		values[ROW_PARAMETERS];
	char		nulls[ROW_PARAMETERS + 1];
	ModelVersion *version;
	SPITupleTable *rows;

	/* Images are fetched from TOAST one at a time: the snapshot keeps them. */
	if (job->commits)
		EnsurePortalSnapshotExists();
	version = store_need_version(&job->store, job->model, NULL);
	MemoryContextSwitchTo(batch);
	relation_check(&job->source->known);
	relation_check(&job->known_target);
	batch_values(job, version, values, nulls);
	rows = pending_fetch(job->pending, version);
	if (rows != NULL)
	{
		need_model(job, version);
		predict_rows(job, rows, values, nulls);
		SPI_freetuptable(rows);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(batch);
	return rows != NULL;
}

/* Raise an error where limits leave out too many images. A few that are too
 * large are no reason for a job to fail every night. */
static void
check_limits(const Predict *job)
{
	int64		seen = job->segmented + job->broken + job->limited;

	if (job->limited >= LIMITED_MANY && job->limited * 10 > seen)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%lld of %lld images of %s are above a limit", (long long) job->limited, (long long) seen,
						job->source->name),
				 errhint("The WARNINGs name them: raise lesionseg.max_pixels or lesionseg.max_memory, or leave them "
						 "out with a view of the others.")));
}

/* Segment all that is to be segmented. */
static void
predict(Predict *job)
{
	while (!job->out_of_time && predict_batch(job))
	{
		if (job->commits)
			SPI_commit();
		check_limits(job);
	}
	ereport(NOTICE,
			(errmsg("%lld images of %s segmented, %lld broken", (long long) job->segmented, job->source->name,
					(long long) job->broken),
			 job->limited > 0 ? errdetail("%lld are above a limit.", (long long) job->limited) :
			 job->pending->without_image > 0 ?
			 errdetail("%lld rows have no image.", (long long) job->pending->without_image) : 0,
			 job->out_of_time ? errhint("max_minutes ended the job; call it again to go on.") : 0));
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

/* Raise an error where what is asked of every image is not possible. */
static void
check_segment_arguments(const Predict *job)
{
	SegmentOptions options = {0};

	if (!isnan(job->threshold))
		argument_check_threshold(job->threshold);
	if (job->enhance != NULL)
		check_status(NULL, enhance_mode_find(job->enhance, &options.enhance));
	segment_options_apply(job->segment_options, &options);
}

/* lesion_predict(images, model, into_table, image_column, id_column,
 * threshold, tta, enhance, batch_size, max_minutes, options) */
Datum
lesion_predict(PG_FUNCTION_ARGS)
{
	Predict		job = {.store = store_open(fcinfo, false)};
	Oid			images = argument_oid(fcinfo, 0, "images");
	Oid			target = argument_oid(fcinfo, 2, "into_table");
	WorkLock	lock;
	char	   *image_column = argument_text(fcinfo, 3, "image_column");
	char	   *id_column = PG_ARGISNULL(4) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(4));

	INSTR_TIME_SET_CURRENT(job.started);
	PreventCommandIfReadOnly("lesion_predict()");
	job.commits = fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic && !IsSubTransaction();
	job.model = argument_text(fcinfo, 1, "model");
	job.threshold = PG_ARGISNULL(5) ? NAN : PG_GETARG_FLOAT8(5);
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
	check_segment_arguments(&job);
	job.max_seconds = 60 * read_limit(fcinfo, 9, "max_minutes", INFINITY);
	if (!job.commits)
		ereport(NOTICE,
				(errmsg("this job commits nothing before its end, because it was called inside a transaction"),
				 errhint("CALL lesion_predict outside of a transaction block for a job that keeps what it has done "
						 "when it is stopped.")));

	SPI_connect_ext(job.commits ? SPI_OPT_NONATOMIC : 0);
	segment_progress_begin(CurrentMemoryContext);
	job.target = predictions_open(&job.store, target);
	job.known_target = relation_know_oid(target);
	job.source = images_open_unmasked(images, image_column, id_column);
	job.options = prediction_options(&job, image_column, id_column);
	job.pending = pending_begin(job.source, job.target, job.batch_size);
	predictions_check_insert(target);
	predictions_warn_of_type(&job.store, target, job.target);
	lock = target_lock(&job.store, target, job.target, job.commits ? LOCK_SESSION : LOCK_TRANSACTION);
	PG_TRY();
	{
		predict(&job);
	}
	PG_FINALLY();
	{
		work_unlock(&lock);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

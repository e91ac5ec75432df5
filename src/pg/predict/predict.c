/*
 * predict.c: the procedure lesion_predict: masks of a table's images, stored
 * in another table with all that is needed to make them again.
 *
 * An image is pending if the table has no row for it from the version that is
 * active when a batch begins (pending_images.h). So there is no state to lose:
 * after a cancel, a crash or a promotion the next call goes on. If the procedure
 * may commit, each batch is a transaction.
 *
 * A batch looks its version up once, and plans its INSERT once. An image can
 * fail for one of three reasons:
 *
 *   the image    it cannot be decoded: its row has the error instead of a
 *                mask, so that later calls do not try it again
 *   a limit      lesionseg.max_memory or max_pixels: nothing is stored, so
 *                that a call with a higher limit does the image; if it
 *                happens to more than a tenth of the images, the limit is
 *                wrong, and that is an error
 *   all else     the model, the table, a trigger: an error
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/values/arguments.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/values/json_values.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/base/user_tables.h"
#include "pg/images/images_source.h"
#include "pg/models/model_store.h"
#include "pg/models/work_lock.h"
#include "pg/predict/pending_images.h"
#include "pg/predict/prediction_row.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/segment_progress.h"
#include "pg/segment/segmentation.h"

PG_FUNCTION_INFO_V1(lesion_predict);

typedef struct Predict
{
	ModelStore	store;
	bool		commits;		/* commit after each batch; else all is in the caller's transaction */
	char	   *model;
	const ImagesSource *source;
	const ImagesSource *named;	/* what rows name: source, or the table that it is a part of */
	KnownRelation known_target;
	char	   *target;			/* qualified and quoted */
	double		threshold;		/* NAN: the version's own */
	bool		tta;
	char	   *enhance;		/* NULL: the version's own */
	Jsonb	   *segment_options;	/* as given */
	Jsonb	   *options;		/* all that the masks depend on, but for model and engine */
	int			batch_size;
	double		max_seconds;
	instr_time	started;
	PendingImages *pending;
	uint8_t		ready[SHA256_BYTES];	/* digest of the loaded version */
	int64		segmented;
	int64		broken;
	int64		taken;			/* have a row that was stored otherwise meanwhile */
	int64		limited;		/* above a limit */
	bool		out_of_time;
} Predict;

/* It is an error if at least so many images, and more than a tenth of all, are
 * above a limit. */
#define LIMITED_MANY 10

/* ---- one image ---- */

/* What is the same for all images of a batch. */
typedef struct PredictBatch
{
	const ModelVersion *version;
	SegmentOptions options;
	PredictionInsert insert;
	PredictionRow row;			/* a row with the columns that are the same */
} PredictBatch;

/* Set the columns of an image's result. */
static void
set_mask(PredictionRow *row, const Call *call, const Segmentation *made)
{
	prediction_set(row, PREDICTION_MASK, image_png(call, &made->segmented.mask));
	prediction_set(row, PREDICTION_AREA, Float8GetDatum(made->area));
	prediction_set(row, PREDICTION_CONFIDENCE, Float8GetDatum(made->confidence));
	prediction_set(row, PREDICTION_UNCERTAIN, Float8GetDatum(made->uncertain));
	if (!isnan(made->segmented.disagreement))
		prediction_set(row, PREDICTION_DISAGREEMENT, Float8GetDatum(made->segmented.disagreement));
	prediction_set(row, PREDICTION_DICE, Float8GetDatum(made->segmented.predicted_dice));
	prediction_set(row, PREDICTION_QUALITY, Float8GetDatum(made->quality));
	prediction_set(row, PREDICTION_NEEDS_REVIEW, BoolGetDatum(made->needs_review));
}

/* Set the columns for the image, and for time and author of the row. */
static void
set_image(PredictionRow *row, const char *id, const ByteView *bytes)
{
	uint8_t		digest[SHA256_BYTES];

	sha256_digest(bytes->bytes, bytes->size, digest);
	prediction_set(row, PREDICTION_ID, CStringGetTextDatum(id));
	prediction_set(row, PREDICTION_IMAGE_SHA256, bytes_datum(digest, SHA256_BYTES));
	prediction_set(row, PREDICTION_PREDICTED_AT, TimestampTzGetDatum(GetCurrentTimestamp()));
	prediction_set(row, PREDICTION_PREDICTED_BY, CStringGetTextDatum(GetUserNameFromId(GetUserId(), false)));
}

/* Leave an image that is above a limit, which a setting may raise, for another
 * call. */
static void
leave_out(Predict *job, const char *id, const char *name, const Status *status)
{
	job->limited++;
	pending_leave_out(job->pending, id);
	ereport(WARNING,
			(errcode(status_sqlstate(status->code)),
			 errmsg("%s is left for another call: %s", name, whole_characters(status->message)),
			 status->hint[0] != '\0' ? errhint("%s", whole_characters(status->hint)) : 0));
}

/* Store the row of an image, with its mask or its error. */
static PredictionOutcome
store_row(const Predict *job, const PredictBatch *batch, const char *id, const ByteView *bytes, const char *name,
		  const Call *call, const Segmentation *made, const Status *status)
{
	PredictionRow row = batch->row;

	set_image(&row, id, bytes);
	if (status->code == LS_OK)
		set_mask(&row, call, made);
	else
	{
		prediction_set(&row, PREDICTION_NEEDS_REVIEW, BoolGetDatum(true));
		prediction_set(&row, PREDICTION_ERROR, CStringGetTextDatum(whole_characters(status->message)));
	}
	return prediction_insert(&batch->insert, &row, name);
}

/* Count an image whose row is stored, or is not. */
static void
count_image(Predict *job, const ModelVersion *version, const char *id, const char *name, const Status *status,
			PredictionOutcome outcome)
{
	if (outcome != PREDICTION_STORED)
	{
		job->taken += outcome == PREDICTION_TAKEN;
		job->broken += outcome == PREDICTION_NO_ROOM;
		pending_leave_out(job->pending, id);
	}
	else if (status->code == LS_OK)
	{
		job->segmented++;
		segment_progress_image(version->model, version->number);
	}
	else
	{
		job->broken++;
		ereport(WARNING,
				(errcode(status_sqlstate(status->code)),
				 errmsg("%s is not segmented: %s", name, whole_characters(status->message))));
	}
}

/* Segment an image and store the result. */
static void
predict_image(Predict *job, const PredictBatch *batch, const char *id, const ByteView *bytes)
{
	Call	   *call = call_create(CurrentMemoryContext, settings_threads(false));
	char	   *name = psprintf("row \"%s\" of %s", id, job->source->name);
	Segmentation made;
	Status		status = segmentation_make(&job->store, batch->version, call, bytes, &batch->options, &made);

	if (status.code == LS_LIMIT_EXCEEDED)
		leave_out(job, id, name, &status);
	else
	{
		if (status.code != LS_OK && !broken_is_rows_fault(status))
			check_argument(call, name, status);
		count_image(job, batch->version, id, name, &status,
					store_row(job, batch, id, bytes, name, call, &made, &status));
	}
	call_destroy(call);
}

/* ---- a batch ---- */

/* Get ready to segment with a version. */
static void
begin_batch(const Predict *job, const ModelVersion *version, PredictBatch *batch)
{
	EngineChoice engine = settings_engine();
	EngineNames names = settings_engine_names(&engine);
	PredictionRow *row = &batch->row;

	memset(batch, 0, sizeof *batch);
	batch->version = version;
	batch->options.threshold = isnan(job->threshold) ? version->traits.threshold : job->threshold;
	batch->options.tta = job->tta;
	segment_options_enhance(job->enhance, version, &batch->options);
	segment_options_apply(job->segment_options, &batch->options);
	batch->insert = prediction_prepare(job->known_target.oid, job->target);
	prediction_clear(row);
	prediction_set(row, PREDICTION_IMAGES, CStringGetTextDatum(job->named->name));
	prediction_set(row, PREDICTION_MODEL, CStringGetTextDatum(job->model));
	prediction_set(row, PREDICTION_VERSION, Int32GetDatum(version->number));
	prediction_set(row, PREDICTION_WEIGHTS_SHA256, bytes_datum(version->sha256, SHA256_BYTES));
	prediction_set(row, PREDICTION_OPTIONS, JsonbPGetDatum(job->options));
	prediction_set(row, PREDICTION_BACKEND, CStringGetTextDatum(names.backend));
	prediction_set(row, PREDICTION_PRECISION, CStringGetTextDatum(names.precision));
	prediction_set(row, PREDICTION_EXTENSION_VERSION, CStringGetTextDatum(LESIONSEG_VERSION));
}

/* Load the version unless it is loaded. Errors of the version are raised here,
 * so that they do not count as errors of an image. */
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

/* Segment the images of a batch while there is time; the first one in any
 * case. */
static void
predict_rows(Predict *job, const PredictBatch *batch, const SPITupleTable *rows)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "lesionseg prediction row", ALLOCSET_DEFAULT_SIZES);
	char	   *last = NULL;

	for (uint64 i = 0; i < rows->numvals && !job->out_of_time; i++)
	{
		char	   *id = TextDatumGetCString(row_needed(rows->vals[i], rows->tupdesc, PENDING_ID, TEXTOID));
		bool		isnull;
		Datum		image = row_value(rows->vals[i], rows->tupdesc, PENDING_IMAGE, BYTEAOID, &isnull);
		ByteView	bytes;

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		if (last != NULL && strcmp(last, id) == 0)
			pending_refuse_ambiguous(job->source, id);
		else
		{
			MemoryContextSwitchTo(context);
			bytes = bytes_view(image);
			predict_image(job, batch, id, &bytes);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(context);
		}
		last = id;
		job->out_of_time = !time_left(job);
	}
	MemoryContextDelete(context);
}

/* Segment a batch; false if nothing was left to do. */
static bool
predict_batch(Predict *job)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(caller, "lesionseg prediction batch", ALLOCSET_DEFAULT_SIZES);
	PredictBatch batch;
	ModelVersion *version;
	SPITupleTable *rows;

	/* Images are fetched from TOAST one at a time, so the snapshot must
	 * stay. */
	if (job->commits)
		EnsurePortalSnapshotExists();
	MemoryContextSwitchTo(context);
	/* Each call of SPI goes back to the context of its connection: it must end with the batch, too. */
	SPI_connect();
	version = store_need_version(&job->store, job->model, NULL);
	relation_check(&job->source->known);
	relation_check(&job->named->known);
	relation_check(&job->known_target);
	rows = pending_fetch(job->pending, version);
	if (rows != NULL)
	{
		need_model(job, version);
		begin_batch(job, version, &batch);
		segment_progress_total(job->segmented + job->pending->left);
		predict_rows(job, &batch, rows);
		prediction_end(&batch.insert);
		SPI_freetuptable(rows);
	}
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return rows != NULL;
}

/* Raise an error if limits left out too many images: at the end, since those
 * that come first must not keep masks from all others, night after night. A
 * few that are too large must not make a job fail at all. */
static void
check_limits(const Predict *job)
{
	int64		seen = job->segmented + job->broken + job->taken + job->limited;

	if (job->limited >= LIMITED_MANY && job->limited * 10 > seen)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%lld of %lld images of %s are above a limit", (long long) job->limited, (long long) seen,
						job->source->name),
				 errhint("The WARNINGs name them: raise lesionseg.max_pixels or lesionseg.max_memory, or leave them "
						 "out with a view of the others.")));
}

/* Warn of images that count as done, but by another call's options: whoever may
 * fill the table could else decide, unseen, how this one segments. */
static void
warn_of_others(const Predict *job)
{
	ModelVersion *version = store_need_version(&job->store, job->model, NULL);
	int64		others;

	relation_check(&job->known_target);
	others = pending_made_otherwise(job->pending, version, job->options);
	if (others > 0)
		ereport(WARNING,
				(errcode(ERRCODE_WARNING),
				 errmsg("%lld rows of %s for %s by version %d of model \"%s\" were made with other options than this "
						"call's", (long long) others, job->target, job->source->name, version->number, version->model),
				 errdetail("This call's are %s.", JsonbToCString(NULL, &job->options->root, 0)),
				 errhint("See their columns options and predicted_by. Where they should not be so, delete them and "
						 "call again.")));
}

/* Segment all pending images. */
static void
predict_all(Predict *job)
{
	while (!job->out_of_time && predict_batch(job))
	{
		if (job->commits)
			SPI_commit();
	}
	check_limits(job);
	warn_of_others(job);
	ereport(NOTICE,
			(errmsg("%lld images of %s segmented, %lld broken", (long long) job->segmented, job->source->name,
					(long long) job->broken),
			 job->limited > 0 ? errdetail("%lld are above a limit.", (long long) job->limited) :
			 job->taken > 0 ?
			 errdetail("%lld have a row that another session or a trigger stored.", (long long) job->taken) :
			 job->pending->without_image > 0 ?
			 errdetail("%lld rows have no image.", (long long) job->pending->without_image) : 0,
			 job->out_of_time ? errhint("max_minutes ended the job; call it again to go on.") : 0));
}

/* ---- arguments ---- */

/* All that the masks depend on, but for model and engine. */
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

/* Raise an error if the arguments would make every image fail. */
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

/* Open the table that the source is a part of: a partition, or a shard. Its images must have the same ids. */
static const ImagesSource *
open_whole(const ImagesSource *source, Oid oid, const char *image_column, const char *id_column)
{
	const ImagesSource *whole = images_open_unmasked(oid, image_column, id_column);

	if (whole->ids_are_digests != source->ids_are_digests)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("images of %s and of %s have other ids: one alone has a primary key", source->name,
						whole->name),
				 errhint("Name the column with id_column => '...'.")));
	return whole;
}

/* Arguments of lesion_predict. */
enum
{
	ARGUMENT_IMAGES, ARGUMENT_MODEL, ARGUMENT_INTO_TABLE, ARGUMENT_IMAGE_COLUMN, ARGUMENT_ID_COLUMN,
	ARGUMENT_THRESHOLD, ARGUMENT_TTA, ARGUMENT_ENHANCE, ARGUMENT_BATCH_SIZE, ARGUMENT_MAX_MINUTES, ARGUMENT_OPTIONS,
	ARGUMENT_PART_OF
};

/* lesion_predict(images, model, into_table, image_column, id_column,
 * threshold, tta, enhance, batch_size, max_minutes, options, part_of) */
Datum
lesion_predict(PG_FUNCTION_ARGS)
{
	Predict		job = {.store = store_open(fcinfo, false)};
	Oid			images = argument_oid(fcinfo, ARGUMENT_IMAGES, "images");
	Oid			target = argument_oid(fcinfo, ARGUMENT_INTO_TABLE, "into_table");
	WorkLock	lock;
	char	   *image_column = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column");
	char	   *id_column = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN);

	INSTR_TIME_SET_CURRENT(job.started);
	job.commits = procedure_may_commit(fcinfo);
	job.model = argument_text(fcinfo, ARGUMENT_MODEL, "model");
	job.threshold = PG_ARGISNULL(ARGUMENT_THRESHOLD) ? NAN : PG_GETARG_FLOAT8(ARGUMENT_THRESHOLD);
	argument_needed(fcinfo, ARGUMENT_TTA, "tta");
	job.tta = PG_GETARG_BOOL(ARGUMENT_TTA);
	job.enhance = argument_text_or_null(fcinfo, ARGUMENT_ENHANCE);
	job.batch_size = argument_int(fcinfo, ARGUMENT_BATCH_SIZE, "batch_size");
	if (job.batch_size < 1 || job.batch_size > 100000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("batch_size %d is out of range", job.batch_size),
				 errhint("Between commits 1 to 100000 images are segmented; 100 is usual.")));
	argument_needed(fcinfo, ARGUMENT_OPTIONS, "options");
	job.segment_options = PG_GETARG_JSONB_P(ARGUMENT_OPTIONS);
	check_segment_arguments(&job);
	job.max_seconds = argument_seconds(fcinfo, ARGUMENT_MAX_MINUTES, "max_minutes");
	if (!job.commits)
		ereport(NOTICE,
				(errmsg("this job commits nothing before its end, because it was called inside a transaction"),
				 errhint("CALL lesion_predict outside of a transaction block for a job that keeps what it has done "
						 "when it is stopped.")));

	SPI_connect_ext(job.commits ? SPI_OPT_NONATOMIC : 0);
	(void) segment_progress_job("predict", 0);
	job.target = user_table_open(&job.store, &user_table_predictions, target);
	job.known_target = relation_know_oid(target);
	job.source = images_open_unmasked(images, image_column, id_column);
	job.named = PG_ARGISNULL(ARGUMENT_PART_OF) ? job.source :
		open_whole(job.source, PG_GETARG_OID(ARGUMENT_PART_OF), image_column, id_column);
	job.options = prediction_options(&job, image_column, id_column);
	job.pending = pending_begin(job.source, job.named->name, job.target, job.batch_size);
	user_table_check_insert(target);
	user_table_warn_of_type(&job.store, target, job.target);
	images_warn_of_long(job.source);
	lock = target_lock(&job.store, target, job.target, job.commits ? LOCK_SESSION : LOCK_TRANSACTION);
	PG_TRY();
	{
		predict_all(&job);
	}
	PG_FINALLY();
	{
		work_unlock(&lock);
	}
	PG_END_TRY();
	SPI_finish();
	PG_RETURN_VOID();
}

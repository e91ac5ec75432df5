/*
 * predict.c: the procedure lesion_predict: masks of a table's images, stored
 * in another table with all that is needed to make them again.
 *
 * An image is pending if the table has no row for it from the version that is
 * active when a batch begins (pending_images.h). So there is no state to lose:
 * after a cancel, a crash or a promotion the next call goes on. If the procedure
 * may commit, each batch is a transaction.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/spi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/base/values/arguments.h"
#include "pg/base/error.h"
#include "pg/base/values/json_values.h"
#include "pg/base/settings.h"
#include "pg/base/query/spi_context.h"
#include "pg/base/user_tables.h"
#include "pg/models/model_store.h"
#include "pg/models/work_lock.h"
#include "pg/predict/mask_index.h"
#include "pg/predict/predict_job.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/segment_progress.h"

PG_FUNCTION_INFO_V1(lesion_predict);

/* It is an error if at least so many images, and more than a tenth of all, are
 * above a limit, or are not stored because of other rows. */
#define LEFT_MANY 10

/* Are so many images too many of all that the source has? Those with masks of former calls count, too. */
static bool
are_too_many(const Predict *job, int64 images, int64 *all)
{
	if (images < LEFT_MANY)
		return false;
	*all = images_usable(job->source);
	return images * 10 > *all;
}

/* Raise an error if too many images were left out: at the end, since those
 * that come first must not keep masks from all others, night after night. A
 * few must not make a job fail at all. */
static void
check_left(const Predict *job)
{
	int64		all;

	if (are_too_many(job, job->limited, &all))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%lld of %lld images of %s are above a limit", (long long) job->limited, (long long) all,
						job->source->name),
				 errhint("The WARNINGs name them: raise lesionseg.max_pixels or lesionseg.max_memory, or leave them "
						 "out with a view of the others.")));
	if (are_too_many(job, job->blocked, &all))
		ereport(ERROR,
				(errcode(ERRCODE_UNIQUE_VIOLATION),
				 errmsg("%lld of %lld images of %s could not be stored in %s because of other rows",
						(long long) job->blocked, (long long) all, job->source->name, job->target),
				 errhint("The WARNINGs name the constraint. A key of the table should have the columns images, id, "
						 "model and version.")));
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
						"call's or with other weights", (long long) others, job->target, job->source->name,
						version->number, version->model),
				 errdetail("This call's are %s.", JsonbToCString(NULL, &job->options->root, 0)),
				 errhint("See their columns options, weights_sha256 and predicted_by. Where they should not be so, "
						 "delete them and call again.")));
}

/* All that the masks depend on, but for model and engine. */
static Jsonb *
prediction_options(const Predict *job)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_string(&builder, "image_column", job->image_column);
	if (job->id_column != NULL)
		json_add_string(&builder, "id_column", job->id_column);
	if (!isnan(job->threshold))
		json_add_number(&builder, "threshold", job->threshold);
	json_add_boolean(&builder, "tta", job->tta);
	if (job->enhance != NULL)
		json_add_string(&builder, "enhance", job->enhance);
	if (JB_ROOT_COUNT(job->segment_options) > 0)
		json_add_object(&builder, "options", job->segment_options);
	json_add_number(&builder, "threads", job->threads);
	return json_end(&builder);
}

/* Let the rows that come say what threads they were made with: SET LOCAL ends with a transaction. */
static void
note_threads(Predict *job)
{
	int			threads = settings_threads(false);

	if (threads == job->threads)
		return;
	job->threads = threads;
	job->options = prediction_options(job);
}

/* Segment all pending images. */
static void
predict_all(Predict *job)
{
	while (!job->out_of_time && predict_batch(job))
	{
		if (!job->commits)
			continue;
		spi_commit();
		note_threads(job);
	}
	warn_of_others(job);
	check_left(job);
	ereport(NOTICE,
			(errmsg("%lld images of %s segmented, %lld broken", (long long) job->segmented, job->source->name,
					(long long) job->broken),
			 job->limited > 0 ? errdetail("%lld are above a limit.", (long long) job->limited) :
			 job->blocked > 0 ? errdetail("%lld have another row in their way.", (long long) job->blocked) :
			 job->replaced > 0 ?
			 errdetail("%lld were replaced or deleted meanwhile.", (long long) job->replaced) :
			 job->taken > 0 ?
			 errdetail("%lld have a row that another session or a trigger stored.", (long long) job->taken) :
			 job->pending->without_image > 0 ?
			 errdetail("%lld rows have no image.", (long long) job->pending->without_image) : 0,
			 job->out_of_time ? errhint("max_minutes ended the job; call it again to go on.") : 0));
}

/* ---- arguments ---- */

/* Raise an error if the arguments would make every image fail. */
static void
check_segment_arguments(const Predict *job)
{
	SegmentOptions options = {0};

	if (job->enhance != NULL)
		check_status(NULL, enhance_mode_find(job->enhance, &options.enhance));
	segment_options_apply(job->segment_options, &options);
}

/* Refuse a table of masks that the job would feed to itself, and one that stays longer than the images: the next
 * temporary table of that name, in whatever session, would count as done. */
static void
check_target(const Predict *job)
{
	if (list_member_oid(find_all_inheritors(job->source->known.oid, NoLock, NULL), job->known_target.oid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("into_table is one of the images' tables, %s", job->target),
				 errhint("Its masks would be segmented, too, and those again.")));
	if (get_rel_persistence(job->known_target.oid) != RELPERSISTENCE_TEMP &&
		relation_has_temporary(job->named->known.oid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is temporary or has a temporary part, and %s is not", job->named->name, job->target),
				 errdetail("Other images of that name would count as segmented there."),
				 errhint("Store its masks in a temporary table, too, or name a table that stays with part_of.")));
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
	if (!PG_ARGISNULL(ARGUMENT_THRESHOLD))
		argument_check_threshold(job.threshold);
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
	job.image_column = image_column;
	job.id_column = id_column;
	note_threads(&job);
	job.pending = pending_begin(job.source, job.named->name, job.target, mask_index_exists(target), job.batch_size);
	user_table_check_insert(&job.store, &user_table_predictions, target);
	check_target(&job);
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

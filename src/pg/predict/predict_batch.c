/*
 * predict_batch.c: a batch of lesion_predict: images that have no row yet are
 * read, segmented and stored.
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
 *
 * A batch during which one of its images is replaced or deleted is undone, and done again without that.
 *
 * Small images are segmented in groups of as many as there are threads. The
 * order of rows is that of the ids in any case.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/values/bytes.h"
#include "pg/base/caught_error.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/predict/predict_job.h"
#include "pg/predict/prediction_row.h"
#include "pg/segment/model_segment.h"
#include "pg/segment/segment_progress.h"
#include "pg/segment/segmentation.h"

/* The most images of a group, however many threads there are: all are in memory at once. */
#define GROUP_IMAGES 16

/* ---- one image ---- */

/* What is the same for all images of a batch. */
typedef struct PredictBatch
{
	const ModelVersion *version;
	SegmentOptions options;
	PredictionInsert insert;
	PredictionRow row;			/* a row with the columns that are the same */
	EngineNames engine;			/* of the images at hand: code of a user that runs between two groups can set another */
	int64		segmented;		/* rows that are stored */
	int64		broken;
} PredictBatch;

/* Set the columns of an image's result. */
static void
set_mask(PredictionRow *row, const SegmentationItem *item)
{
	const Segmentation *made = &item->made;

	prediction_set(row, PREDICTION_MASK, item->png);
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
store_row(const PredictBatch *batch, const char *id, const char *name, const SegmentationItem *item)
{
	PredictionRow row = batch->row;

	prediction_set(&row, PREDICTION_BACKEND, CStringGetTextDatum(batch->engine.backend));
	prediction_set(&row, PREDICTION_PRECISION, CStringGetTextDatum(batch->engine.precision));
	set_image(&row, id, &item->bytes);
	if (item->status.code == LS_OK)
		set_mask(&row, item);
	else
	{
		prediction_set(&row, PREDICTION_NEEDS_REVIEW, BoolGetDatum(true));
		prediction_set(&row, PREDICTION_ERROR, CStringGetTextDatum(whole_characters(item->status.message)));
	}
	return prediction_insert(&batch->insert, &row, name);
}

/* Count an image whose row is stored, or is not. */
static void
count_image(Predict *job, PredictBatch *batch, const char *id, const char *name, const Status *status,
			PredictionOutcome outcome)
{
	if (outcome != PREDICTION_STORED)
	{
		job->taken += outcome == PREDICTION_TAKEN;
		job->broken += outcome == PREDICTION_NO_ROOM;
		job->blocked += outcome == PREDICTION_BLOCKED;
		pending_leave_out(job->pending, id);
	}
	else if (status->code == LS_OK)
	{
		batch->segmented++;
		segment_progress_image(batch->version->model, batch->version->number);
	}
	else
	{
		batch->broken++;
		ereport(WARNING,
				(errcode(status_sqlstate(status->code)),
				 errmsg("%s is not segmented: %s", name, whole_characters(status->message))));
	}
}

/* Store what came of an image, or leave it for another call. */
static void
keep_image(Predict *job, PredictBatch *batch, const Call *call, const char *id, SegmentationItem *item)
{
	char	   *name = psprintf("row \"%s\" of %s", id, job->source->name);

	if (item->status.code == LS_LIMIT_EXCEEDED)
	{
		leave_out(job, id, name, &item->status);
		return;
	}
	if (item->status.code != LS_OK && !broken_is_rows_fault(item->status))
		check_argument(call, name, item->status);
	count_image(job, batch, id, name, &item->status, store_row(batch, id, name, item));
}

/* ---- a batch ---- */

/* Get ready to segment with a version. */
static void
begin_batch(const Predict *job, const ModelVersion *version, PredictBatch *batch)
{
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

/* Images that were read and are not yet segmented. */
typedef struct Waiting
{
	MemoryContext context;		/* of their bytes and of all that comes of them */
	Call	   *call;			/* NULL: none is waiting */
	int			count;
	const char *ids[GROUP_IMAGES];
	SegmentationItem items[GROUP_IMAGES];
} Waiting;

/* Segment the images that wait, and store what comes of them. */
static void
segment_waiting(Predict *job, PredictBatch *batch, Waiting *waiting)
{
	MemoryContext caller = MemoryContextSwitchTo(waiting->context);
	EngineChoice engine = settings_engine();

	batch->engine = settings_engine_names(&engine);
	if (waiting->count == 1)
		segmentation_make_item(&job->store, batch->version, waiting->call, &batch->options, &waiting->items[0]);
	else
		segmentation_make_group(&job->store, batch->version, waiting->call, &batch->options, waiting->items,
								waiting->count);
	for (int i = 0; i < waiting->count; i++)
		keep_image(job, batch, waiting->call, waiting->ids[i], &waiting->items[i]);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(waiting->context);
	waiting->call = NULL;
	waiting->count = 0;
	job->out_of_time = !time_left(job);
}

/* Let an image wait until there are as many as threads. One that is large, or broken, goes alone. */
static void
add_image(Predict *job, PredictBatch *batch, Waiting *waiting, const char *id, Datum image)
{
	MemoryContext caller = MemoryContextSwitchTo(waiting->context);
	ByteView	bytes = bytes_view(image);
	bool		small;

	if (waiting->call == NULL)
		waiting->call = call_create(waiting->context, settings_threads(false));
	small = segmentation_is_small(waiting->call, &bytes);
	waiting->ids[waiting->count] = id;
	waiting->items[waiting->count] = (SegmentationItem) {.bytes = bytes};
	waiting->count++;
	MemoryContextSwitchTo(caller);
	if (!small || waiting->count == Min(waiting->call->threads, GROUP_IMAGES) || !time_left(job))
		segment_waiting(job, batch, waiting);
}

/* Segment the images of a batch while there is time; the first one in any
 * case. Returns how many rows were reached. */
static uint64
predict_rows(Predict *job, PredictBatch *batch, const SPITupleTable *rows)
{
	Waiting		waiting = {
		.context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg prediction rows", ALLOCSET_DEFAULT_SIZES)
	};
	char	   *last = NULL;
	uint64		i;

	for (i = 0; i < rows->numvals && !job->out_of_time; i++)
	{
		char	   *id = TextDatumGetCString(row_needed(rows->vals[i], rows->tupdesc, BATCH_ID, TEXTOID));
		bool		isnull;
		Datum		image = row_value(rows->vals[i], rows->tupdesc, BATCH_IMAGE, BYTEAOID, &isnull);

		CHECK_FOR_INTERRUPTS();
		if (isnull)
			continue;
		if (last != NULL && strcmp(last, id) == 0)
			pending_refuse_ambiguous(job->source, id);
		else
			add_image(job, batch, &waiting, id, image);
		last = id;
	}
	if (waiting.count > 0)
		segment_waiting(job, batch, &waiting);
	MemoryContextDelete(waiting.context);
	return i;
}

/* A step that is undone where images are replaced meanwhile. */
typedef struct PredictStep
{
	Predict    *job;
	PredictBatch *batch;
	const SPITupleTable *rows;
	List	   *replaced;		/* their ids */
} PredictStep;

/*
 * Segment the images of a batch; an error where one of them is gone by now, or
 * another than the one that its row is of. Whoever replaces or deletes an image
 * deletes its row, and this batch's they cannot see yet: the next image of that
 * id would count as segmented for ever.
 */
static void
predict_step(void *argument)
{
	PredictStep *step = argument;
	CommandId	begun = GetCurrentCommandId(false);
	uint64		reached = predict_rows(step->job, step->batch, step->rows);

	relation_check(&step->job->source->known);
	step->replaced = pending_replaced(step->job->pending, step->rows, reached, begun);
	if (step->replaced != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("images of %s were replaced while they were segmented", step->job->source->name)));
}

/* Leave images that were replaced for another call: whoever replaces some all the time must not keep the others from
 * their masks. */
static void
leave_out_replaced(Predict *job, const List *ids)
{
	ListCell   *cell;

	foreach(cell, ids)
	{
		const char *id = lfirst(cell);

		job->replaced++;
		pending_leave_out(job->pending, id);
		ereport(NOTICE,
				(errmsg("row \"%s\" of %s was replaced or deleted while it was segmented: it is left for another call",
						id, job->source->name)));
	}
}

/* Segment the images of a batch, and count them; or undo it all and leave it to another batch, without those that were
 * replaced. */
static void
predict_rows_or_undo(Predict *job, PredictBatch *batch, const SPITupleTable *rows)
{
	PredictStep step = {job, batch, rows, NIL};
	ErrorData  *error = caught_in_step(predict_step, &step, CurrentMemoryContext);

	if (step.replaced != NIL)
	{
		leave_out_replaced(job, step.replaced);
		pending_undone(job->pending);
		segment_progress_undone(batch->segmented);
		return;
	}
	if (error != NULL)
		ReThrowError(error);
	job->segmented += batch->segmented;
	job->broken += batch->broken;
}

bool
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
		predict_rows_or_undo(job, &batch, rows);
		prediction_end(&batch.insert);
		SPI_freetuptable(rows);
	}
	SPI_finish();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return rows != NULL;
}

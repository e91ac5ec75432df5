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
 * Rows are stored together when the images of the batch are segmented, but for
 * those of images that were replaced or deleted meanwhile.
 *
 * Small images are segmented in groups of as many as there are threads. The
 * order of rows is that of the ids in any case.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "pg/base/values/bytes.h"
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

/* Rows that take more wait no longer for the rest of their batch. */
#define FINISHED_BYTES ((Size) 32 * 1024 * 1024)

/* So many seconds after the first look, others may have replaced images behind it. */
#define SECONDS_TO_STORE 1.0

/* ---- time ---- */

/* Seconds since a time. */
static double
seconds_since(instr_time begun)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, begun);
	return INSTR_TIME_GET_DOUBLE(now);
}

/* Is there time for another image? */
static bool
time_left(const Predict *job)
{
	return seconds_since(job->started) < job->max_seconds;
}

/* ---- one image ---- */

/* What is the same for all images of a batch. */
typedef struct PredictBatch
{
	const ModelVersion *version;
	SegmentOptions options;
	PredictionInsert insert;
	PredictionRow row;			/* a row with the columns that are the same */
	EngineNames engine;			/* of the images at hand: code of a user that runs between two groups can set another */
	MemoryContext context;		/* of what is finished */
	List	   *finished;		/* of FinishedImage, in the order of ids */
	uint64		settled;		/* fetched rows before the first of these */
	MemoryContext lasting;		/* of what follows */
	List	   *stored;			/* ids of the rows that were stored, in order */
	instr_time	first_look;		/* at whether images were replaced, before the first of these was stored */
} PredictBatch;

/* What came of an image, for as long as it is not stored. */
typedef struct FinishedImage
{
	const char *id;
	const char *name;			/* as messages name it */
	PredictionRow row;
	Status	   *status;			/* of an image that cannot be decoded; else NULL */
} FinishedImage;

/* Set the columns of an image's result. */
static void
set_mask(PredictionRow *row, const SegmentationItem *item)
{
	const Segmentation *made = &item->made;

	prediction_set(row, PREDICTION_MASK, datumCopy(item->png, false, -1));
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

/* Make the row of an image, with its mask or its error. */
static void
make_row(const PredictBatch *batch, const char *id, const SegmentationItem *item, PredictionRow *row)
{
	*row = batch->row;
	prediction_set(row, PREDICTION_BACKEND, CStringGetTextDatum(batch->engine.backend));
	prediction_set(row, PREDICTION_PRECISION, CStringGetTextDatum(batch->engine.precision));
	set_image(row, id, &item->bytes);
	if (item->status.code == LS_OK)
		set_mask(row, item);
	else
	{
		prediction_set(row, PREDICTION_NEEDS_REVIEW, BoolGetDatum(true));
		prediction_set(row, PREDICTION_ERROR, CStringGetTextDatum(whole_characters(item->status.message)));
	}
}

/* Keep what came of an image until it is stored, or leave it for another call. */
static void
keep_image(Predict *job, PredictBatch *batch, const Call *call, const char *id, SegmentationItem *item)
{
	char	   *name = psprintf("row \"%s\" of %s", id, job->source->name);
	MemoryContext caller;
	FinishedImage *image;

	if (item->status.code == LS_LIMIT_EXCEEDED)
	{
		leave_out(job, id, name, &item->status);
		return;
	}
	if (item->status.code != LS_OK && !broken_is_rows_fault(item->status))
		check_argument(call, name, item->status);
	caller = MemoryContextSwitchTo(batch->context);
	image = palloc0(sizeof *image);
	image->id = pstrdup(id);
	image->name = pstrdup(name);
	make_row(batch, id, item, &image->row);
	if (item->status.code != LS_OK)
	{
		image->status = palloc(sizeof *image->status);
		*image->status = item->status;
	}
	batch->finished = lappend(batch->finished, image);
	MemoryContextSwitchTo(caller);
}

/* Note the id of a row that is stored. */
static void
note_stored(PredictBatch *batch, const char *id)
{
	MemoryContext caller = MemoryContextSwitchTo(batch->lasting);

	batch->stored = lappend(batch->stored, pstrdup(id));
	MemoryContextSwitchTo(caller);
}

/* Count an image whose row is stored, or is not. */
static void
count_image(Predict *job, PredictBatch *batch, const FinishedImage *image, PredictionOutcome outcome)
{
	const ModelVersion *version = batch->version;

	if (outcome == PREDICTION_STORED)
		note_stored(batch, image->id);
	if (outcome != PREDICTION_STORED)
	{
		job->taken += outcome == PREDICTION_TAKEN;
		job->broken += outcome == PREDICTION_NO_ROOM;
		job->blocked += outcome == PREDICTION_BLOCKED;
		pending_leave_out(job->pending, image->id);
	}
	else if (image->status == NULL)
	{
		job->segmented++;
		segment_progress_image(version->model, version->number);
	}
	else
	{
		job->broken++;
		ereport(WARNING,
				(errcode(status_sqlstate(image->status->code)),
				 errmsg("%s is not segmented: %s", image->name, whole_characters(image->status->message))));
	}
}

/* Leave an image that was replaced for another call: whoever replaces some all the time must not keep the job going for
 * ever. */
static void
leave_out_replaced(Predict *job, const FinishedImage *image)
{
	job->replaced++;
	pending_leave_out(job->pending, image->id);
	ereport(NOTICE,
			(errmsg("%s was replaced or deleted while it was segmented: it is left for another call", image->name)));
}

/* Is an id among others? They are in order, and ids are asked for in theirs; `next` is where to look. */
static bool
is_among(const List *ids, int *next, const char *id)
{
	while (*next < list_length(ids) && strcmp(list_nth(ids, *next), id) < 0)
		(*next)++;
	return *next < list_length(ids) && strcmp(list_nth(ids, *next), id) == 0;
}

/* Store rows, but for those of images that were replaced. Both lists are in the order of ids. */
static void
store_rows(Predict *job, PredictBatch *batch, const List *replaced)
{
	int			next = 0;
	ListCell   *cell;

	foreach(cell, batch->finished)
	{
		const FinishedImage *image = lfirst(cell);

		CHECK_FOR_INTERRUPTS();
		if (is_among(replaced, &next, image->id))
			leave_out_replaced(job, image);
		else
			count_image(job, batch, image, prediction_insert(&batch->insert, &image->row, image->name));
	}
}

/*
 * Look once more at the images whose rows are stored, of the fetched rows before
 * `reached`. Where one was replaced by now, the batch must be undone. That an image of
 * a view is gone tells nothing: it may show those without rows.
 */
static void
check_stored(const Predict *job, const PredictBatch *batch, const SPITupleTable *rows, uint64 reached)
{
	int			next = 0;
	ListCell   *cell;

	/* Memory of the queries goes with the connection. */
	SPI_connect();
	foreach(cell, pending_replaced(job->pending, rows, 0, reached, job->source->knows_nulls))
		if (is_among(batch->stored, &next, lfirst(cell)))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("row \"%s\" of %s was replaced or deleted behind the look at it before its mask was stored",
							(char *) lfirst(cell), job->source->name),
					 errdetail("The batch is undone."),
					 errhint("Call lesion_predict again. Smaller batches, and a lock_timeout where other sessions hold "
							 "rows, leave less time for it.")));
	SPI_finish();
}

/*
 * Store what is finished, of the fetched rows before `reached`. Whoever replaces
 * or deletes an image deletes its row, and one that this batch stores they cannot
 * see yet: the next image of that id would count as segmented for ever. So rows
 * of images that are gone or others by now are not stored.
 */
static void
store_finished(Predict *job, PredictBatch *batch, const SPITupleTable *rows, uint64 reached)
{
	if (batch->finished != NIL)
	{
		List	   *replaced;

		/* Memory of the queries goes with the connection. */
		SPI_connect();
		relation_check(&job->source->known);
		if (batch->stored == NIL)
			INSTR_TIME_SET_CURRENT(batch->first_look);
		replaced = pending_replaced(job->pending, rows, batch->settled, reached, true);
		store_rows(job, batch, replaced);
		SPI_finish();
	}
	MemoryContextReset(batch->context);
	batch->finished = NIL;
	batch->settled = reached;
}

/* ---- a batch ---- */

/* Get ready to segment with a version. */
static void
begin_batch(const Predict *job, const ModelVersion *version, PredictBatch *batch)
{
	PredictionRow *row = &batch->row;

	memset(batch, 0, sizeof *batch);
	batch->lasting = CurrentMemoryContext;
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg finished images", ALLOCSET_DEFAULT_SIZES);
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

/* Images that were read and are not yet segmented. */
typedef struct Waiting
{
	MemoryContext context;		/* of their bytes and of all that comes of them */
	Call	   *call;			/* NULL: none is waiting */
	int			count;
	const char *ids[GROUP_IMAGES];
	SegmentationItem items[GROUP_IMAGES];
} Waiting;

/* Segment the images that wait, and keep what comes of them. */
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

/* Segment the images of a batch while there is time, the first one in any
 * case, and store what came of them. */
static void
predict_rows(Predict *job, PredictBatch *batch, const SPITupleTable *rows)
{
	Waiting		waiting = {
		.context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg prediction rows", ALLOCSET_DEFAULT_SIZES)
	};
	char	   *last = NULL;
	uint64		i;

	for (i = 0; i < rows->numvals && !job->out_of_time; i++)
	{
		char	   *id = batch_image_id(rows, i);
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
		if (MemoryContextMemAllocated(batch->context, true) > FINISHED_BYTES && waiting.count == 0)
			store_finished(job, batch, rows, i + 1);
	}
	if (waiting.count > 0)
		segment_waiting(job, batch, &waiting);
	MemoryContextDelete(waiting.context);
	store_finished(job, batch, rows, i);
	if (batch->stored != NIL && seconds_since(batch->first_look) > SECONDS_TO_STORE)
		check_stored(job, batch, rows, i);
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
	if (version->number != job->version)	/* after a promotion all images are pending again */
		job->limited = job->blocked = 0;
	job->version = version->number;
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

/*
 * segment_progress.c: see segment_progress.h.
 *
 * A function does not hear when the query that calls it ends, by success or
 * by error; the query's memory context does, and calls back.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/base/values/row_values.h"
#include "pg/base/progress_slots.h"
#include "pg/segment/segment_progress.h"

PG_FUNCTION_INFO_V1(lesion_segmentation_slots);

#define SECONDS_BETWEEN_NOTICES 10

/* Queries of this process that segment. A query may have several such places,
 * and may run another query. */
static int	open_places = 0;

/* What they do. */
static SegmentProgress segmenting;

/* Of a job: when it last said how far it is. */
static TimestampTz told;

/* Show others what this process does. */
static void
show_segmenting(bool running)
{
	ProcessProgress *process = progress_mine();

	segmenting.running = running;
	if (process == NULL)
		return;
	process->segmenting = segmenting;
	progress_publish();
}

/* A place is gone. */
static void
end_place(void *argument)
{
	if (--open_places == 0)
		show_segmenting(false);
}

void
segment_progress_begin(MemoryContext query)
{
	MemoryContextCallback *callback = MemoryContextAllocZero(query, sizeof *callback);

	callback->func = end_place;
	MemoryContextRegisterResetCallback(query, callback);
	if (open_places++ > 0)
		return;
	memset(&segmenting, 0, sizeof segmenting);
	strlcpy(segmenting.activity, "segment", sizeof segmenting.activity);
}

MemoryContext
segment_progress_job(const char *activity, int64 total)
{
	MemoryContext job = AllocSetContextCreate(CurrentMemoryContext, "lesionseg progress", ALLOCSET_SMALL_SIZES);

	segment_progress_begin(job);
	memset(&segmenting, 0, sizeof segmenting);
	strlcpy(segmenting.activity, activity, sizeof segmenting.activity);
	segmenting.is_job = true;
	segmenting.total = total;
	told = GetCurrentTimestamp();
	return job;
}

void
segment_progress_total(int64 total)
{
	segmenting.total = total;
}

char *
duration_text(double seconds)
{
	if (seconds < 90)
		return psprintf("%.0f s", seconds);
	if (seconds < 90 * 60)
		return psprintf("%.0f min", seconds / 60);
	return psprintf("%d h %d min", (int) (seconds / 3600), (int) fmod(seconds / 60, 60));
}

/* Images per second between the first image and the latest; 0 = not known. */
static double
speed(const SegmentProgress *progress)
{
	double		seconds = 1e-6 * (progress->at - progress->began);

	return seconds > 0 ? (progress->images - 1) / seconds : 0;
}

/* Say how far a job is. */
static void
announce_segmenting(void)
{
	double		images_per_second = speed(&segmenting);
	int64		left = segmenting.total - segmenting.images;

	if (!segmenting.is_job || images_per_second <= 0 ||
		!TimestampDifferenceExceeds(told, segmenting.at, SECONDS_BETWEEN_NOTICES * 1000))
		return;
	told = segmenting.at;
	if (left > 0)
		ereport(NOTICE,
				(errmsg("%s: " INT64_FORMAT " of " INT64_FORMAT " images, %.1f images/s, %s left", segmenting.activity,
						segmenting.images, segmenting.total, images_per_second,
						duration_text(left / images_per_second))));
	else if (segmenting.total == 0)
		ereport(NOTICE,
				(errmsg("%s: " INT64_FORMAT " images, %.1f images/s", segmenting.activity, segmenting.images,
						images_per_second)));
}

void
segment_progress_image(const char *model, int version)
{
	segmenting.at = GetCurrentTimestamp();
	if (segmenting.images++ == 0)
		segmenting.began = segmenting.at;
	strlcpy(segmenting.model, model, sizeof segmenting.model);
	segmenting.version = version;
	show_segmenting(true);
	announce_segmenting();
}

/* What the function of 0.2 returned. */
#define COLUMNS_OF_0_2 8

/* Add a row for a process. */
static void
put_segmenting(ReturnSetInfo *result, const ProcessProgress *process)
{
	const SegmentProgress *progress = &process->segmenting;
	RowBuilder	row = row_begin_in(result);

	row_set(&row, "pid", INT4OID, Int32GetDatum(process->pid));
	row_set(&row, "leader", INT4OID, Int32GetDatum(process->leader));
	row_set(&row, "model", TEXTOID, CStringGetTextDatum(progress->model));
	row_set(&row, "version", INT4OID, Int32GetDatum(progress->version));
	row_set(&row, "images", INT8OID, Int64GetDatum(progress->images));
	if (progress->at > progress->began)
		row_set_float8(&row, "images_per_second", speed(progress));
	row_set(&row, "began", TIMESTAMPTZOID, TimestampTzGetDatum(progress->began));
	row_set(&row, "at", TIMESTAMPTZOID, TimestampTzGetDatum(progress->at));
	if (result->setDesc->natts > COLUMNS_OF_0_2)
	{
		row_set(&row, "activity", TEXTOID, CStringGetTextDatum(progress->activity));
		if (progress->total != 0)
			row_set(&row, "total", INT8OID, Int64GetDatum(progress->total));
	}
	row_put(result, &row);
}

/* lesion_segmentation_slots(): what the processes on this database that
 * segment say; the caller sees those that he may */
Datum
lesion_segmentation_slots(PG_FUNCTION_ARGS)
{
	ProcessProgress progress;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < progress_count(); i++)
		if (progress_read(i, &progress) && progress.segmenting.running && progress_may_see(&progress))
			put_segmenting((ReturnSetInfo *) fcinfo->resultinfo, &progress);
	return (Datum) 0;
}

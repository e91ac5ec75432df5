/*
 * segment_progress.c: see segment_progress.h.
 *
 * A function does not hear when the query that calls it ends, by success or
 * by error; the query's memory context does, and calls back.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/base/progress_slots.h"
#include "pg/segment/segment_progress.h"

PG_FUNCTION_INFO_V1(lesion_segmentation_slots);

/* Places in queries of this process that segment: a query may have several,
 * and run another query. */
static int	open_places = 0;

/* A place is gone. */
static void
end_place(void *argument)
{
	ProcessProgress *process = progress_mine();

	if (--open_places > 0 || process == NULL)
		return;
	process->segmenting.running = false;
	progress_publish();
}

void
segment_progress_begin(MemoryContext query)
{
	MemoryContextCallback *callback;
	ProcessProgress *process = progress_mine();

	if (process == NULL)
		return;
	callback = MemoryContextAllocZero(query, sizeof *callback);
	callback->func = end_place;
	MemoryContextRegisterResetCallback(query, callback);
	if (open_places++ == 0)
		memset(&process->segmenting, 0, sizeof process->segmenting);
}

void
segment_progress_image(const char *model, int version)
{
	ProcessProgress *process = progress_mine();
	SegmentProgress *segmenting;

	if (process == NULL)
		return;
	segmenting = &process->segmenting;
	segmenting->at = GetCurrentTimestamp();
	if (segmenting->images++ == 0)
		segmenting->began = segmenting->at;
	segmenting->running = true;
	strlcpy(segmenting->model, model, sizeof segmenting->model);
	segmenting->version = version;
	progress_publish();
}

/* Add a row for a process. */
static void
put_row(ReturnSetInfo *result, const ProcessProgress *process)
{
	const SegmentProgress *segmenting = &process->segmenting;
	double		seconds = 1e-6 * (segmenting->at - segmenting->began);
	Datum		values[8];
	bool		nulls[8] = {false};

	values[0] = Int32GetDatum(process->pid);
	values[1] = Int32GetDatum(process->leader);
	values[2] = CStringGetTextDatum(segmenting->model);
	values[3] = Int32GetDatum(segmenting->version);
	values[4] = Int64GetDatum(segmenting->images);
	nulls[5] = seconds <= 0;
	values[5] = Float8GetDatum(nulls[5] ? 0 : (segmenting->images - 1) / seconds);
	values[6] = TimestampTzGetDatum(segmenting->began);
	values[7] = TimestampTzGetDatum(segmenting->at);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* lesion_segmentation_slots(): what the processes on this database that segment say, as far as it is for the caller */
Datum
lesion_segmentation_slots(PG_FUNCTION_ARGS)
{
	ProcessProgress progress;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < progress_count(); i++)
		if (progress_read(i, &progress) && progress.segmenting.running && progress_may_see(&progress))
			put_row((ReturnSetInfo *) fcinfo->resultinfo, &progress);
	return (Datum) 0;
}

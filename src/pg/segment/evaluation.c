/*
 * evaluation.c: see evaluation.h.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "pg/base/values/arguments.h"
#include "pg/base/call.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/seen.h"
#include "pg/segment/segment_progress.h"
#include "pg/base/split.h"

/* Seconds since `start`. */
static double
seconds_since(instr_time start)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, start);
	return INSTR_TIME_GET_DOUBLE(now);
}

bool
evaluation_contains(const void *context, const ImageRow *row)
{
	const EvaluationTask *task = context;
	SplitPart	part;

	if (strcmp(task->subset, "all") == 0)
		return true;
	part = split_part_of(&task->split, row->group);
	if (strcmp(task->subset, "validation") == 0)
		return part == SPLIT_VALIDATION;
	return (part == SPLIT_TEST) == (strcmp(task->subset, "test") == 0);
}

/* Segment one fetched row at the size of its true mask, or at its own. */
static Status
segment_row(const ModelStore *store, const EvaluationTask *task, const Call *call, const ImageRow *row,
			const Image *truth, Segmented *predicted)
{
	if (task->classical == NULL)
		return model_segment(store, task->version, call, &row->image, &task->options, truth->width, truth->height,
							 true, predicted);
	predicted->predicted_dice = NAN;
	return classical_model_segment(task->classical, call, &row->image, &predicted->mask);
}

/* Segment one fetched row and add it to state and images; *seconds grows by the time
 * that segmenting took. */
static Status
score_row(const ModelStore *store, const EvaluationTask *task, const Call *call, const ImageRow *row,
		  bool seen, ScoreState *state, ImageScores *images, double *seconds)
{
	Image		truth;
	Segmented	predicted;
	ConfusionCounts counts;
	BoundaryScore outlines;
	instr_time	start;

	TRY(images_decode_mask(call, row, task->options.turn, &truth));
	INSTR_TIME_SET_CURRENT(start);
	TRY(segment_row(store, task, call, row, &truth, &predicted));
	*seconds += seconds_since(start);
	TRY(confusion_count(call, &predicted.mask, &truth, &counts));
	TRY(boundary_score(call, &predicted.mask, &truth, (PixelSpacing) {1, 1}, 0, &outlines));
	score_add(state, &counts);
	image_scores_add(images, row->id, row->by, &counts, &outlines, predicted.predicted_dice, seen);
	return status_ok();
}

void
evaluation_open(EvaluationTask *task, Oid images, ImagesColumns *columns, const char *group_column)
{
	const ModelVersion *version = task->version;
	bool		split = strcmp(task->subset, "all") != 0;

	if (split && group_column != NULL)
		columns->group = split_columns_single(group_column);
	else if (split && version->split.columns != NULL)
	{
		columns->group = version->split.columns;
		columns->group_reason = psprintf("Version %d of model \"%s\" was split by it; subset => 'all' needs no split.",
										 version->number, version->model);
	}
	task->source = images_open(images, columns);
	task->split = version->split;
	task->split.columns = split ? task->source->group_columns : NULL;
}

Evaluation
evaluation_run(const ModelStore *store, const EvaluationTask *task)
{
	Evaluation	evaluation = {.begun = GetCurrentTimestamp()};
	BrokenRows	broken = {task->source};
	ImagesScan	scan;
	ImageRow	row;
	ScoreState	state = {0};
	SeenImages	trained_on = seen_nothing();
	double		segmenting = 0;
	int64		rows;
	MemoryContext progress;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	images_count(task->source, &rows, &broken.usable);
	if (task->classical == NULL)
	{
		trained_on = seen_open(store, task->version);
		model_load(store, task->version);
	}

	progress = segment_progress_job("evaluate", images_wanted(task->source, evaluation_contains, task));
	images_begin(task->source, evaluation_contains, task, &scan);
	while (images_next(&scan, &row))
	{
		Call	   *call;
		Status		status;
		bool		seen;

		images_fetch(&scan, &row);
		seen = seen_contains(&trained_on, &row);
		call = call_create(CurrentMemoryContext, settings_threads(false));
		status = score_row(store, task, call, &row, seen, &state, &evaluation.images, &segmenting);
		trained_on.seen += seen && status.code == LS_OK;
		evaluation.too_large += status.code == LS_LIMIT_EXCEEDED;
		if (!(task->quiet && broken_or_too_large(status)))
			(void) broken_row(&broken, call, row.id, status);
		call_destroy(call);
		segment_progress_image(task->version->model, task->version->number);
	}
	evaluation.skipped = scan.skipped;
	images_end(&scan);
	MemoryContextDelete(progress);
	broken_check(&broken, state.n + broken.broken);

	evaluation.score = score_final(&state);
	evaluation.outlines = image_scores_outlines(&evaluation.images);
	evaluation.broken = broken.broken;
	evaluation.seconds = seconds_since(start);
	evaluation.images_per_second = segmenting > 0 ? state.n / segmenting : 0;
	evaluation.seen = seen_count(&trained_on);
	return evaluation;
}

void
evaluation_check_version(const ModelStore *store, const EvaluationTask *task)
{
	const ModelVersion *scored = task->version;
	const ModelVersion *stored;

	if (task->classical != NULL)
		return;
	stored = store_need_version(store, scored->model, &scored->number);
	if (memcmp(stored->sha256, scored->sha256, SHA256_BYTES) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("version %d of model \"%s\" is no longer the one that was scored", scored->number,
						scored->model),
				 errdetail("The model was dropped, and one of its name was made, while images were scored."),
				 errhint("Call again.")));
}

void
evaluation_row_source(const EvaluationTask *task, StoredRow *row)
{
	const ImagesSource *source = task->source;

	stored_row_text(row, "images", source->name);
	stored_row_text(row, "image_column", source->image_column);
	stored_row_text(row, "mask_column", source->mask_column);
	stored_row_text(row, "id_column", source->other_id);
	stored_row_text(row, "viewed_as", source->viewed_as);
	(void) stored_row_set(row, "kept_snapshot", BOOLOID, BoolGetDatum(source->kept_snapshot));
	(void) stored_row_set(row, "grouped", BOOLOID, BoolGetDatum(source->grouped));
	stored_row_text(row, "subset", task->subset);
	if (task->split.columns != NULL)
		(void) stored_row_set(row, "split_columns", TEXTARRAYOID, split_columns_datum(task->split.columns));
}

void
evaluation_store(const ModelStore *store, const EvaluationTask *task, const Evaluation *evaluation)
{
	const DatasetScore *score = &evaluation->score;
	SPITupleTable *stored;
	StoredRow	row;

	stored_row_begin(&row);
	stored_row_text(&row, "model", task->version->model);
	if (task->classical == NULL)
		stored_row_int4(&row, "version", task->version->number);
	evaluation_row_source(task, &row);
	stored_row_text(&row, "by_column", task->by_column);
	stored_row_int8(&row, "split_seed", task->split.seed);
	stored_row_float8(&row, "test_fraction", task->split.test_fraction);
	stored_row_float8(&row, "validation_fraction", task->split.validation_fraction);
	stored_row_int4(&row, "fold", task->split.fold);
	if (task->classical == NULL)
		stored_row_float8(&row, "threshold", task->options.threshold);
	(void) stored_row_set(&row, "options", JSONBOID,
						  JsonbPGetDatum(task->classical != NULL ? classical_model_options(task->classical) :
										 segment_options_jsonb(&task->options)));
	(void) stored_row_set(&row, "evaluated_at", TIMESTAMPTZOID, TimestampTzGetDatum(evaluation->begun));
	stored_row_int8(&row, "n", score->n);
	stored_row_float8(&row, "dice", score->dice);
	stored_row_float8(&row, "iou", score->iou);
	stored_row_float8(&row, "jaccard", score->jaccard);
	stored_row_float8(&row, "f1", score->f1);
	stored_row_float8(&row, "threshold_jaccard", score->threshold_jaccard);
	stored_row_float8(&row, "sensitivity", score->sensitivity);
	stored_row_float8(&row, "specificity", score->specificity);
	stored_row_float8(&row, "precision", score->precision);
	stored_row_float8(&row, "accuracy", score->accuracy);
	stored_row_float8(&row, "hausdorff95", evaluation->outlines.hausdorff95);
	stored_row_float8(&row, "assd", evaluation->outlines.assd);
	stored_row_float8(&row, "surface_dice", evaluation->outlines.surface_dice);
	stored_row_int8(&row, "no_distance", evaluation->outlines.no_distance);
	stored_row_int8(&row, "skipped", evaluation->skipped);
	stored_row_int8(&row, "broken", evaluation->broken);
	stored_row_int8(&row, "too_large", evaluation->too_large);
	if (evaluation->seen >= 0)
		stored_row_int8(&row, "seen", evaluation->seen);
	stored_row_float8(&row, "images_per_second", evaluation->images_per_second);
	stored_row_float8(&row, "seconds", evaluation->seconds);
	stored_row_insert(store, "lesion_evaluation", &row, "RETURNING *", SPI_OK_INSERT_RETURNING);
	stored = SPI_tuptable;
	image_scores_store(store, &evaluation->images,
					   DatumGetInt64(row_needed(stored->vals[0], stored->tupdesc, 1, INT8OID)));
	evaluation_check_version(store, task);
	SPI_tuptable = stored;
}

void
evaluation_nothing(const EvaluationTask *task)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no row of %s with an image and a mask is in subset \"%s\"", task->source->name, task->subset),
			 strcmp(task->subset, "validation") == 0 ?
			 errhint("Add rows, raise validation_fraction (now %g), or score another subset.",
					 task->split.validation_fraction) :
			 errhint("Add rows, change test_fraction (now %g), or score all rows with subset => 'all'.",
					 task->split.test_fraction)));
}

void
evaluation_check_subset(const char *subset)
{
	if (strcmp(subset, "test") != 0 && strcmp(subset, "validation") != 0 && strcmp(subset, "train") != 0 &&
		strcmp(subset, "all") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("subset \"%s\" does not exist", subset),
				 errhint("Subsets are 'test', 'validation', 'train' and 'all'.")));
}

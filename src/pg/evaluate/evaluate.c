/*
 * evaluate.c: see evaluate.h, and the SQL function lesion_evaluate.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "utils/builtins.h"

#include "pg/base/arguments.h"
#include "pg/base/call.h"
#include "pg/base/row_values.h"
#include "pg/base/settings.h"
#include "pg/evaluate/evaluate.h"
#include "pg/images/split.h"

PG_FUNCTION_INFO_V1(lesion_evaluate);

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
evaluation_contains(const EvaluationTask *task, const char *id)
{
	if (strcmp(task->subset, "all") == 0)
		return true;
	return split_is_test(id, task->split_seed, task->test_fraction) == (strcmp(task->subset, "test") == 0);
}

/* Segment one fetched row and add it to state and images; *seconds grows by the time
 * that segmenting took. */
static Status
score_row(const ModelStore *store, const EvaluationTask *task, const Call *call, const ImageRow *row,
		  ScoreState *state, ImageScores *images, double *seconds)
{
	Image		truth;
	Segmented	predicted;
	ConfusionCounts counts;
	instr_time	start;

	TRY(images_decode_mask(call, row, task->options.turn, &truth));
	INSTR_TIME_SET_CURRENT(start);
	TRY(model_segment(store, task->version, call, &row->image, &task->options, truth.width, truth.height, true,
					  &predicted));
	*seconds += seconds_since(start);
	TRY(confusion_count(call, &predicted.mask, &truth, &counts));
	score_add(state, &counts);
	image_scores_add(images, row->id, &counts, predicted.predicted_dice);
	return status_ok();
}

Evaluation
evaluation_run(const ModelStore *store, const EvaluationTask *task)
{
	Evaluation	evaluation = {0};
	BrokenRows	broken = {task->source};
	ImagesScan	scan;
	ImageRow	row;
	ScoreState	state = {0};
	double		segmenting = 0;
	int64		rows;
	instr_time	start;

	INSTR_TIME_SET_CURRENT(start);
	images_count(task->source, &rows, &broken.usable);
	model_load(store, task->version);

	images_begin(task->source, &scan);
	while (images_next(&scan, &row))
	{
		Call *call;
		Status		status;

		if (!evaluation_contains(task, row.id))
			continue;
		images_fetch(&scan, &row);
		call = call_create(CurrentMemoryContext, settings_threads(false));
		status = score_row(store, task, call, &row, &state, &evaluation.images, &segmenting);
		if (!(task->quiet && broken_is_rows_fault(status)))
			(void) broken_row(&broken, call, row.id, status);
		call_destroy(call);
	}
	evaluation.skipped = scan.skipped;
	images_end(&scan);
	broken_check(&broken, state.n + broken.broken);

	evaluation.score = score_final(&state);
	evaluation.broken = broken.broken;
	evaluation.seconds = seconds_since(start);
	evaluation.images_per_second = segmenting > 0 ? state.n / segmenting : 0;
	return evaluation;
}

void
evaluation_store(const ModelStore *store, const EvaluationTask *task, const Evaluation *evaluation)
{
	const DatasetScore *score = &evaluation->score;
	SPITupleTable *stored;
	Oid			types[] = {
		TEXTOID, INT4OID, TEXTOID, TEXTOID, INT8OID, FLOAT8OID, FLOAT8OID, INT8OID,
		FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID, FLOAT8OID,
		INT8OID, INT8OID, FLOAT8OID, FLOAT8OID, JSONBOID
	};
	Datum		values[] = {
		CStringGetTextDatum(task->version->model),
		Int32GetDatum(task->version->number),
		CStringGetTextDatum(task->source->name),
		CStringGetTextDatum(task->subset),
		Int64GetDatum(task->split_seed),
		Float8GetDatum(task->test_fraction),
		Float8GetDatum(task->options.threshold),
		Int64GetDatum(score->n),
		Float8GetDatum(score->dice),
		Float8GetDatum(score->iou),
		Float8GetDatum(score->jaccard),
		Float8GetDatum(score->f1),
		Float8GetDatum(score->threshold_jaccard),
		Float8GetDatum(score->sensitivity),
		Float8GetDatum(score->specificity),
		Float8GetDatum(score->precision),
		Float8GetDatum(score->accuracy),
		Int64GetDatum(evaluation->skipped),
		Int64GetDatum(evaluation->broken),
		Float8GetDatum(evaluation->images_per_second),
		Float8GetDatum(evaluation->seconds),
		JsonbPGetDatum(segment_options_jsonb(&task->options))
	};

	StaticAssertStmt(lengthof(types) == lengthof(values), "a type for each value");
	store_execute(store,
				  "INSERT INTO @lesion_evaluation (model, version, images, subset, split_seed, test_fraction, "
				  "threshold, n, dice, iou, jaccard, f1, threshold_jaccard, sensitivity, specificity, "
				  "\"precision\", accuracy, skipped, broken, images_per_second, seconds, options) "
				  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, "
				  "$18::int, $19::int, $20, $21, $22) RETURNING *",
				  lengthof(types), types, values, NULL, SPI_OK_INSERT_RETURNING);
	stored = SPI_tuptable;
	image_scores_store(store, &evaluation->images,
					   DatumGetInt64(row_needed(stored->vals[0], stored->tupdesc, 1, INT8OID)));
	SPI_tuptable = stored;
}

void
evaluation_nothing(const EvaluationTask *task)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no row of %s with an image and a mask is in subset \"%s\"", task->source->name, task->subset),
			 errhint("Add rows, change test_fraction (now %g), or score all rows with subset => 'all'.",
					 task->test_fraction)));
}

/* The stored row in SPI_tuptable as a datum of the function's result type,
 * in the current context. */
static Datum
stored_row_datum(TupleDesc descriptor)
{
	Datum		values[MaxTupleAttributeNumber];
	bool		nulls[MaxTupleAttributeNumber];

	row_values_by_name(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, descriptor, values, nulls);
	return HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls));
}

void
evaluation_check_subset(const char *subset)
{
	if (strcmp(subset, "test") != 0 && strcmp(subset, "train") != 0 && strcmp(subset, "all") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("subset \"%s\" does not exist", subset),
				 errhint("Subsets are 'test', 'train' and 'all'.")));
}

/* lesion_evaluate(images, model, subset, image_column, mask_column,
 * id_column, split_seed, test_fraction, threshold, version, tta,
 * options, enhance) returns lesion_evaluation */
Datum
lesion_evaluate(PG_FUNCTION_ARGS)
{
	Oid			images = argument_oid(fcinfo, 0, "images");
	char	   *model = argument_text(fcinfo, 1, "model");
	ModelStore	store = store_open(fcinfo, false);
	MemoryContext caller = CurrentMemoryContext;
	EvaluationTask task = {0};
	Evaluation	evaluation;
	TupleDesc	descriptor;
	int			version = PG_ARGISNULL(9) ? 0 : PG_GETARG_INT32(9);
	Datum		result;

	PreventCommandIfReadOnly("lesion_evaluate()");
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_evaluate must return a row");
	descriptor = BlessTupleDesc(descriptor);
	task.subset = argument_text(fcinfo, 2, "subset");
	evaluation_check_subset(task.subset);
	store_check_rights(&store, "lesion_evaluation", ACL_INSERT, "evaluate");
	store_check_rights(&store, "lesion_image_score", ACL_INSERT, "evaluate");

	SPI_connect();
	task.version = store_need_version(&store, model, PG_ARGISNULL(9) ? NULL : &version);
	task.split_seed = PG_ARGISNULL(6) ? task.version->split_seed : PG_GETARG_INT64(6);
	task.test_fraction = PG_ARGISNULL(7) ? task.version->test_fraction : PG_GETARG_FLOAT8(7);
	task.options.threshold = PG_ARGISNULL(8) ? task.version->threshold : PG_GETARG_FLOAT8(8);
	task.options.tta = !PG_ARGISNULL(10) && PG_GETARG_BOOL(10);
	argument_enhance(fcinfo, 12, task.version, &task.options);
	split_check_fraction("test_fraction", task.test_fraction);
	argument_check_threshold(task.options.threshold);
	if (!PG_ARGISNULL(11))
		segment_options_apply(PG_GETARG_JSONB_P(11), &task.options);
	task.source = images_open(images, argument_text(fcinfo, 3, "image_column"),
							  argument_text(fcinfo, 4, "mask_column"),
							  PG_ARGISNULL(5) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(5)));

	evaluation = evaluation_run(&store, &task);
	if (evaluation.score.n == 0)
		evaluation_nothing(&task);
	evaluation_store(&store, &task, &evaluation);
	MemoryContextSwitchTo(caller);
	result = stored_row_datum(descriptor);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

/*
 * evaluate.c: the SQL function lesion_evaluate.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "pg/base/split.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/seen.h"

PG_FUNCTION_INFO_V1(lesion_evaluate);

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

/* lesion_evaluate(images, model, subset, image_column, mask_column,
 * id_column, split_seed, test_fraction, threshold, version, tta,
 * options, enhance, group_column, validation_fraction, by_column) returns
 * lesion_evaluation */
Datum
lesion_evaluate(PG_FUNCTION_ARGS)
{
	Oid			images = argument_oid(fcinfo, 0, "images");
	char	   *model = argument_text(fcinfo, 1, "model");
	ModelStore	store = store_open(fcinfo, false);
	MemoryContext caller = CurrentMemoryContext;
	EvaluationTask task = {0};
	ImagesColumns columns = {0};
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
	task.options.threshold = PG_ARGISNULL(8) ? task.version->traits.threshold : PG_GETARG_FLOAT8(8);
	task.options.tta = !PG_ARGISNULL(10) && PG_GETARG_BOOL(10);
	argument_enhance(fcinfo, 12, task.version, &task.options);
	argument_check_threshold(task.options.threshold);
	if (!PG_ARGISNULL(11))
		segment_options_apply(PG_GETARG_JSONB_P(11), &task.options);
	columns.image = argument_text(fcinfo, 3, "image_column");
	columns.mask = argument_text(fcinfo, 4, "mask_column");
	columns.id = argument_text_or_null(fcinfo, 5);
	task.by_column = columns.by = argument_text_or_null(fcinfo, 15);
	evaluation_open(&task, images, &columns, argument_text_or_null(fcinfo, 13));
	if (!PG_ARGISNULL(6))
		task.split.seed = PG_GETARG_INT64(6);
	if (!PG_ARGISNULL(7))
		task.split.test_fraction = PG_GETARG_FLOAT8(7);
	if (!PG_ARGISNULL(14))
		task.split.validation_fraction = PG_GETARG_FLOAT8(14);
	split_check_fraction("test_fraction", task.split.test_fraction);
	split_check_fraction("validation_fraction", task.split.validation_fraction);

	evaluation = evaluation_run(&store, &task);
	if (evaluation.score.n == 0)
		evaluation_nothing(&task);
	seen_warn(task.version, &task.split, task.subset, evaluation.seen, evaluation.score.n);
	evaluation_store(&store, &task, &evaluation);
	MemoryContextSwitchTo(caller);
	result = stored_row_datum(descriptor);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

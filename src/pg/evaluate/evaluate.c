/*
 * evaluate.c: the SQL function lesion_evaluate.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/acl.h"

#include "pg/base/split.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/evaluate/split_arguments.h"
#include "pg/models/names/classical_name.h"
#include "pg/segment/classical_model.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/seen.h"

PG_FUNCTION_INFO_V1(lesion_evaluate);

/* Arguments of lesion_evaluate. */
enum
{
	ARGUMENT_IMAGES, ARGUMENT_MODEL, ARGUMENT_SUBSET, ARGUMENT_IMAGE_COLUMN, ARGUMENT_MASK_COLUMN,
	ARGUMENT_ID_COLUMN, ARGUMENT_SPLIT_SEED, ARGUMENT_TEST_FRACTION, ARGUMENT_THRESHOLD, ARGUMENT_VERSION,
	ARGUMENT_TTA, ARGUMENT_OPTIONS, ARGUMENT_ENHANCE, ARGUMENT_GROUP_COLUMN, ARGUMENT_VALIDATION_FRACTION,
	ARGUMENT_BY_COLUMN
};

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

/* Raise an error if an argument is given that only networks have. */
static void
refuse_for_classical(bool given, const char *model, const char *argument)
{
	if (given)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is a classical method and has no %s", model, argument),
				 errhint("Leave %s out. What can be set goes into options, as for lesion_segment_classical.",
						 argument)));
}

/* Let a task score a classical method. */
static void
read_classical(FunctionCallInfo fcinfo, const char *model, EvaluationTask *task)
{
	refuse_for_classical(!PG_ARGISNULL(ARGUMENT_VERSION), model, "version");
	refuse_for_classical(!PG_ARGISNULL(ARGUMENT_THRESHOLD), model, "threshold");
	refuse_for_classical(!PG_ARGISNULL(ARGUMENT_TTA) && PG_GETARG_BOOL(ARGUMENT_TTA), model, "tta");
	refuse_for_classical(!PG_ARGISNULL(ARGUMENT_ENHANCE), model, "enhance");
	task->classical = classical_model_open(model, PG_ARGISNULL(ARGUMENT_OPTIONS) ? NULL :
										   PG_GETARG_JSONB_P(ARGUMENT_OPTIONS));
	task->version = &task->classical->version;
}

/* Let a task score a version of a model. */
static void
read_network(FunctionCallInfo fcinfo, const ModelStore *store, const char *model, EvaluationTask *task)
{
	int			version = PG_ARGISNULL(ARGUMENT_VERSION) ? 0 : PG_GETARG_INT32(ARGUMENT_VERSION);

	task->version = store_need_version(store, model, PG_ARGISNULL(ARGUMENT_VERSION) ? NULL : &version);
	task->options.threshold = PG_ARGISNULL(ARGUMENT_THRESHOLD) ? task->version->traits.threshold :
		PG_GETARG_FLOAT8(ARGUMENT_THRESHOLD);
	task->options.tta = !PG_ARGISNULL(ARGUMENT_TTA) && PG_GETARG_BOOL(ARGUMENT_TTA);
	argument_enhance(fcinfo, ARGUMENT_ENHANCE, task->version, &task->options);
	argument_check_threshold(task->options.threshold);
	if (!PG_ARGISNULL(ARGUMENT_OPTIONS))
		segment_options_apply(PG_GETARG_JSONB_P(ARGUMENT_OPTIONS), &task->options);
}

/* lesion_evaluate(images, model, subset, image_column, mask_column,
 * id_column, split_seed, test_fraction, threshold, version, tta,
 * options, enhance, group_column, validation_fraction, by_column) returns
 * lesion_evaluation */
Datum
lesion_evaluate(PG_FUNCTION_ARGS)
{
	Oid			images = argument_oid(fcinfo, ARGUMENT_IMAGES, "images");
	char	   *model = argument_text(fcinfo, ARGUMENT_MODEL, "model");
	ModelStore	store = store_open(fcinfo, false);
	MemoryContext caller = CurrentMemoryContext;
	EvaluationTask task = {0};
	ImagesColumns columns = {0};
	Evaluation	evaluation;
	TupleDesc	descriptor;
	Datum		result;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_evaluate must return a row");
	descriptor = BlessTupleDesc(descriptor);
	task.subset = argument_text(fcinfo, ARGUMENT_SUBSET, "subset");
	evaluation_check_subset(task.subset);
	store_check_rights(&store, "lesion_evaluation", ACL_INSERT, "evaluate");
	store_check_rights(&store, "lesion_image_score", ACL_INSERT, "evaluate");

	SPI_connect();
	if (is_classical_name(model))
		read_classical(fcinfo, model, &task);
	else
		read_network(fcinfo, &store, model, &task);
	columns.image = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column");
	columns.mask = argument_text(fcinfo, ARGUMENT_MASK_COLUMN, "mask_column");
	columns.id = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN);
	task.by_column = columns.by = argument_text_or_null(fcinfo, ARGUMENT_BY_COLUMN);
	evaluation_open(&task, images, &columns, argument_text_or_null(fcinfo, ARGUMENT_GROUP_COLUMN));
	argument_split(fcinfo, ARGUMENT_SPLIT_SEED, ARGUMENT_TEST_FRACTION, ARGUMENT_VALIDATION_FRACTION, &task.split);

	evaluation = evaluation_run(&store, &task);
	if (evaluation.score.n == 0)
		evaluation_nothing(&task);
	if (task.classical == NULL)
		seen_warn(task.version, &task.split, task.subset, evaluation.seen, evaluation.score.n);
	evaluation_store(&store, &task, &evaluation);
	MemoryContextSwitchTo(caller);
	result = stored_row_datum(descriptor);
	SPI_finish();
	PG_RETURN_DATUM(result);
}

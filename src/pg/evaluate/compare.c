/*
 * compare.c: the SQL function lesion_compare: two versions of a model on the
 * same rows, with a paired bootstrap interval of the difference.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "measure/bootstrap.h"
#include "pg/base/values/arguments.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/evaluate/bootstrap_arguments.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/seen.h"

PG_FUNCTION_INFO_V1(lesion_compare);

/* Score a version; a WARNING says where it was trained on images that are scored. */
static Evaluation
score(const ModelStore *store, const EvaluationTask *common, const ModelVersion *version)
{
	EvaluationTask task = *common;
	Evaluation	evaluation;

	task.version = version;
	task.options.threshold = version->traits.threshold;
	task.options.enhance = version->traits.enhance;
	task.options.as_trained = true;
	evaluation = evaluation_run(store, &task);
	seen_warn(version, &task.split, task.subset, evaluation.seen, evaluation.score.n);
	return evaluation;
}

/* lesion_compare(images, model, version_a, version_b, subset, image_column,
 * mask_column, id_column, tta, draws, confidence, seed, group_column) */
Datum
lesion_compare(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	Oid			images = argument_oid(fcinfo, 0, "images");
	char	   *model = argument_text(fcinfo, 1, "model");
	int			number_a = argument_int(fcinfo, 2, "version_a");
	int			number_b = PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3);
	int			draws = argument_draws(fcinfo, 9);
	double		confidence = argument_confidence(fcinfo, 10);
	Call *call = call_create(CurrentMemoryContext, 1);
	EvaluationTask task = {.quiet = true};
	ImagesColumns columns = {0};
	ModelVersion *a;
	ModelVersion *b;
	Evaluation	score_a;
	Evaluation	score_b;
	BootstrapInterval dice;
	BootstrapInterval jaccard;
	double	   *differences;
	int64		count;
	TupleDesc	descriptor;
	Datum		values[12];
	bool		nulls[12] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "lesion_compare must return a row");
	descriptor = BlessTupleDesc(descriptor);
	argument_needed(fcinfo, 8, "tta");
	argument_needed(fcinfo, 11, "seed");

	SPI_connect();
	a = store_need_version(&store, model, &number_a);
	b = store_need_version(&store, model, PG_ARGISNULL(3) ? NULL : &number_b);
	task.subset = argument_text(fcinfo, 4, "subset");
	evaluation_check_subset(task.subset);
	task.version = b;
	task.options.tta = PG_GETARG_BOOL(8);
	columns.image = argument_text(fcinfo, 5, "image_column");
	columns.mask = argument_text(fcinfo, 6, "mask_column");
	columns.id = argument_text_or_null(fcinfo, 7);
	evaluation_open(&task, images, &columns, argument_text_or_null(fcinfo, 12));
	score_a = score(&store, &task, a);
	score_b = score(&store, &task, b);
	differences = palloc((score_b.images.count + 1) * sizeof(double));
	count = image_scores_pair(&score_a.images, &score_b.images, offsetof(ScoredImage, score.dice), false, differences);
	if (count == 0)
		evaluation_nothing(&task);
	check_status(call, bootstrap_mean(call, differences, count, draws, confidence, PG_GETARG_INT64(11), &dice));
	(void) image_scores_pair(&score_a.images, &score_b.images, offsetof(ScoredImage, score.jaccard), false,
							 differences);
	check_status(call, bootstrap_mean(call, differences, count, draws, confidence, PG_GETARG_INT64(11), &jaccard));

	values[0] = Int32GetDatum(a->number);
	values[1] = Int32GetDatum(b->number);
	values[2] = Int64GetDatum(count);
	values[3] = Float8GetDatum(score_a.score.dice);
	values[4] = Float8GetDatum(score_b.score.dice);
	values[5] = Float8GetDatum(dice.mean);
	values[6] = Float8GetDatum(dice.low);
	values[7] = Float8GetDatum(dice.high);
	values[8] = Float8GetDatum(jaccard.mean);
	values[9] = Float8GetDatum(jaccard.low);
	values[10] = Float8GetDatum(jaccard.high);
	nulls[11] = dice.low <= 0 && dice.high >= 0;
	values[11] = Int32GetDatum(dice.low > 0 ? b->number : a->number);
	SPI_finish();
	call_destroy(call);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(descriptor, values, nulls)));
}

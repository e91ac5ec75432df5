/*
 * compare.c: the SQL function lesion_compare: two versions of a model on the
 * same rows, with a paired bootstrap interval of the difference.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "utils/builtins.h"

#include "measure/bootstrap.h"
#include "measure/score.h"
#include "pg/base/values/arguments.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/evaluate/bootstrap_arguments.h"
#include "pg/base/values/row_values.h"
#include "pg/segment/evaluation.h"
#include "pg/segment/seen.h"

PG_FUNCTION_INFO_V1(lesion_compare);

/* Arguments of lesion_compare. */
enum
{
	ARGUMENT_IMAGES, ARGUMENT_MODEL, ARGUMENT_VERSION_A, ARGUMENT_VERSION_B, ARGUMENT_SUBSET, ARGUMENT_IMAGE_COLUMN,
	ARGUMENT_MASK_COLUMN, ARGUMENT_ID_COLUMN, ARGUMENT_TTA, ARGUMENT_DRAWS, ARGUMENT_CONFIDENCE, ARGUMENT_SEED,
	ARGUMENT_GROUP_COLUMN
};

/* Score a version; warn if it was trained on scored images. */
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

/* Of two versions the means of a figure over the images that both were scored on, and what they differ by. */
typedef struct PairedFigure
{
	int64		count;			/* images; rows may have been added or deleted between the two evaluations */
	double		mean_a;
	double		mean_b;
	BootstrapInterval difference;	/* b - a */
} PairedFigure;

/* Pair the figure at that offset in ScoredImage. Raises the error of a task without images where none is in both. */
static PairedFigure
pair_figure(const EvaluationTask *task, const Call *call, const ImageScores *a, const ImageScores *b, size_t offset,
			int draws, double confidence, int64 seed)
{
	PairedFigure figure;
	double	   *of_a = palloc((b->count + 1) * sizeof(double));
	double	   *of_b = palloc((b->count + 1) * sizeof(double));

	figure.count = image_scores_pair(a, b, offset, false, of_a, of_b);
	if (figure.count == 0)
		evaluation_nothing(task);
	figure.mean_a = score_mean(of_a, figure.count);
	figure.mean_b = score_mean(of_b, figure.count);
	for (int64 i = 0; i < figure.count; i++)
		of_b[i] -= of_a[i];
	check_status(call, bootstrap_mean(call, of_b, figure.count, draws, confidence, seed, &figure.difference));
	pfree(of_a);
	pfree(of_b);
	return figure;
}

/* lesion_compare(images, model, version_a, version_b, subset, image_column,
 * mask_column, id_column, tta, draws, confidence, seed, group_column) */
Datum
lesion_compare(PG_FUNCTION_ARGS)
{
	ModelStore	store = store_open(fcinfo, true);
	Oid			images = argument_oid(fcinfo, ARGUMENT_IMAGES, "images");
	char	   *model = argument_text(fcinfo, ARGUMENT_MODEL, "model");
	int			number_a = argument_int(fcinfo, ARGUMENT_VERSION_A, "version_a");
	int			number_b = PG_ARGISNULL(ARGUMENT_VERSION_B) ? 0 : PG_GETARG_INT32(ARGUMENT_VERSION_B);
	int			draws = argument_draws(fcinfo, ARGUMENT_DRAWS);
	double		confidence = argument_confidence(fcinfo, ARGUMENT_CONFIDENCE);
	Call	   *call = call_create(CurrentMemoryContext, 1);
	EvaluationTask task = {.quiet = true};
	ImagesColumns columns = {0};
	ModelVersion *a;
	ModelVersion *b;
	Evaluation	score_a;
	Evaluation	score_b;
	PairedFigure dice;
	PairedFigure jaccard;
	int64		seed;
	RowBuilder	row = row_begin_result(fcinfo);

	argument_needed(fcinfo, ARGUMENT_TTA, "tta");
	argument_needed(fcinfo, ARGUMENT_SEED, "seed");
	seed = PG_GETARG_INT64(ARGUMENT_SEED);

	SPI_connect();
	a = store_need_version(&store, model, &number_a);
	b = store_need_version(&store, model, PG_ARGISNULL(ARGUMENT_VERSION_B) ? NULL : &number_b);
	task.subset = argument_text(fcinfo, ARGUMENT_SUBSET, "subset");
	evaluation_check_subset(task.subset);
	task.version = b;
	task.options.tta = PG_GETARG_BOOL(ARGUMENT_TTA);
	columns.image = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column");
	columns.mask = argument_text(fcinfo, ARGUMENT_MASK_COLUMN, "mask_column");
	columns.id = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN);
	evaluation_open(&task, images, &columns, argument_text_or_null(fcinfo, ARGUMENT_GROUP_COLUMN));
	score_a = score(&store, &task, a);
	score_b = score(&store, &task, b);
	dice = pair_figure(&task, call, &score_a.images, &score_b.images, offsetof(ScoredImage, score.dice), draws,
					   confidence, seed);
	jaccard = pair_figure(&task, call, &score_a.images, &score_b.images, offsetof(ScoredImage, score.jaccard), draws,
						  confidence, seed);

	SPI_finish();
	call_destroy(call);
	row_set(&row, "first", INT4OID, Int32GetDatum(a->number));
	row_set(&row, "second", INT4OID, Int32GetDatum(b->number));
	row_set(&row, "n", INT8OID, Int64GetDatum(dice.count));
	row_set_float8(&row, "dice_a", dice.mean_a);
	row_set_float8(&row, "dice_b", dice.mean_b);
	row_set_float8(&row, "dice_difference", dice.difference.mean);
	row_set_float8(&row, "dice_low", dice.difference.low);
	row_set_float8(&row, "dice_high", dice.difference.high);
	row_set_float8(&row, "jaccard_difference", jaccard.difference.mean);
	row_set_float8(&row, "jaccard_low", jaccard.difference.low);
	row_set_float8(&row, "jaccard_high", jaccard.difference.high);
	if (dice.difference.low > 0 || dice.difference.high < 0)
		row_set(&row, "better", INT4OID, Int32GetDatum(dice.difference.low > 0 ? b->number : a->number));
	PG_RETURN_DATUM(row_datum(&row));
}

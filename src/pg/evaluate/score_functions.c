/*
 * score_functions.c: SQL functions that compare a predicted mask with the
 * truth, and the aggregate lesion_score.
 *
 * The aggregate's state is a bigint[] that holds a ScoreState field by field.
 * It comes from our own functions nearly always, but anyone may call them
 * with an array made by hand, so each state is checked before it is used.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"

#include "image/mask_decode.h"
#include "measure/boundary.h"
#include "measure/score.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/error.h"
#include "pg/base/settings.h"
#include "pg/base/call.h"
#include "pg/images/images_source.h"
#include "pg/images/pixel_spacing.h"

/* Arguments of lesion_dice, lesion_jaccard (the first two) and lesion_metrics. */
enum
{
	ARGUMENT_PREDICTED, ARGUMENT_TRUTH, ARGUMENT_PIXEL_SPACING, ARGUMENT_TOLERANCE
};

#define STATE_FIELDS ((int) (sizeof(ScoreState) / sizeof(int64)))

StaticAssertDecl(sizeof(ScoreState) == 20 * sizeof(int64),
				 "the aggregate's INITCOND has as many zeros as ScoreState has fields");

PG_FUNCTION_INFO_V1(lesion_dice);
PG_FUNCTION_INFO_V1(lesion_dice_or_null);
PG_FUNCTION_INFO_V1(lesion_jaccard);
PG_FUNCTION_INFO_V1(lesion_metrics);
PG_FUNCTION_INFO_V1(lesion_score_add);
PG_FUNCTION_INFO_V1(lesion_score_combine);
PG_FUNCTION_INFO_V1(lesion_score_final);

/* Decode two masks. */
static void
decode_masks(Call *call, Datum predicted_datum, Datum truth_datum, Image *predicted, Image *truth)
{
	ByteView	predicted_bytes = bytes_view(predicted_datum);
	ByteView	truth_bytes = bytes_view(truth_datum);

	check_argument(call, "predicted",
				   mask_decode(call, predicted_bytes.bytes, predicted_bytes.size, TURN_UPRIGHT, predicted, NULL));
	check_argument(call, "truth", mask_decode(call, truth_bytes.bytes, truth_bytes.size, TURN_UPRIGHT, truth, NULL));
	bytes_release(&predicted_bytes);
	bytes_release(&truth_bytes);
}

/* Count the predicted mask in one bytea against the true mask in another. */
static ConfusionCounts
count_masks(Datum predicted_datum, Datum truth_datum)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	Image		predicted;
	Image		truth;
	ConfusionCounts counts;

	decode_masks(call, predicted_datum, truth_datum, &predicted, &truth);
	check_status(call, confusion_count(call, &predicted, &truth, &counts));
	call_destroy(call);
	return counts;
}

/* lesion_dice(predicted, truth) -> float8; lesion_f1 too */
Datum
lesion_dice(PG_FUNCTION_ARGS)
{
	ConfusionCounts counts = count_masks(PG_GETARG_DATUM(ARGUMENT_PREDICTED), PG_GETARG_DATUM(ARGUMENT_TRUTH));

	PG_RETURN_FLOAT8(image_score(&counts).dice);
}

/* Decode a mask; false if that cannot be done. */
static bool
try_decode_mask(Call *call, Datum datum, Image *mask)
{
	ByteView	bytes = bytes_view(datum);
	Status		status = mask_decode(call, bytes.bytes, bytes.size, TURN_UPRIGHT, mask, NULL);

	bytes_release(&bytes);
	if (status.code != LS_OK && !broken_or_too_large(status))
		check_status(call, status);
	return status.code == LS_OK;
}

/* lesion_dice_or_null(predicted, truth) -> float8; NULL where lesion_dice raises an error of the masks */
Datum
lesion_dice_or_null(PG_FUNCTION_ARGS)
{
	Call	   *call = call_create(CurrentMemoryContext, 1);
	Image		predicted;
	Image		truth;
	ConfusionCounts counts;
	bool		comparable = try_decode_mask(call, PG_GETARG_DATUM(ARGUMENT_PREDICTED), &predicted) &&
		try_decode_mask(call, PG_GETARG_DATUM(ARGUMENT_TRUTH), &truth) &&
		image_shapes_match(predicted.width, predicted.height, truth.width, truth.height);

	if (comparable)
		check_status(call, confusion_count(call, &predicted, &truth, &counts));
	call_destroy(call);
	if (!comparable)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(image_score(&counts).dice);
}

/* lesion_jaccard(predicted, truth) -> float8; lesion_iou too */
Datum
lesion_jaccard(PG_FUNCTION_ARGS)
{
	ConfusionCounts counts = count_masks(PG_GETARG_DATUM(ARGUMENT_PREDICTED), PG_GETARG_DATUM(ARGUMENT_TRUTH));

	PG_RETURN_FLOAT8(image_score(&counts).jaccard);
}

/* Set the scores that follow from the counts. */
static void
set_overlap(RowBuilder *row, const ConfusionCounts *counts)
{
	ImageScore	score = image_score(counts);

	row_set_float8(row, "dice", score.dice);
	row_set_float8(row, "iou", score.jaccard);
	row_set_float8(row, "jaccard", score.jaccard);
	row_set_float8(row, "f1", score.dice);
	row_set_float8(row, "threshold_jaccard", score.threshold_jaccard);
	row_set_float8(row, "sensitivity", score.sensitivity);
	row_set_float8(row, "specificity", score.specificity);
	row_set_float8(row, "precision", score.precision);
	row_set_float8(row, "accuracy", score.accuracy);
	row_set(row, "true_positive", INT8OID, Int64GetDatum(counts->true_positive));
	row_set(row, "false_positive", INT8OID, Int64GetDatum(counts->false_positive));
	row_set(row, "false_negative", INT8OID, Int64GetDatum(counts->false_negative));
	row_set(row, "true_negative", INT8OID, Int64GetDatum(counts->true_negative));
}

/* A tolerance that the caller gave: boundary_score takes 0 for the default. */
static double
check_tolerance(double tolerance)
{
	if (!(tolerance > 0 && isfinite(tolerance)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a tolerance of %g is not possible", tolerance),
				 errhint("Give a distance above 0, or NULL for %g of the truth's equivalent diameter.",
						 BOUNDARY_TOLERANCE)));
	return tolerance;
}

/*
 * lesion_metrics(predicted, truth, pixel_spacing, tolerance) -> every score,
 * and the counts. The function of 0.2 has two arguments and no scores of
 * outlines.
 */
Datum
lesion_metrics(PG_FUNCTION_ARGS)
{
	bool		has_outlines = PG_NARGS() > ARGUMENT_PIXEL_SPACING;
	PixelSpacing spacing = {1, 1};
	double		tolerance = 0;
	RowBuilder	row;
	ConfusionCounts counts;
	BoundaryScore outlines;
	Image		predicted;
	Image		truth;
	Call	   *call;

	if (PG_ARGISNULL(ARGUMENT_PREDICTED) || PG_ARGISNULL(ARGUMENT_TRUTH))
		PG_RETURN_NULL();
	row = row_begin_result(fcinfo);
	if (has_outlines && !PG_ARGISNULL(ARGUMENT_PIXEL_SPACING))
		spacing = pixel_spacing_of(PG_GETARG_ARRAYTYPE_P(ARGUMENT_PIXEL_SPACING));
	if (has_outlines && !PG_ARGISNULL(ARGUMENT_TOLERANCE))
		tolerance = check_tolerance(PG_GETARG_FLOAT8(ARGUMENT_TOLERANCE));

	call = call_create(CurrentMemoryContext, settings_threads(false));
	decode_masks(call, PG_GETARG_DATUM(ARGUMENT_PREDICTED), PG_GETARG_DATUM(ARGUMENT_TRUTH), &predicted, &truth);
	check_status(call, confusion_count(call, &predicted, &truth, &counts));
	set_overlap(&row, &counts);
	if (has_outlines)
	{
		check_status(call, boundary_score(call, &predicted, &truth, spacing, tolerance, &outlines));
		row_set_float8(&row, "hausdorff95", outlines.has_distance ? outlines.hausdorff95 : NAN);
		row_set_float8(&row, "assd", outlines.has_distance ? outlines.assd : NAN);
		row_set_float8(&row, "surface_dice", outlines.surface_dice);
	}
	call_destroy(call);
	PG_RETURN_DATUM(row_datum(&row));
}

/* The ScoreState inside an array, checked. */
static ScoreState *
array_state(ArrayType *array)
{
	ScoreState *state;

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != STATE_FIELDS || ARR_HASNULL(array) ||
		ARR_ELEMTYPE(array) != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a state of lesion_score"),
				 errdetail("It is an array of %d numbers without NULLs.", STATE_FIELDS),
				 errhint("Call the aggregate lesion_score.")));
	state = (ScoreState *) ARR_DATA_PTR(array);
	check_status(NULL, score_check(state));
	return state;
}

/*
 * The state in argument `n` as an array that may be changed: within an
 * aggregate the array itself, as its memory is ours, else a copy.
 */
static ArrayType *
changeable_state(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the state of lesion_score must not be NULL"),
				 errhint("Call the aggregate lesion_score.")));
	if (AggCheckCallContext(fcinfo, NULL))
		return PG_GETARG_ARRAYTYPE_P(n);
	return PG_GETARG_ARRAYTYPE_P_COPY(n);
}

enum
{
	ADD_STATE, ADD_PREDICTED, ADD_TRUTH
};

/* lesion_score_add(state, predicted, truth) -> state */
Datum
lesion_score_add(PG_FUNCTION_ARGS)
{
	ArrayType  *array = changeable_state(fcinfo, ADD_STATE);
	ScoreState *state = array_state(array);

	if (PG_ARGISNULL(ADD_PREDICTED) || PG_ARGISNULL(ADD_TRUTH))
		check_status(NULL, score_skip(state));
	else
	{
		ConfusionCounts counts = count_masks(PG_GETARG_DATUM(ADD_PREDICTED), PG_GETARG_DATUM(ADD_TRUTH));

		check_status(NULL, score_add(state, &counts));
	}
	PG_RETURN_ARRAYTYPE_P(array);
}

enum
{
	COMBINE_STATE, COMBINE_OTHER
};

/* lesion_score_combine(state, other) -> state */
Datum
lesion_score_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *array = changeable_state(fcinfo, COMBINE_STATE);
	ScoreState *state = array_state(array);

	check_status(NULL, score_combine(state, array_state(PG_GETARG_ARRAYTYPE_P(COMBINE_OTHER))));
	PG_RETURN_ARRAYTYPE_P(array);
}

/* lesion_score_final(state) -> lesion_score_result; figures of no images are NULL */
Datum
lesion_score_final(PG_FUNCTION_ARGS)
{
	const ScoreState *state = array_state(PG_GETARG_ARRAYTYPE_P(0));
	const DatasetScore score = score_final(state);
	RowBuilder	row = row_begin_result(fcinfo);

	row_set(&row, "n", INT8OID, Int64GetDatum(score.n));
	row_set_float8(&row, "dice", score.dice);
	row_set_float8(&row, "iou", score.iou);
	row_set_float8(&row, "jaccard", score.jaccard);
	row_set_float8(&row, "f1", score.f1);
	row_set_float8(&row, "threshold_jaccard", score.threshold_jaccard);
	row_set_float8(&row, "sensitivity", score.sensitivity);
	row_set_float8(&row, "specificity", score.specificity);
	row_set_float8(&row, "precision", score.precision);
	row_set_float8(&row, "accuracy", score.accuracy);
	row_set(&row, "true_positive", INT8OID, Int64GetDatum(state->pooled.true_positive));
	row_set(&row, "false_positive", INT8OID, Int64GetDatum(state->pooled.false_positive));
	row_set(&row, "false_negative", INT8OID, Int64GetDatum(state->pooled.false_negative));
	row_set(&row, "true_negative", INT8OID, Int64GetDatum(state->pooled.true_negative));
	row_set(&row, "skipped", INT8OID, Int64GetDatum(state->skipped));
	PG_RETURN_DATUM(row_datum(&row));
}

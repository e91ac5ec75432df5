/*
 * enhance_functions.c: SQL functions that degrade and enhance images and
 * measure their quality.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"
#include "enhance/quality/quality.h"
#include "image/codec/codec.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/error.h"
#include "pg/base/call.h"
#include "pg/base/values/json_values.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/images/enhance_functions.h"
#include "pg/images/image_arguments.h"

PG_FUNCTION_INFO_V1(lesion_degrade);
PG_FUNCTION_INFO_V1(lesion_degradations);
PG_FUNCTION_INFO_V1(lesion_quality);
PG_FUNCTION_INFO_V1(lesion_enhance);
PG_FUNCTION_INFO_V1(lesion_enhance_plan);

enum
{
	DEGRADE_ARGUMENT_IMAGE, DEGRADE_ARGUMENT_KIND, DEGRADE_ARGUMENT_SEVERITY, DEGRADE_ARGUMENT_SEED
};

/* lesion_degrade(image, kind, severity, seed) -> image of the same format */
Datum
lesion_degrade(PG_FUNCTION_ARGS)
{
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(DEGRADE_ARGUMENT_KIND));
	Call	   *call = call_create(CurrentMemoryContext, settings_threads(false));
	DegradeKind kind;
	ImageFormat format;
	Image		image;
	Datum		result;

	check_status(call, degrade_find(name, &kind));
	format = argument_image_as_is(call, fcinfo, DEGRADE_ARGUMENT_IMAGE, "image", &image);
	check_status(call, degrade_image(call, kind, PG_GETARG_INT32(DEGRADE_ARGUMENT_SEVERITY),
									 PG_GETARG_INT64(DEGRADE_ARGUMENT_SEED), &image));
	result = image_in_format(call, format, &image);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

/* lesion_degradations() -> set of (kind, description) */
Datum
lesion_degradations(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		RowBuilder	row = row_begin_in(set);

		row_set(&row, "kind", TEXTOID, CStringGetTextDatum(degrade_name((DegradeKind) kind)));
		row_set(&row, "description", TEXTOID, CStringGetTextDatum(degrade_description((DegradeKind) kind)));
		row_put(set, &row);
	}
	return (Datum) 0;
}

/* The names of the issues, as text[]. */
static Datum
issues_array(const Quality *quality)
{
	Datum		names[ISSUES];
	int			count = 0;

	for (int i = 0; i < ISSUES; i++)
	{
		if (quality->issues[i])
			names[count++] = CStringGetTextDatum(quality_issue_name((QualityIssue) i));
	}
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* lesion_quality(image) -> the measures, score and issues */
Datum
lesion_quality(PG_FUNCTION_ARGS)
{
	RowBuilder	row = row_begin_result(fcinfo);
	Call	   *call = call_create(CurrentMemoryContext, settings_threads(false));
	Image		image;
	Quality		quality;

	argument_image_as_is(call, fcinfo, 0, "image", &image);
	check_status(call, quality_measure(call, &image, &quality));
	call_destroy(call);

	row_set_float8(&row, "sharpness", quality.sharpness);
	row_set_float8(&row, "noise", quality.noise);
	row_set_float8(&row, "contrast", quality.contrast);
	row_set_float8(&row, "brightness", quality.brightness);
	row_set_float8(&row, "unevenness", quality.unevenness);
	row_set_float8(&row, "colour_cast", quality.colour_cast);
	row_set_float8(&row, "hair", quality.hair);
	row_set_float8(&row, "resolution", quality.resolution);
	row_set_float8(&row, "glare", quality.glare);
	row_set_float8(&row, "ink", quality.ink);
	row_set_float8(&row, "blocking", quality.blocking);
	row_set_float8(&row, "score", quality.score);
	row_set(&row, "issues", TEXTARRAYOID, issues_array(&quality));
	PG_RETURN_DATUM(row_datum(&row));
}

/* The options of lesion_enhance. */
typedef struct EnhanceRequest
{
	EnhanceOptions options;
	bool		png;			/* return PNG, whatever the input's format */
} EnhanceRequest;

static const Option call_rows[] = {
	{"png", OPTION_BOOL, offsetof(EnhanceRequest, png), 0, 1, 0, "a PNG, without loss, whatever came in", NULL},
};

const OptionTable enhance_call_option_table = OPTION_TABLE(call_rows);

/* Read the argument `options`. */
static void
read_options(Jsonb *json, EnhanceRequest *request)
{
	const OptionBlock blocks[] = {{&enhance_option_table, &request->options}, {&enhance_call_option_table, request}};

	json_options_apply(json, "options", blocks, lengthof(blocks));
}

/* Read the names of steps. */
static EnhancePlan
read_steps(ArrayType *array)
{
	EnhancePlan plan = {0};
	Datum	   *names;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
	if (count > ENHANCE_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d steps are too many", count),
				 errhint("There are %d; take each once, or call the function again.", ENHANCE_STEPS)));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a step is NULL"),
					 errhint("Leave steps NULL as a whole to have them chosen.")));
		check_status(NULL, enhance_find(TextDatumGetCString(names[i]), &plan.steps[i]));
	}
	plan.count = count;
	return plan;
}

/* Measure and plan. */
static EnhancePlan
plan_steps(Call *call, const Image *image)
{
	Quality		quality;
	EnhancePlan plan;

	check_status(call, quality_measure(call, image, &quality));
	check_status(call, enhance_plan(call, image, &quality, &plan));
	return plan;
}

enum
{
	ENHANCE_ARGUMENT_IMAGE, ENHANCE_ARGUMENT_STEPS, ENHANCE_ARGUMENT_OPTIONS
};

/* lesion_enhance(image, steps, options) -> image of the same format */
Datum
lesion_enhance(PG_FUNCTION_ARGS)
{
	EnhanceRequest request = {enhance_options_default(), false};
	EnhancePlan plan = {0};
	Call	   *call;
	ImageFormat format;
	Image		image;
	Datum		result;

	if (PG_ARGISNULL(ENHANCE_ARGUMENT_IMAGE))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(ENHANCE_ARGUMENT_STEPS))
		plan = read_steps(PG_GETARG_ARRAYTYPE_P(ENHANCE_ARGUMENT_STEPS));
	if (!PG_ARGISNULL(ENHANCE_ARGUMENT_OPTIONS))
		read_options(PG_GETARG_JSONB_P(ENHANCE_ARGUMENT_OPTIONS), &request);

	call = call_create(CurrentMemoryContext, settings_threads(false));
	format = argument_image_as_is(call, fcinfo, ENHANCE_ARGUMENT_IMAGE, "image", &image);
	if (PG_ARGISNULL(ENHANCE_ARGUMENT_STEPS))
		plan = plan_steps(call, &image);
	if (plan.count == 0 && !(request.png && format != IMAGE_FORMAT_PNG))
	{
		/* nothing to do: return the same bytes, not encoded again */
		call_destroy(call);
		PG_RETURN_DATUM(PG_GETARG_DATUM(ENHANCE_ARGUMENT_IMAGE));
	}
	check_status(call, enhance_run(call, &plan, &request.options, &image));
	result = image_in_format(call, request.png ? IMAGE_FORMAT_PNG : format, &image);
	call_destroy(call);
	PG_RETURN_DATUM(result);
}

/* lesion_enhance_plan(image) -> set of (step, reason) */
Datum
lesion_enhance_plan(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	Call	   *call = call_create(CurrentMemoryContext, settings_threads(false));
	EnhancePlan plan;
	Image		image;

	InitMaterializedSRF(fcinfo, 0);
	argument_image_as_is(call, fcinfo, 0, "image", &image);
	plan = plan_steps(call, &image);
	call_destroy(call);
	for (int i = 0; i < plan.count; i++)
	{
		RowBuilder	row = row_begin_in(set);

		row_set(&row, "step", TEXTOID, CStringGetTextDatum(enhance_step_name(plan.steps[i])));
		row_set(&row, "reason", TEXTOID, CStringGetTextDatum(plan.reasons[i]));
		row_put(set, &row);
	}
	return (Datum) 0;
}

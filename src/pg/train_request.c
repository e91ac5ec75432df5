/*
 * train_request.c: see train_request.h.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"

#include "pg/arguments.h"
#include "pg/glue.h"
#include "pg/json_values.h"
#include "pg/split.h"
#include "pg/train_request.h"

static const char *const promote_names[] = {
	[PROMOTE_IF_BETTER] = "if_better",
	[PROMOTE_ALWAYS] = "always",
	[PROMOTE_NEVER] = "never",
};

/* The rule of that name. */
static PromoteRule
promote_rule(const char *name)
{
	for (size_t i = 0; i < lengthof(promote_names); i++)
		if (strcmp(name, promote_names[i]) == 0)
			return (PromoteRule) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("promote \"%s\" does not exist", name),
			 errhint("Promote 'if_better', 'always' or 'never'.")));
}

/* A jsonb argument; NULL is an empty object. */
static Jsonb *
argument_object(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	return PG_GETARG_JSONB_P(n);
}

TrainRequest
train_request_read(FunctionCallInfo fcinfo)
{
	TrainRequest request = {
		.images = argument_oid(fcinfo, 0, "images"),
		.model = argument_text(fcinfo, 1, "model"),
		.epochs = argument_int(fcinfo, 2, "epochs"),
		.image_column = argument_text(fcinfo, 3, "image_column"),
		.mask_column = argument_text(fcinfo, 4, "mask_column"),
		.id_column = PG_ARGISNULL(5) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(5)),
		.image_size = argument_int(fcinfo, 6, "image_size"),
		.batch_size = argument_int(fcinfo, 7, "batch_size"),
		.has_learning_rate = !PG_ARGISNULL(8),
		.learning_rate = PG_ARGISNULL(8) ? 0 : PG_GETARG_FLOAT8(8),
		.test_fraction = argument_double(fcinfo, 9, "test_fraction"),
		.augment = PG_ARGISNULL(11) || PG_GETARG_BOOL(11),
		.promote = promote_rule(argument_text(fcinfo, 12, "promote")),
		.config = argument_object(fcinfo, 13),
		.architecture = PG_ARGISNULL(14) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(14)),
		.options = argument_object(fcinfo, 16),
	};

	argument_needed(fcinfo, 10, "seed");
	argument_needed(fcinfo, 15, "split_seed");
	request.seed = PG_GETARG_INT64(10);
	request.split_seed = PG_GETARG_INT64(15);
	split_check_fraction("test_fraction", request.test_fraction);
	return request;
}

/* Keys of `options` and where their values stand in a plan. */
typedef struct OptionKey
{
	const char *name;
	size_t		offset;			/* of a double in TrainPlan */
} OptionKey;

static const OptionKey option_keys[] = {
	{"weight_decay", offsetof(TrainPlan, train.weight_decay)},
	{"gradient_clip", offsetof(TrainPlan, train.gradient_clip)},
	{"validation_fraction", offsetof(TrainPlan, validation_fraction)},
	{"threshold", offsetof(TrainPlan, threshold)},
	{"rotate", offsetof(TrainPlan, train.augment.rotate)},
	{"scale", offsetof(TrainPlan, train.augment.scale)},
	{"shift", offsetof(TrainPlan, train.augment.shift)},
	{"brightness", offsetof(TrainPlan, train.augment.brightness)},
	{"contrast", offsetof(TrainPlan, train.augment.contrast)},
	{"colour", offsetof(TrainPlan, train.augment.colour)},
};

/* Raise an error: there is no such option. */
static void
unknown_option(const char *key)
{
	StringInfoData names;

	initStringInfo(&names);
	appendStringInfoString(&names, "flip");
	for (size_t i = 0; i < lengthof(option_keys); i++)
		appendStringInfo(&names, ", %s", option_keys[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("options have no key \"%s\"", key),
			 errhint("Keys that exist: %s.", names.data)));
}

/* Take one key of `options`. */
static void
take_option(void *data, const char *key, double value)
{
	TrainPlan  *plan = data;

	if (strcmp(key, "flip") == 0)
	{
		plan->train.augment.flip = value != 0;
		return;
	}
	for (size_t i = 0; i < lengthof(option_keys); i++)
		if (strcmp(key, option_keys[i].name) == 0)
		{
			*(double *) ((char *) plan + option_keys[i].offset) = value;
			return;
		}
	unknown_option(key);
}

/* Raise an error where images as the network sees them would be above
 * lesionseg.max_pixels, as every one of them would. */
static void
check_pixels(int image_size)
{
	int64		pixels = (int64) image_size * image_size;

	if (pixels > lesionseg_max_pixels)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("an image_size of %d has %lld pixels, above the limit of %d", image_size, (long long) pixels,
						lesionseg_max_pixels),
				 errhint("Use a smaller image_size, or raise lesionseg.max_pixels.")));
}

TrainPlan
train_request_plan(const TrainRequest *request, const Architecture *architecture)
{
	TrainPlan	plan = {
		.train = train_options_default(architecture),
		.validation_fraction = 0.1,
		.threshold = 0.5,
	};

	plan.train.epochs = request->epochs;
	plan.train.batch_size = request->batch_size;
	if (request->has_learning_rate)
		plan.train.learning_rate = request->learning_rate;
	plan.train.seed = request->seed;
	plan.train.engine = settings_engine();
	if (!request->augment)
		plan.train.augment = augment_none();
	json_values_each(request->options, "options", take_option, &plan);

	check_status(NULL, train_options_check(&plan.train));
	check_pixels(request->image_size);
	split_check_fraction("validation_fraction", plan.validation_fraction);
	argument_check_threshold(plan.threshold);
	return plan;
}

Jsonb *
train_request_jsonb(const TrainRequest *request, const TrainPlan *plan, Jsonb *config)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_object(&builder, "config", config);
	json_add_string(&builder, "image_column", request->image_column);
	json_add_string(&builder, "mask_column", request->mask_column);
	if (request->id_column != NULL)
		json_add_string(&builder, "id_column", request->id_column);
	json_add_string(&builder, "promote", promote_names[request->promote]);
	json_add_number(&builder, "image_size", request->image_size);
	json_add_number(&builder, "batch_size", request->batch_size);
	json_add_number(&builder, "learning_rate", plan->train.learning_rate);
	json_add_number(&builder, "test_fraction", request->test_fraction);
	json_add_number(&builder, "split_seed", request->split_seed);
	json_add_boolean(&builder, "augment", request->augment);
	json_add_boolean(&builder, "flip", plan->train.augment.flip);
	for (size_t i = 0; i < lengthof(option_keys); i++)
		json_add_number(&builder, option_keys[i].name,
						*(const double *) ((const char *) plan + option_keys[i].offset));
	return json_end(&builder);
}

/*
 * train_request.c: see train_request.h.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/base/arguments.h"
#include "pg/base/error.h"
#include "pg/base/json_values.h"
#include "pg/base/settings.h"
#include "pg/images/split.h"
#include "pg/train/train_request.h"

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
		.augment = argument_object(fcinfo, 11),
		.promote = promote_rule(argument_text(fcinfo, 12, "promote")),
		.config = argument_object(fcinfo, 13),
		.architecture = PG_ARGISNULL(14) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(14)),
		.options = argument_object(fcinfo, 16),
		.init = PG_ARGISNULL(17) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(17)),
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
	{"freeze_encoder", offsetof(TrainPlan, freeze_encoder)},
	{"keep_last", offsetof(TrainPlan, train.keep_last)},
};

/* Keys of `augment` that are numbers; `flip` and the kinds of degradations
 * come beside them. */
static const OptionKey augment_keys[] = {
	{"rotate", offsetof(TrainPlan, train.augment.rotate)},
	{"scale", offsetof(TrainPlan, train.augment.scale)},
	{"shift", offsetof(TrainPlan, train.augment.shift)},
	{"brightness", offsetof(TrainPlan, train.augment.brightness)},
	{"contrast", offsetof(TrainPlan, train.augment.contrast)},
	{"colour", offsetof(TrainPlan, train.augment.colour)},
	{"degrade", offsetof(TrainPlan, train.augment.degrade)},
	{"degrade_severity", offsetof(TrainPlan, train.augment.degrade_severity)},
};

/* Raise an error: the argument, "augment has", has no such key. */
static void
unknown_key(const char *argument_has, const char *key, const char *names)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s no key \"%s\"", argument_has, key),
			 errhint("Keys that exist: %s.", names)));
}

/* Append the names of keys to a list. */
static void
append_names(StringInfo names, const OptionKey *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		appendStringInfo(names, "%s%s", names->len == 0 ? "" : ", ", keys[i].name);
}

/* Set the value behind a key; false where there is no such key. */
static bool
set_value(TrainPlan *plan, const OptionKey *keys, size_t count, const char *key, double value)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(key, keys[i].name) == 0)
		{
			*(double *) ((char *) plan + keys[i].offset) = value;
			return true;
		}
	return false;
}

/* Take one key of `options`. */
static void
take_option(void *data, const char *key, double value)
{
	StringInfoData names;

	if (set_value(data, option_keys, lengthof(option_keys), key, value))
		return;
	initStringInfo(&names);
	append_names(&names, option_keys, lengthof(option_keys));
	appendStringInfoString(&names, ", enhance");
	unknown_key("options have", key, names.data);
}

/* Take `options` but for its key "enhance", the one with text. */
static void
take_options(Jsonb *options, TrainPlan *plan)
{
	JsonbValue	key = {.type = jbvString,.val.string = {.val = "enhance",.len = 7}};
	JsonbValue *mode = JB_ROOT_IS_OBJECT(options) ? findJsonbValueFromContainer(&options->root, JB_FOBJECT, &key) : NULL;

	if (mode != NULL)
	{
		if (mode->type != jbvString)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"enhance\" is not text"),
					 errhint("It is 'off', 'auto' or 'always'.")));
		check_status(NULL, enhance_mode_find(pnstrdup(mode->val.string.val, mode->val.string.len), &plan->enhance));
		options = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(options),
													 CStringGetTextDatum("enhance")));
	}
	json_values_each(options, "options", JSON_NUMBERS_AND_BOOLEANS, take_option, plan);
}

/* Take one key of `augment`. */
static void
take_augment(void *data, const char *key, double value)
{
	TrainPlan  *plan = data;
	StringInfoData names;

	if (strcmp(key, "flip") == 0)
	{
		plan->train.augment.flip = value != 0;
		return;
	}
	if (set_value(plan, augment_keys, lengthof(augment_keys), key, value))
		return;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		if (strcmp(key, degrade_name((DegradeKind) kind)) == 0)
		{
			plan->train.augment.degrade_weight[kind] = value;
			return;
		}
	initStringInfo(&names);
	appendStringInfoString(&names, "flip");
	append_names(&names, augment_keys, lengthof(augment_keys));
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		appendStringInfo(&names, ", %s", degrade_name((DegradeKind) kind));
	unknown_key("augment has", key, names.data);
}

/* Take all of `augment`: true is the recipe, false is nothing, an object is
 * the recipe with changes. */
static void
take_augmentation(Jsonb *augment, TrainPlan *plan)
{
	JsonbValue	scalar;

	if (JB_ROOT_IS_SCALAR(augment) && JsonbExtractScalar(&augment->root, &scalar) && scalar.type == jbvBool)
	{
		if (!scalar.val.boolean)
			plan->train.augment = augment_none();
	}
	else
		json_values_each(augment, "augment", JSON_NUMBERS_AND_BOOLEANS, take_augment, plan);
}

/* Raise an error unless an option that is on or off is one of these. */
static void
check_switch(const char *key, double value)
{
	if (value != 0 && value != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is %g", key, value),
				 errhint("It is true or false.")));
}

TrainPlan
train_request_plan(const TrainRequest *request, const Architecture *architecture)
{
	TrainPlan	plan = {
		.train = train_options_default(architecture),
		.validation_fraction = 0.1,
	};

	plan.train.epochs = request->epochs;
	plan.train.batch_size = request->batch_size;
	if (request->init != NULL)
		plan.train.learning_rate *= FINE_TUNING_RATE;
	if (request->has_learning_rate)
		plan.train.learning_rate = request->learning_rate;
	plan.train.seed = request->seed;
	plan.train.engine = settings_engine();
	take_augmentation(request->augment, &plan);
	take_options(request->options, &plan);
	plan.train.augment.enhance = plan.enhance;

	check_switch("freeze_encoder", plan.freeze_encoder);
	check_switch("keep_last", plan.train.keep_last);
	check_status(NULL, train_options_check(&plan.train));
	settings_check_image_size(request->image_size);
	split_check_fraction("validation_fraction", plan.validation_fraction);
	if (plan.freeze_encoder != 0 && request->init == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("freeze_encoder needs a model to take the encoder from"),
				 errhint("Name it with init => '...', or leave freeze_encoder out.")));
	if (plan.threshold != 0)
		argument_check_threshold(plan.threshold);
	return plan;
}

/* Add the values behind keys. */
static void
add_values(JsonBuilder *builder, const OptionKey *keys, size_t count, const TrainPlan *plan)
{
	for (size_t i = 0; i < count; i++)
		json_add_number(builder, keys[i].name, *(const double *) ((const char *) plan + keys[i].offset));
}

/* The augmentation as an object that `augment` takes. */
static Jsonb *
augmentation_jsonb(const TrainPlan *plan)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_boolean(&builder, "flip", plan->train.augment.flip);
	add_values(&builder, augment_keys, lengthof(augment_keys), plan);
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		json_add_number(&builder, degrade_name((DegradeKind) kind), plan->train.augment.degrade_weight[kind]);
	return json_end(&builder);
}

Jsonb *
train_request_jsonb(const TrainRequest *request, const TrainPlan *plan, Jsonb *config)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_object(&builder, "config", config);
	json_add_string(&builder, "image_column", request->image_column);
	json_add_string(&builder, "mask_column", request->mask_column);
	if (request->init != NULL)
	{
		json_add_string(&builder, "init", request->init);
		json_add_number(&builder, "init_version", plan->init_version);
	}
	if (request->id_column != NULL)
		json_add_string(&builder, "id_column", request->id_column);
	json_add_string(&builder, "promote", promote_names[request->promote]);
	json_add_number(&builder, "image_size", request->image_size);
	json_add_number(&builder, "batch_size", request->batch_size);
	json_add_number(&builder, "learning_rate", plan->train.learning_rate);
	json_add_number(&builder, "test_fraction", request->test_fraction);
	json_add_number(&builder, "split_seed", request->split_seed);
	add_values(&builder, option_keys, lengthof(option_keys), plan);
	if (plan->enhance != ENHANCE_MODE_OFF)
		json_add_string(&builder, "enhance", enhance_mode_name(plan->enhance));
	json_add_object(&builder, "augment", augmentation_jsonb(plan));
	return json_end(&builder);
}

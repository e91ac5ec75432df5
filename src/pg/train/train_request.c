/*
 * train_request.c: see train_request.h.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/base/values/arguments.h"
#include "pg/base/error.h"
#include "pg/base/values/json_values.h"
#include "pg/base/settings.h"
#include "pg/base/split.h"
#include "pg/train/train_request.h"

/* A jsonb argument; NULL is an empty object. */
static Jsonb *
argument_object(FunctionCallInfo fcinfo, int n)
{
	if (PG_ARGISNULL(n))
		return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	return PG_GETARG_JSONB_P(n);
}

/* The arguments that lesion_train and lesion_retrain have in common. */
enum
{
	ARGUMENT_IMAGES, ARGUMENT_MODEL, ARGUMENT_EPOCHS, ARGUMENT_IMAGE_COLUMN, ARGUMENT_MASK_COLUMN,
	ARGUMENT_ID_COLUMN, ARGUMENT_IMAGE_SIZE, ARGUMENT_BATCH_SIZE, ARGUMENT_LEARNING_RATE,
	ARGUMENT_TEST_FRACTION, ARGUMENT_SEED, ARGUMENT_AUGMENT, ARGUMENT_PROMOTE, ARGUMENT_CONFIG,
	ARGUMENT_ARCHITECTURE, ARGUMENT_SPLIT_SEED, ARGUMENT_OPTIONS, ARGUMENT_INIT
};

TrainRequest
train_request_read(FunctionCallInfo fcinfo, int group_column)
{
	TrainRequest request = {
		.images = argument_oid(fcinfo, ARGUMENT_IMAGES, "images"),
		.model = argument_text(fcinfo, ARGUMENT_MODEL, "model"),
		.epochs = argument_int(fcinfo, ARGUMENT_EPOCHS, "epochs"),
		.image_column = argument_text(fcinfo, ARGUMENT_IMAGE_COLUMN, "image_column"),
		.mask_column = argument_text(fcinfo, ARGUMENT_MASK_COLUMN, "mask_column"),
		.id_column = argument_text_or_null(fcinfo, ARGUMENT_ID_COLUMN),
		.group_column = argument_text_or_null(fcinfo, group_column),
		.weight_column = argument_text_or_null(fcinfo, group_column + 1),
		.image_size = argument_int(fcinfo, ARGUMENT_IMAGE_SIZE, "image_size"),
		.batch_size = argument_int(fcinfo, ARGUMENT_BATCH_SIZE, "batch_size"),
		.has_learning_rate = !PG_ARGISNULL(ARGUMENT_LEARNING_RATE),
		.learning_rate = PG_ARGISNULL(ARGUMENT_LEARNING_RATE) ? 0 : PG_GETARG_FLOAT8(ARGUMENT_LEARNING_RATE),
		.test_fraction = argument_double(fcinfo, ARGUMENT_TEST_FRACTION, "test_fraction"),
		.augment = argument_object(fcinfo, ARGUMENT_AUGMENT),
		.promote = promote_rule(argument_text(fcinfo, ARGUMENT_PROMOTE, "promote")),
		.config = argument_object(fcinfo, ARGUMENT_CONFIG),
		.architecture = argument_text_or_null(fcinfo, ARGUMENT_ARCHITECTURE),
		.options = argument_object(fcinfo, ARGUMENT_OPTIONS),
		.init = argument_text_or_null(fcinfo, ARGUMENT_INIT),
	};

	argument_needed(fcinfo, ARGUMENT_SEED, "seed");
	argument_needed(fcinfo, ARGUMENT_SPLIT_SEED, "split_seed");
	request.seed = PG_GETARG_INT64(ARGUMENT_SEED);
	request.split_seed = PG_GETARG_INT64(ARGUMENT_SPLIT_SEED);
	split_check_fraction("test_fraction", request.test_fraction);
	return request;
}

static const Option plan_rows[] = {
	{"validation_fraction", OPTION_NUMBER, offsetof(TrainPlan, validation_fraction), 0, 1, 0.1,
		"share of the training part held back for validation", NULL},
	{"fold", OPTION_INT, offsetof(TrainPlan, fold), 0, 1000, 0,
		"which of 1 / test_fraction folds is the test part, from 1; 0: the test part is that of lesion_split; "
		"lesion_cross_validate sets it", NULL},
	{"threshold", OPTION_NUMBER, offsetof(TrainPlan, threshold), 0, 1, 0,
		"stored with the version: a pixel is lesion where its probability is above; 0: chosen when the run ends, "
		"from 0.05, 0.1 ... 0.95, as the one whose masks of the validation images, at image_size, "
		"have the highest mean Jaccard; 0.5 with less than 20 such images", NULL},
	{"freeze_encoder", OPTION_BOOL, offsetof(TrainPlan, freeze_encoder), 0, 1, 0,
		"with init: keep the encoder as it is, its batch norms' running statistics included; the rest learns", NULL},
	{"enhance", OPTION_CHOICE, offsetof(TrainPlan, enhance), 0, 0, ENHANCE_MODE_OFF,
		"images are enhanced after they were varied and degraded; stored with the version, whose images are then "
		"enhanced in segmentation and evaluation too, unless enhance there says otherwise", enhance_mode_names},
	{"orientation", OPTION_CHOICE, offsetof(TrainPlan, turn), 0, 0, TURN_UPRIGHT,
		"which way up images and masks are read: as their EXIF orientation says, or as they are stored",
		image_turn_names},
};

const OptionTable plan_option_table = OPTION_TABLE(plan_rows);

/* Read `options`: those of the trainer and those of the plan. */
static void
take_options(Jsonb *options, TrainPlan *plan)
{
	const OptionBlock blocks[] = {{&train_option_table, &plan->train}, {&plan_option_table, plan}};

	json_options_apply(options, "options", blocks, lengthof(blocks));
}

/* Read `augment`: true = the default recipe, false = none, an object = the
 * recipe with changes. */
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
	{
		const OptionBlock block = {&augment_option_table, &plan->train.augment};

		json_options_apply(augment, "augment", &block, 1);
	}
}

TrainPlan
train_request_plan(const TrainRequest *request, const Architecture *architecture)
{
	TrainPlan	plan = {
		.train = train_options_default(architecture),
	};

	options_default(&plan_option_table, &plan);
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

	check_status(NULL, train_options_check(&plan.train));
	settings_check_image_size(request->image_size);
	split_check_fraction("validation_fraction", plan.validation_fraction);
	if (plan.freeze_encoder && request->init == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("freeze_encoder needs a model to take the encoder from"),
				 errhint("Name it with init => '...', or leave freeze_encoder out.")));
	if (plan.threshold != 0)
		argument_check_threshold(plan.threshold);
	return plan;
}

/* The augmentation as an object that `augment` takes. */
static Jsonb *
augmentation_jsonb(const TrainPlan *plan)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_options(&builder, &augment_option_table, &plan->train.augment);
	return json_end(&builder);
}

Jsonb *
train_request_jsonb(const TrainRequest *request, const TrainPlan *plan, Jsonb *config, const SplitColumns *group)
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
		json_add_string(&builder, "init_sha256", plan->init_sha256);
	}
	if (request->id_column != NULL)
		json_add_string(&builder, "id_column", request->id_column);
	if (group != NULL)
		json_add_string(&builder, "group_column", split_columns_text(group));
	if (request->weight_column != NULL)
		json_add_string(&builder, "weight_column", request->weight_column);
	json_add_string(&builder, "promote", promote_rule_name(request->promote));
	json_add_number(&builder, "image_size", request->image_size);
	json_add_number(&builder, "batch_size", request->batch_size);
	json_add_number(&builder, "learning_rate", plan->train.learning_rate);
	json_add_number(&builder, "test_fraction", request->test_fraction);
	json_add_number(&builder, "split_seed", request->split_seed);
	json_add_options(&builder, &train_option_table, &plan->train);
	json_add_options(&builder, &plan_option_table, plan);
	json_add_object(&builder, "augment", augmentation_jsonb(plan));
	return json_end(&builder);
}

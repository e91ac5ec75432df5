/*
 * model_config.c: see model_config.h.
 */
#include "postgres.h"

#include <limits.h>

#include "lib/stringinfo.h"

#include "infer/calibration.h"
#include "infer/mask_statistics.h"
#include "pg/base/error.h"
#include "pg/base/values/arguments.h"
#include "pg/base/values/json_values.h"
#include "pg/models/ensemble.h"
#include "pg/models/model_config.h"

const Architecture *
config_architecture(const char *name)
{
	const Architecture *architecture = arch_find(name);

	if (is_ensemble(name))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an ensemble has no weights of its own to train, import or export"),
				 errhint("Do that with its members, then make a version of the ensemble with lesion_ensemble_fit.")));
	if (architecture == NULL)
	{
		StringInfoData names;
		int			count;
		const Architecture *const *all = arch_list(&count);

		initStringInfo(&names);
		for (int i = 0; i < count; i++)
			appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", all[i]->name);
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("architecture \"%s\" does not exist", name),
				 errhint("Architectures that exist: %s; and \"ensemble\".", names.data)));
	}
	return architecture;
}

void
config_apply(const Architecture *architecture, Jsonb *json, ArchConfig *config)
{
	const OptionBlock block = {&architecture->config, config};

	json_options_apply(json, psprintf("config of %s", architecture->name), &block, 1);
}

ArchConfig
config_read(const Architecture *architecture, Jsonb *json)
{
	ArchConfig	config;

	arch_config_default(architecture, &config);
	config_apply(architecture, json, &config);
	return config;
}

Jsonb *
config_jsonb(const Architecture *architecture, const ArchConfig *config)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_options(&builder, &architecture->config, config);
	return json_end(&builder);
}

bool
config_equal(const Architecture *architecture, const ArchConfig *a, const ArchConfig *b)
{
	for (int i = 0; i < architecture->config.count; i++)
		if (a->values[i] != b->values[i])
			return false;
	return true;
}

/* One of a version's coefficients as an option. */
#define COEFFICIENT_ROW(name, i, meaning) \
	{name, OPTION_NUMBER, offsetof(Traits, dice_coefficients) + (i) * sizeof(double), \
		-TRAITS_DICE_COEFFICIENT_MOST, TRAITS_DICE_COEFFICIENT_MOST, 0, meaning, NULL}

static const Option trait_rows[] = {
	{"image_size", OPTION_INT, offsetof(Traits, image_size), 1, INT_MAX, 256,
		"pixels along each side of what the network sees", NULL},
	{"threshold", OPTION_NUMBER, offsetof(Traits, threshold), 0, 1, 0.5,
		"a pixel is lesion where its probability is above", NULL},
	{"temperature", OPTION_NUMBER, offsetof(Traits, temperature), 0.01, 100, CALIBRATION_TEMPERATURE,
		"logits are divided by it", NULL},
	{"review_below", OPTION_NUMBER, offsetof(Traits, review_below), CALIBRATION_REVIEW_LEAST, 1,
		CALIBRATION_REVIEW_BELOW, "a mask of a lower predicted Dice is to be looked at", NULL},
	COEFFICIENT_ROW("dice_constant", 0, "predicted Dice: what is added; all six are 0 where they are not known"),
	COEFFICIENT_ROW("dice_expected", 1 + MASK_EXPECTED, "predicted Dice: the weight of the expected Dice"),
	COEFFICIENT_ROW("dice_core", 1 + MASK_CORE, "predicted Dice: the weight of how much of the mask is sure"),
	COEFFICIENT_ROW("dice_doubt", 1 + MASK_DOUBT, "predicted Dice: the weight of the zone of doubt"),
	COEFFICIENT_ROW("dice_area", 1 + MASK_AREA, "predicted Dice: the weight of the mask's share of the image"),
	COEFFICIENT_ROW("dice_scattered", 1 + MASK_SCATTERED, "predicted Dice: the weight of the smaller parts"),
	{"enhance", OPTION_CHOICE, offsetof(Traits, enhance), 0, 0, ENHANCE_MODE_OFF,
		"how images are enhanced first", enhance_mode_names},
};

static const OptionTable trait_table = OPTION_TABLE(trait_rows);

void
traits_apply(Jsonb *json, Traits *traits)
{
	OptionBlock block = {&trait_table, traits};

	json_options_apply(json, "traits", &block, 1);
	argument_check_threshold(traits->threshold);
}

Jsonb *
traits_jsonb(const Traits *traits)
{
	JsonBuilder builder;

	json_begin(&builder);
	json_add_options(&builder, &trait_table, traits);
	return json_end(&builder);
}

void
weights_info_take(const WeightsInfo *info, Traits *traits, Split *split)
{
	*traits = info->traits;
	if (traits->threshold == 0)
		traits->threshold = 0.5;
	if (info->split[0] != '\0')
		*split = split_from_json(info->split);
}

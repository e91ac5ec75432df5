/*
 * model_config.c: see model_config.h.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "pg/base/error.h"
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

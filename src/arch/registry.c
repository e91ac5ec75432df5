/*
 * registry.c: the list of architectures, and the checks of their configs.
 */
#include "arch/arch.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "arch/architectures.h"

static const Architecture *const architectures[] = {
	&unet_architecture,
	&linknet_architecture,
	&convmixer_architecture,
	&maskrcnn_architecture,
};

const Architecture *const *
arch_list(int *count)
{
	*count = (int) (sizeof architectures / sizeof architectures[0]);
	return architectures;
}

const Architecture *
arch_find(const char *name)
{
	int			count;
	const Architecture *const *list = arch_list(&count);

	for (int i = 0; i < count; i++)
		if (strcmp(list[i]->name, name) == 0)
			return list[i];
	return NULL;
}

bool
arch_finds_instances(const Architecture *architecture)
{
	return architecture->runner->instances != NULL;
}

void
arch_config_default(const Architecture *architecture, ArchConfig *config)
{
	memset(config, 0, sizeof *config);
	options_default(&architecture->config, config);
}

Status
arch_config_take(const Architecture *architecture, ArchConfig *config, const char *key, const OptionValue *value)
{
	const OptionBlock block = {&architecture->config, config};
	char		argument[64];

	snprintf(argument, sizeof argument, "config of %s", architecture->name);
	return options_set(&block, 1, argument, key, value);
}

/* Convert a JSON value to an option's. An array or object becomes text, which
 * no key accepts. */
static OptionValue
option_value_of(const json_t *json)
{
	OptionValue value = {.kind = OPTION_VALUE_TEXT,.text = json_is_string(json) ? json_string_value(json) : ""};

	if (json_is_number(json))
		value.kind = OPTION_VALUE_NUMBER;
	else if (json_is_boolean(json))
		value.kind = OPTION_VALUE_BOOL;
	value.number = json_is_true(json) ? 1 : json_number_value(json);
	return value;
}

Status
arch_config_parse(const Architecture *architecture, const char *json, ArchConfig *config)
{
	json_t	   *root = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	Status		status = status_ok();
	void	   *item;

	arch_config_default(architecture, config);
	if (!json_is_object(root))
		status = status_error(LS_INVALID_ARGUMENT, "the config is not a JSON object");
	for (item = json_object_iter(root); status.code == LS_OK && item != NULL; item = json_object_iter_next(root, item))
	{
		const OptionValue value = option_value_of(json_object_iter_value(item));

		status = arch_config_take(architecture, config, json_object_iter_key(item), &value);
	}
	json_decref(root);
	return status;
}

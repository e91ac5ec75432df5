/*
 * registry.c: the list of architectures and the checking of their configs.
 */
#include "arch/arch.h"

#include <jansson.h>
#include <math.h>
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
	for (int i = 0; i < architecture->key_count; i++)
		config->values[i] = architecture->keys[i].default_value;
}

/* Add to status a hint that lists the keys: "base (4 to 128), ...". */
static Status
with_key_list(Status status, const Architecture *architecture)
{
	char		list[200] = "";
	size_t		used = 0;

	for (int i = 0; i < architecture->key_count && used < sizeof list; i++)
		used += snprintf(list + used, sizeof list - used, "%s%s (%g to %g)", i > 0 ? ", " : "",
						 architecture->keys[i].name, architecture->keys[i].minimum,
						 architecture->keys[i].maximum);
	return status_with_hint(status, "Keys of %s: %s.", architecture->name, list);
}

Status
arch_config_set(const Architecture *architecture, ArchConfig *config, const char *key, double value)
{
	for (int i = 0; i < architecture->key_count; i++)
	{
		const ArchKey *k = &architecture->keys[i];

		if (strcmp(k->name, key) != 0)
			continue;
		if (!(value >= k->minimum && value <= k->maximum) || (k->integer && value != floor(value)) ||
			(k->odd && fmod(value, 2) != 1))
			return with_key_list(status_error(LS_INVALID_ARGUMENT,
											  "%g is not a value for \"%s\" of %s, which takes %s from %g to %g",
											  value, key, architecture->name,
											  k->odd ? "an odd number" : k->integer ? "a whole number" : "a number",
											  k->minimum, k->maximum), architecture);
		config->values[i] = value;
		return status_ok();
	}
	return with_key_list(status_error(LS_INVALID_ARGUMENT, "%s has no config key \"%s\"",
									  architecture->name, key), architecture);
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
		const json_t *value = json_object_iter_value(item);
		const char *key = json_object_iter_key(item);

		if (json_is_number(value) || json_is_boolean(value))
			status = arch_config_set(architecture, config, key, json_is_true(value) ? 1 : json_number_value(value));
		else
			status = status_error(LS_INVALID_ARGUMENT, "\"%s\" of the config is not a number", key);
	}
	json_decref(root);
	return status;
}

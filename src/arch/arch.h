/*
 * arch.h: the registry of architectures and what each can be configured with.
 */
#ifndef LESIONSEG_ARCH_ARCH_H
#define LESIONSEG_ARCH_ARCH_H

#include <stdbool.h>

#include "core/call.h"
#include "core/options.h"
#include "core/status.h"
#include "nn/graph.h"

#define ARCH_MAX_KEYS 16

/* Values of `config`, in the order of Architecture.config's rows. */
typedef struct ArchConfig
{
	double		values[ARCH_MAX_KEYS];
} ArchConfig;

/* Where a value of `config` stands. */
#define CONFIG_VALUE(index) offsetof(ArchConfig, values[index])

typedef struct Architecture
{
	const char *name;			/* "unet" */
	const char *description;
	OptionTable config;			/* values are an ArchConfig */
	/* Image width and height must be multiples of this. */
	int			(*stride) (const ArchConfig *config);
	/* Append the network to graph. With dense_runner the input is RGB and the
	 * output one channel of logits. */
	void		(*build) (const ArchConfig *config, Graph *graph);
	/* How it runs (runner.h). */
	const struct RunnerKind *runner;
	/* Prefixes of the encoder's parameters, NULL after the last. */
	const char *const *encoder;
	/* Learning rate that lesion_train uses when none is given. */
	double		learning_rate;
} Architecture;

/* The architecture of that name, or NULL. */
const Architecture *arch_find(const char *name);

/* All architectures, in the order they are documented. */
const Architecture *const *arch_list(int *count);

/* Does the architecture find instances (network.h), not only a map? */
bool		arch_finds_instances(const Architecture *architecture);

/* Every key at its default. */
void		arch_config_default(const Architecture *architecture, ArchConfig *config);

/* Set one key, as options_set does. */
Status		arch_config_take(const Architecture *architecture, ArchConfig *config, const char *key,
							 const OptionValue *value);

/*
 * Read a config from a JSON object, as in weight files; other keys get their
 * defaults. Errors as above, and LS_INVALID_ARGUMENT for text that is no JSON
 * object.
 */
Status		arch_config_parse(const Architecture *architecture, const char *json, ArchConfig *config);

#endif

/*
 * arch_config.h: numbers in an architecture's config, for tests and benchmarks.
 */
#ifndef TEST_ARCH_CONFIG_H
#define TEST_ARCH_CONFIG_H

#include "arch/arch.h"

/* Set one key to a number. */
static inline Status
set_config(const Architecture *architecture, ArchConfig *config, const char *key, double value)
{
	const OptionValue number = {.kind = OPTION_VALUE_NUMBER,.number = value};

	return arch_config_take(architecture, config, key, &number);
}

#endif

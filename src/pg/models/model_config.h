/*
 * model_config.h: a network's config, and a version's traits, between jsonb and the library.
 */
#ifndef LESIONSEG_PG_MODELS_MODEL_CONFIG_H
#define LESIONSEG_PG_MODELS_MODEL_CONFIG_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "arch/arch.h"
#include "core/traits.h"
#include "nn/weights/weights.h"
#include "pg/base/split.h"

/* The architecture of that name, or an error that lists those that exist. */
const Architecture *config_architecture(const char *name);

/* Set the keys of `json` on top of what config holds; an unknown key or a
 * value out of range is an error. */
void		config_apply(const Architecture *architecture, Jsonb *json, ArchConfig *config);

/* Defaults with the keys of `json` set. */
ArchConfig	config_read(const Architecture *architecture, Jsonb *json);

/* Every key of a config. */
Jsonb	   *config_jsonb(const Architecture *architecture, const ArchConfig *config);

bool		config_equal(const Architecture *architecture, const ArchConfig *a, const ArchConfig *b);

/* Set the traits that are keys of `json`; an unknown key or a value out of range is an error. The threshold is known
 * before. */
void		traits_apply(Jsonb *json, Traits *traits);

/* Take over what a weight file says of its version: the traits, with a threshold of 0.5 where it has none, and the
 * split where it has one. */
void		weights_info_take(const WeightsInfo *info, Traits *traits, Split *split);

/* Every trait of a version, so that traits_apply() has the same numbers to the last bit. */
Jsonb	   *traits_jsonb(const Traits *traits);

#endif

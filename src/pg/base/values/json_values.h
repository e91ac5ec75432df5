/*
 * json_values.h: jsonb objects read as options, and built.
 */
#ifndef LESIONSEG_PG_JSON_VALUES_H
#define LESIONSEG_PG_JSON_VALUES_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "core/options.h"

/* Set the keys of an object, which is argument `argument`, in whichever of the
 * blocks has them. Anything but an object, or what options_set refuses, is an
 * error. */
void		json_options_apply(Jsonb *json, const char *argument, const OptionBlock *blocks, int count);

/* An object being built. */
typedef struct JsonBuilder
{
	JsonbParseState *state;
} JsonBuilder;

void		json_begin(JsonBuilder *builder);
void		json_add_number(JsonBuilder *builder, const char *key, double value);
void		json_add_boolean(JsonBuilder *builder, const char *key, bool value);
void		json_add_string(JsonBuilder *builder, const char *key, const char *value);
void		json_add_object(JsonBuilder *builder, const char *key, Jsonb *value);
/* Add an option with its value. */
void		json_add_option(JsonBuilder *builder, const Option *option, const void *values);

/* Add every option of a table. */
void		json_add_options(JsonBuilder *builder, const OptionTable *table, const void *values);

Jsonb	   *json_end(JsonBuilder *builder);

#endif

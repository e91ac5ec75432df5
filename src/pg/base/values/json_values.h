/*
 * json_values.h: read jsonb objects as options, and build jsonb objects.
 */
#ifndef LESIONSEG_PG_BASE_VALUES_JSON_VALUES_H
#define LESIONSEG_PG_BASE_VALUES_JSON_VALUES_H

#include "postgres.h"

#include "utils/jsonb.h"

#include "core/options.h"

/*
 * Set the keys of an object (argument `argument`) in the blocks that have
 * them. It is an error if it is no object, if a number has more than 100
 * characters, or if options_set refuses a value.
 */
void		json_options_apply(Jsonb *json, const char *argument, const OptionBlock *blocks, int count);

/* A number of jsonb; an error where it has more than 100 characters. */
double		json_number(const JsonbValue *json);

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

/*
 * json_values.h: a jsonb object as keys with numbers, which is what `config`
 * and `options` are.
 */
#ifndef LESIONSEG_PG_JSON_VALUES_H
#define LESIONSEG_PG_JSON_VALUES_H

#include "postgres.h"

#include "utils/jsonb.h"

/* Takes one key; true and false arrive as 1 and 0. */
typedef void (*JsonValueTaker) (void *data, const char *key, double value);

/* What values an object may have. */
typedef enum JsonValues
{
	JSON_NUMBERS,
	JSON_NUMBERS_AND_BOOLEANS
} JsonValues;

/* Hand each key of an object to `take`. Anything but an object of such
 * values is an error that names the argument. */
void		json_values_each(Jsonb *json, const char *argument, JsonValues values, JsonValueTaker take, void *data);

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
Jsonb	   *json_end(JsonBuilder *builder);

#endif

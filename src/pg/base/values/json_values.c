/*
 * json_values.c: see json_values.h.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "pg/base/error.h"
#include "pg/base/values/json_values.h"

/* The most characters of a number: 17 digits are all that a float8 keeps. */
#define NUMBER_MAX 100

/* One with 16383 zeros takes as little room as one without, until it is read, shown or dumped. */
double
json_number(const JsonbValue *json)
{
	Datum		number = NumericGetDatum(json->val.numeric);
	size_t		length = strlen(DatumGetCString(DirectFunctionCall1(numeric_out, number)));

	if (length > NUMBER_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a number of %zu characters is too long, the limit is %d", length, NUMBER_MAX),
				 errhint("Round it to 17 digits. No key takes a number of so many before or behind the point.")));
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, number));
}

/* Read a list of numbers; an empty one for anything else. */
static void
read_list(const JsonbValue *json, OptionValue *value)
{
	JsonbIterator *iterator = JsonbIteratorInit(json->val.binary.data);
	JsonbIteratorToken token;
	JsonbValue	element;

	value->kind = OPTION_VALUE_LIST;
	if (!JsonContainerIsArray(json->val.binary.data) || JsonContainerIsScalar(json->val.binary.data))
		return;
	(void) JsonbIteratorNext(&iterator, &element, true);	/* its beginning */
	while ((token = JsonbIteratorNext(&iterator, &element, true)) == WJB_ELEM)
	{
		if (element.type != jbvNumeric)
		{
			value->count = 0;
			return;
		}
		if (value->count < OPTION_LIST_MAX)
			value->list[value->count] = json_number(&element);
		value->count++;
	}
}

/* Convert to an option's value. NULL becomes an empty text, which no key accepts. */
static OptionValue
option_value_of(const JsonbValue *json)
{
	OptionValue value = {.kind = OPTION_VALUE_TEXT,.text = ""};

	if (json->type == jbvNumeric)
	{
		value.kind = OPTION_VALUE_NUMBER;
		value.number = json_number(json);
	}
	else if (json->type == jbvBool)
	{
		value.kind = OPTION_VALUE_BOOL;
		value.number = json->val.boolean ? 1 : 0;
	}
	else if (json->type == jbvString)
		value.text = pnstrdup(json->val.string.val, json->val.string.len);
	else if (json->type == jbvBinary)
		read_list(json, &value);
	return value;
}

void
json_options_apply(Jsonb *json, const char *argument, const OptionBlock *blocks, int count)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not a JSON object", argument),
				 errhint("Write keys and their values, like '{\"key\": true}'.")));

	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
		{
			OptionValue option = option_value_of(&value);

			check_status(NULL, options_set(blocks, count, argument, key, &option));
		}
	}
}

void
json_begin(JsonBuilder *builder)
{
	builder->state = NULL;
	pushJsonbValue(&builder->state, WJB_BEGIN_OBJECT, NULL);
}

/* Add a key; its value is to come. */
static void
add_key(JsonBuilder *builder, const char *key)
{
	JsonbValue	name;

	name.type = jbvString;
	name.val.string.val = unconstify(char *, key);
	name.val.string.len = strlen(key);
	pushJsonbValue(&builder->state, WJB_KEY, &name);
}

/* Add one key with a value. */
static void
add_value(JsonBuilder *builder, const char *key, JsonbValue *value)
{
	add_key(builder, key);
	pushJsonbValue(&builder->state, WJB_VALUE, value);
}

/* A number as jsonb, for a key. */
static JsonbValue
number_value(const char *key, double number)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];
	JsonbValue	value;

	if (!isfinite(number))
		elog(ERROR, "%s is %g, which JSON cannot hold", key, number);
	/* The cast of PostgreSQL keeps 15 digits, and another number may come back. */
	double_to_shortest_decimal_buf(number, text);
	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
															ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return value;
}

void
json_add_number(JsonBuilder *builder, const char *key, double number)
{
	JsonbValue	value = number_value(key, number);

	add_value(builder, key, &value);
}

void
json_add_boolean(JsonBuilder *builder, const char *key, bool boolean)
{
	JsonbValue	value;

	value.type = jbvBool;
	value.val.boolean = boolean;
	add_value(builder, key, &value);
}

void
json_add_string(JsonBuilder *builder, const char *key, const char *string)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	add_value(builder, key, &value);
}

void
json_add_object(JsonBuilder *builder, const char *key, Jsonb *object)
{
	JsonbValue	value;

	value.type = jbvBinary;
	value.val.binary.data = &object->root;
	value.val.binary.len = VARSIZE(object) - VARHDRSZ;
	add_value(builder, key, &value);
}

/* Add a list of numbers. */
static void
add_list(JsonBuilder *builder, const char *key, const OptionValue *list)
{
	add_key(builder, key);
	pushJsonbValue(&builder->state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < list->count; i++)
	{
		JsonbValue	number = number_value(key, list->list[i]);

		pushJsonbValue(&builder->state, WJB_ELEM, &number);
	}
	pushJsonbValue(&builder->state, WJB_END_ARRAY, NULL);
}

void
json_add_option(JsonBuilder *builder, const Option *option, const void *values)
{
	OptionValue value = option_get(option, values);

	switch (value.kind)
	{
		case OPTION_VALUE_NUMBER:
			json_add_number(builder, option->name, value.number);
			break;
		case OPTION_VALUE_BOOL:
			json_add_boolean(builder, option->name, value.number != 0);
			break;
		case OPTION_VALUE_TEXT:
			json_add_string(builder, option->name, value.text);
			break;
		case OPTION_VALUE_LIST:
			add_list(builder, option->name, &value);
			break;
	}
}

void
json_add_options(JsonBuilder *builder, const OptionTable *table, const void *values)
{
	for (int i = 0; i < table->count; i++)
		json_add_option(builder, &table->rows[i], values);
}

Jsonb *
json_end(JsonBuilder *builder)
{
	return JsonbValueToJsonb(pushJsonbValue(&builder->state, WJB_END_OBJECT, NULL));
}

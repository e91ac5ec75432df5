/*
 * json_values.c: see json_values.h.
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "pg/base/json_values.h"

void
json_values_each(Jsonb *json, const char *argument, JsonValues values, JsonValueTaker take, void *data)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	value;
	char	   *key = NULL;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s is not a JSON object", argument),
				 values == JSON_NUMBERS ? errhint("Write keys and numbers, like '{\"base\": 16}'.") :
				 errhint("Write keys and their values, like '{\"key\": true}'.")));

	iterator = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			key = pnstrdup(value.val.string.val, value.val.string.len);
		else if (token == WJB_VALUE)
		{
			if (value.type == jbvNumeric)
				take(data, key, DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
																   NumericGetDatum(value.val.numeric))));
			else if (value.type == jbvBool && values == JSON_NUMBERS_AND_BOOLEANS)
				take(data, key, value.val.boolean ? 1 : 0);
			else
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 values == JSON_NUMBERS ? errmsg("key \"%s\" of %s is not a number", key, argument) :
						 errmsg("key \"%s\" of %s is neither a number nor true or false", key, argument),
						 values == JSON_NUMBERS ? errhint("Write numbers without quotation marks, like '{\"base\": 16}'.") :
						 errhint("Write numbers, true and false without quotation marks, like '{\"key\": true}'.")));
		}
	}
}

void
json_begin(JsonBuilder *builder)
{
	builder->state = NULL;
	pushJsonbValue(&builder->state, WJB_BEGIN_OBJECT, NULL);
}

/* Add one key with a value. */
static void
add_value(JsonBuilder *builder, const char *key, JsonbValue *value)
{
	JsonbValue	name;

	name.type = jbvString;
	name.val.string.val = unconstify(char *, key);
	name.val.string.len = strlen(key);
	pushJsonbValue(&builder->state, WJB_KEY, &name);
	pushJsonbValue(&builder->state, WJB_VALUE, value);
}

void
json_add_number(JsonBuilder *builder, const char *key, double number)
{
	JsonbValue	value;

	if (!isfinite(number))
		elog(ERROR, "%s is %g, which JSON cannot hold", key, number);
	value.type = jbvNumeric;
	value.val.numeric = DatumGetNumeric(DirectFunctionCall1(float8_numeric, Float8GetDatum(number)));
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

Jsonb *
json_end(JsonBuilder *builder)
{
	return JsonbValueToJsonb(pushJsonbValue(&builder->state, WJB_END_OBJECT, NULL));
}

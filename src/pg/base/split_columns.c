/*
 * split_columns.c: see split.h: the columns of a split, as they are kept in
 * tables and in weight files.
 *
 * A weight file holds only printable ASCII (nn/weights.h), so other characters
 * of a column's name are escaped there.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"

#include "pg/base/split.h"

SplitColumns *
split_columns_single(const char *name)
{
	SplitColumns *columns = palloc0(sizeof *columns);

	columns->count = 1;
	namestrcpy(&columns->names[0], name);
	return columns;
}

bool
split_columns_equal(const SplitColumns *a, const SplitColumns *b)
{
	if (a == NULL || b == NULL || a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++)
		if (strcmp(NameStr(a->names[i]), NameStr(b->names[i])) != 0)
			return false;
	return true;
}

bool
split_differs(const Split *a, const Split *b)
{
	return a->seed != b->seed || a->test_fraction != b->test_fraction || a->fold != b->fold ||
		(a->columns != NULL && b->columns != NULL && !split_columns_equal(a->columns, b->columns));
}

bool
split_are_folds(const Split *a, const Split *b)
{
	Split		moved = *b;

	moved.fold = a->fold;
	return a->fold != b->fold && a->fold > 0 && b->fold > 0 && !split_differs(a, &moved);
}

char *
split_columns_text(const SplitColumns *columns)
{
	StringInfoData text;

	if (columns->count == 0)
		return pstrdup("the SHA-256 of the image");
	initStringInfo(&text);
	for (int i = 0; i < columns->count; i++)
		appendStringInfo(&text, "%s\"%s\"", i > 0 ? ", " : "", NameStr(columns->names[i]));
	return text.data;
}

char *
split_description(const Split *split)
{
	return psprintf("%s with split_seed %lld and test_fraction %g%s",
					split->columns == NULL ? "columns that are not known" : split_columns_text(split->columns),
					(long long) split->seed, split->test_fraction,
					split->fold > 0 ? psprintf(", fold %d", split->fold) : "");
}

Datum
split_columns_datum(const SplitColumns *columns)
{
	Datum		names[INDEX_MAX_KEYS];

	for (int i = 0; i < columns->count; i++)
		names[i] = CStringGetTextDatum(NameStr(columns->names[i]));
	return PointerGetDatum(construct_array(names, columns->count, TEXTOID, -1, false, TYPALIGN_INT));
}

SplitColumns *
split_columns_read(Datum array)
{
	SplitColumns *columns = palloc0(sizeof *columns);
	Datum	   *names;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &count);
	if (count > INDEX_MAX_KEYS)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a version names %d columns that its images were split by", count),
				 errhint("It was not written by this extension. Train or import a new version.")));
	for (int i = 0; i < count; i++)
		namestrcpy(&columns->names[columns->count++], nulls[i] ? "" : TextDatumGetCString(names[i]));
	return columns;
}

/* Append a text as a string of JSON in ASCII. */
static void
append_ascii(StringInfo json, const char *text)
{
	StringInfoData quoted;
	unsigned char *c;

	initStringInfo(&quoted);
	escape_json(&quoted, text);
	for (c = (unsigned char *) pg_server_to_any(quoted.data, quoted.len, PG_UTF8); *c != '\0'; c += pg_utf_mblen(c))
	{
		pg_wchar	code = utf8_to_unicode(c);

		if (code < 0x7f)
			appendStringInfoChar(json, (char) code);
		else if (code < 0x10000)
			appendStringInfo(json, "\\u%04x", code);
		else
			appendStringInfo(json, "\\u%04x\\u%04x", 0xd800 + ((code - 0x10000) >> 10), 0xdc00 + (code & 0x3ff));
	}
}

char *
split_to_json(const Split *split)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfoString(&json, "{\"columns\": [");
	for (int i = 0; i < split->columns->count; i++)
	{
		appendStringInfoString(&json, i > 0 ? ", " : "");
		append_ascii(&json, NameStr(split->columns->names[i]));
	}
	appendStringInfo(&json, "], \"seed\": %lld, \"test_fraction\": %.17g, \"validation_fraction\": %.17g",
					 (long long) split->seed, split->test_fraction, split->validation_fraction);
	if (split->fold > 0)
		appendStringInfo(&json, ", \"fold\": %d", split->fold);
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* Raise the error of a file whose split cannot be read. */
static void
bad_split(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("weights: metadata \"split\" is not what this extension writes"),
			 errhint("Leave the key out: a file without \"split\" can be imported, too.")));
}

/* The number under a key. */
static Numeric
split_number(Jsonb *json, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&json->root, key, strlen(key), &value) == NULL || value.type != jbvNumeric)
		bad_split();
	return value.val.numeric;
}

/* The whole number under a key. */
static int64_t
split_integer(Jsonb *json, const char *key, int64_t least, int64_t most)
{
	char	   *digits = DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(split_number(json, key))));
	char	   *end;
	long long	value;

	errno = 0;
	value = strtoll(digits, &end, 10);
	if (errno != 0 || *end != '\0' || value < least || value > most)
		bad_split();
	return value;
}

/* The fraction under a key. */
static double
split_fraction(Jsonb *json, const char *key)
{
	double		fraction = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
															  NumericGetDatum(split_number(json, key))));

	if (!(fraction >= 0 && fraction < 1))
		bad_split();
	return fraction;
}

/* The fold, 0 where the key is not there: files of 0.2 have none. */
static int
split_fold(Jsonb *json)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(&json->root, "fold", strlen("fold"), &value) == NULL)
		return 0;
	return (int) split_integer(json, "fold", 0, INT_MAX);
}

/* The columns of such an object. */
static SplitColumns *
columns_from_json(Jsonb *json)
{
	SplitColumns *columns = palloc0(sizeof *columns);
	JsonbValue	list;

	if (getKeyJsonValueFromContainer(&json->root, "columns", strlen("columns"), &list) == NULL ||
		list.type != jbvBinary || !JsonContainerIsArray(list.val.binary.data) ||
		JsonContainerSize(list.val.binary.data) > INDEX_MAX_KEYS)
		bad_split();
	for (uint32 i = 0; i < JsonContainerSize(list.val.binary.data); i++)
	{
		JsonbValue *name = getIthJsonbValueFromContainer(list.val.binary.data, i);

		if (name->type != jbvString || name->val.string.len == 0 || name->val.string.len >= NAMEDATALEN)
			bad_split();
		namestrcpy(&columns->names[columns->count++], pnstrdup(name->val.string.val, name->val.string.len));
	}
	return columns;
}

Split
split_from_json(const char *text)
{
	Jsonb	   *json = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	Split		split;

	if (!JB_ROOT_IS_OBJECT(json))
		bad_split();
	split.columns = columns_from_json(json);
	split.seed = split_integer(json, "seed", INT64_MIN, INT64_MAX);
	split.test_fraction = split_fraction(json, "test_fraction");
	split.validation_fraction = split_fraction(json, "validation_fraction");
	split.fold = split_fold(json);
	split_check_fold(&split);
	return split;
}

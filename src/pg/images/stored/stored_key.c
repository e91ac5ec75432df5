/*
 * stored_key.c: see stored_key.h.
 *
 * The key's text is made by the same cast or output function as in the queries
 * of images_source.c.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "pg/base/rights/column_rights.h"
#include "pg/images/column_text.h"
#include "pg/images/images_source.h"
#include "pg/images/stored/stored_key.h"

/* Are values of the type only read by functions of the server, and their texts not much longer than they? Not for
 * arrays, rows and ranges: their values name other types. A number in a jsonb or a jsonpath takes ten bytes and has
 * 131072 digits. */
static bool
is_plain_type(Oid type)
{
	return type != JSONBOID && type != JSONPATHOID &&
		came_with_server(type) && get_typtype(type) == TYPTYPE_BASE && !OidIsValid(get_element_type(type));
}

/* Find the function that makes text of the key's one column: the one that
 * ::text calls, if it came with the server. */
static bool
find_text_cast(Oid type, StoredKey *key)
{
	Oid			function = InvalidOid;
	bool		varlena;

	switch (find_coercion_pathway(TEXTOID, type, COERCION_EXPLICIT, &function))
	{
		case COERCION_PATH_RELABELTYPE:
			return true;
		case COERCION_PATH_FUNC:
			break;
		case COERCION_PATH_COERCEVIAIO:
			getTypeOutputInfo(type, &function, &varlena);
			key->is_output = true;
			break;
		default:
			return false;
	}
	if (!came_with_server(function))
		return false;
	fmgr_info(function, &key->to_text);
	return true;
}

/* The number and base type of a column whose values are stored, else 0. */
static AttrNumber
find_stored_column(Relation relation, const char *name, Oid *type)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), name);
	Form_pg_attribute column;

	if (number <= 0)
		return 0;
	column = TupleDescAttr(RelationGetDescr(relation), number - 1);
	if (column->attgenerated != '\0' && column->attgenerated != ATTRIBUTE_GENERATED_STORED)
		return 0;
	*type = getBaseType(column->atttypid);
	return number;
}

static Datum
read_number(const char *text)
{
	return DirectFunctionCall3(numeric_in, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

const char *
stored_key_find(Relation relation, const StoredImage *wanted, List *names, bool privileges, StoredKey *key)
{
	Oid			oid = RelationGetRelid(relation);
	Oid			type;
	ListCell   *cell;

	memset(key, 0, sizeof *key);
	key->longer = read_number(psprintf("1e%zu", strlen(wanted->id)));
	key->infinity = read_number("Infinity");
	key->image = find_stored_column(relation, wanted->image_column, &type);
	if (key->image == 0 || type != BYTEAOID)
		return "the table has no such column of images";
	if (privileges && !column_is_readable(oid, key->image))
		return "this role may not read the images";
	if (list_length(names) > 1)
		key->row = CreateTemplateTupleDesc(list_length(names));
	foreach(cell, names)
	{
		AttrNumber	number = find_stored_column(relation, lfirst(cell), &type);

		if (number == 0)
			return "the table has no such column of ids";
		if (privileges && !column_is_readable(oid, number))
			return "this role may not read the images' ids";
		if (!is_plain_type(type) || (key->row == NULL && !find_text_cast(type, key)))
			return "the images' ids are of jsonb, an array, a range or a type that did not come with the server"
				GIVE_IT;
		key->numeric[key->count] = type == NUMERICOID;
		key->columns[key->count++] = number;
		if (key->row != NULL)
			TupleDescInitEntry(key->row, (AttrNumber) key->count, NULL, type, -1, 0);
	}
	if (key->row != NULL)
	{
		key->row = BlessTupleDesc(key->row);
		fmgr_info(F_RECORD_OUT, &key->to_text);
		key->is_output = true;
	}
	return NULL;
}

bool
stored_key_is_too_long(const StoredKey *key, TupleTableSlot *slot)
{
	Size		bytes = 0;

	for (int i = 0; i < key->count; i++)
	{
		bool		isnull;
		Datum		value = slot_getattr(slot, key->columns[i], &isnull);

		if (!isnull && TupleDescAttr(slot->tts_tupleDescriptor, key->columns[i] - 1)->attlen == -1)
			bytes += toast_raw_datum_size(value) - VARHDRSZ;
	}
	return bytes > COLUMN_TEXT_BYTES;
}

/* Is a number of a row's id of more digits than the wanted id has? It may have 131072 of them in ten bytes. */
static bool
is_longer_number(const StoredKey *key, TupleTableSlot *slot)
{
	for (int i = 0; i < key->count; i++)
	{
		bool		isnull;
		Datum		value = key->numeric[i] ? slot_getattr(slot, key->columns[i], &isnull) : (Datum) 0;

		if (!key->numeric[i] || isnull)
			continue;
		value = DirectFunctionCall1(numeric_abs, value);
		if (DatumGetBool(DirectFunctionCall2(numeric_ge, value, key->longer)) &&
			DatumGetBool(DirectFunctionCall2(numeric_lt, value, key->infinity)))
			return true;
	}
	return false;
}

char *
stored_key_id(StoredKey *key, TupleTableSlot *slot)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		nulls[INDEX_MAX_KEYS];
	Datum		id;

	for (int i = 0; i < key->count; i++)
		values[i] = slot_getattr(slot, key->columns[i], &nulls[i]);
	if ((key->row == NULL && nulls[0]) || is_longer_number(key, slot))
		return NULL;
	id = key->row == NULL ? values[0] : HeapTupleGetDatum(heap_form_tuple(key->row, values, nulls));
	if (!OidIsValid(key->to_text.fn_oid))
		return TextDatumGetCString(id);
	if (key->is_output)
		return OutputFunctionCall(&key->to_text, id);
	return TextDatumGetCString(FunctionCall1(&key->to_text, id));
}

/*
 * images_key.c: see images_key.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "pg/images/column_text.h"
#include "pg/base/values/row_values.h"
#include "pg/images/images_key.h"

/* Is the type's equality the server's own, and independent of other types? */
static bool
is_comparable(Oid type, Oid equality)
{
	char		kind = get_typtype(type);

	return (kind == TYPTYPE_BASE || kind == TYPTYPE_ENUM) && came_with_server(equality);
}

/* Add a column to the key; false if rows cannot be fetched by it. */
static bool
read_column(Relation relation, const char *name, ImagesKeyColumn *column)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), name);
	TypeCacheEntry *type;

	column->name = pstrdup(quote_identifier(name));
	column->type = TupleDescAttr(RelationGetDescr(relation), number - 1)->atttypid;
	column->base = getBaseType(column->type);
	column->array = get_array_type(column->base);
	type = lookup_type_cache(column->base, TYPECACHE_EQ_OPR);
	if (!OidIsValid(column->array) || !is_comparable(column->base, type->eq_opr))
		return false;
	column->equals = psprintf("OPERATOR(pg_catalog.%s)", get_opname(type->eq_opr));
	get_typlenbyvalalign(column->base, &column->length, &column->by_value, &column->alignment);
	return true;
}

ImagesKey
images_key(Relation relation, const SplitColumns *id)
{
	ImagesKey	key = {0};

	for (int i = 0; i < id->count; i++)
		if (!read_column(relation, NameStr(id->names[i]), &key.columns[i]))
			return key;
	key.count = id->count;
	return key;
}

void
images_key_select(const ImagesKey *key, StringInfo query)
{
	for (int i = 0; i < key->count; i++)
		appendStringInfo(query, ", %s AS key%d", key->columns[i].name, i + 1);
}

void
images_key_list(const ImagesKey *key, StringInfo query)
{
	for (int i = 0; i < key->count; i++)
		appendStringInfo(query, ", s.key%d", i + 1);
}

void
images_key_condition(const ImagesKey *key, int first, StringInfo query, Oid *types)
{
	for (int i = 0; i < key->count; i++)
	{
		appendStringInfo(query, "AND s.key%d %s ANY ($%d) ", i + 1, key->columns[i].equals, first + i);
		types[i] = key->columns[i].array;
	}
}

Datum *
images_key_read(const ImagesKey *key, HeapTuple row, TupleDesc columns, int first)
{
	Datum	   *values = palloc(Max(key->count, 1) * sizeof *values);

	for (int i = 0; i < key->count; i++)
	{
		const ImagesKeyColumn *column = &key->columns[i];
		Datum		value = row_needed(row, columns, first + i, column->type);

		/* Copy the value, not a pointer to a TOAST table: its row may be gone
		 * later. */
		values[i] = column->length == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value)) :
			datumCopy(value, column->by_value, column->length);
	}
	return values;
}

bool
images_key_same(const ImagesKey *key, const Datum *a, const Datum *b)
{
	for (int i = 0; i < key->count; i++)
		if (!datumIsEqual(a[i], b[i], key->columns[i].by_value, key->columns[i].length))
			return false;
	return true;
}

void
images_key_free(const ImagesKey *key, Datum *values)
{
	for (int i = 0; i < key->count; i++)
		if (!key->columns[i].by_value)
			pfree(DatumGetPointer(values[i]));
	pfree(values);
}

void
images_key_arrays(const ImagesKey *key, Datum *const *rows, int count, Datum *values)
{
	Datum	   *elements = palloc(Max(count, 1) * sizeof *elements);

	for (int i = 0; i < key->count; i++)
	{
		const ImagesKeyColumn *column = &key->columns[i];

		for (int row = 0; row < count; row++)
			elements[row] = rows[row][i];
		values[i] = PointerGetDatum(construct_array(elements, count, column->base, column->length, column->by_value,
													column->alignment));
	}
	pfree(elements);
}

/*
 * mask_index.c: see mask_index.h. Indexes are looked up without opening them: others may hold a lock on one.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "pg/predict/mask_index.h"

/* Is an index a B-tree? */
static bool
is_btree(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	bool		result;

	if (!HeapTupleIsValid(tuple))	/* dropped meanwhile */
		return false;
	result = ((Form_pg_class) GETSTRUCT(tuple))->relam == BTREE_AM_OID;
	ReleaseSysCache(tuple);
	return result;
}

/* Does it order its first columns as the default collation does, in which ids are compared? */
static bool
has_default_collation(HeapTuple tuple, int columns)
{
	bool		isnull;
	Datum		value = SysCacheGetAttr(INDEXRELID, tuple, Anum_pg_index_indcollation, &isnull);
	const oidvector *collations = (const oidvector *) DatumGetPointer(value);

	for (int i = 0; !isnull && i < columns; i++)
		if (collations->values[i] != DEFAULT_COLLATION_OID)
			return false;
	return !isnull;
}

/* Is this row of pg_index that of an index on id, or on images and id, before other columns? */
static bool
leads_to_rows(HeapTuple tuple, AttrNumber images, AttrNumber id)
{
	const FormData_pg_index *index = (const FormData_pg_index *) GETSTRUCT(tuple);
	int			place = index->indkey.values[0] == images ? 1 : 0;

	return index->indisvalid && heap_attisnull(tuple, Anum_pg_index_indpred, NULL) &&
		place < index->indnkeyatts && index->indkey.values[place] == id &&
		has_default_collation(tuple, place + 1) && is_btree(index->indexrelid);
}

bool
mask_index_exists(Oid table)
{
	AttrNumber	images = get_attnum(table, "images");
	AttrNumber	id = get_attnum(table, "id");
	Relation	relation = table_open(table, AccessShareLock);
	ListCell   *cell;
	bool		found = false;

	foreach(cell, RelationGetIndexList(relation))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(cell)));

		if (!HeapTupleIsValid(tuple))	/* dropped meanwhile */
			continue;
		found |= leads_to_rows(tuple, images, id);
		ReleaseSysCache(tuple);
	}
	table_close(relation, NoLock);
	return found;
}

/*
 * stored_image.c: see stored_image.h.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/pquery.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "pg/base/values/bytes.h"
#include "pg/base/call.h"
#include "pg/base/compat.h"
#include "pg/base/settings.h"
#include "pg/images/column_text.h"
#include "pg/images/images_source.h"
#include "pg/images/stored/stored_image.h"
#include "pg/images/stored/stored_key.h"
#include "pg/images/text_settings.h"

#define LOCKED "the table of images is locked by another session"

/* So many images of the wanted id are looked at: each row of masks may name one, and an id without a key has as many as
 * somebody likes. */
#define IMAGES_OF_ID 10

/* A search under way. */
typedef struct ImageSearch
{
	const StoredImage *wanted;
	List	   *key;			/* names of the key's columns */
	MemoryContext row_context;
	int			seen;			/* images with the id were read, perhaps with other bytes */
	bool		found;
	bool		too_large;		/* an image with the id was not read */
	bool		too_long;		/* an id was not read */
	Datum		image;
} ImageSearch;

/* ---- locks ---- */

/* Lock a relation unless another session holds it, and note it in `locked`. */
static bool
lock_noted(Oid oid, List **locked)
{
	if (!ConditionalLockRelationOid(oid, AccessShareLock))
		return false;
	*locked = lappend_oid(*locked, oid);
	return true;
}

/* Let go of relations: a table may have more parts, or a query more tables, than
 * the server has room for locks. An image that was found is a copy. */
static void
unlock(List *locked)
{
	ListCell   *cell;

	foreach(cell, locked)
		UnlockRelationOid(lfirst_oid(cell), AccessShareLock);
	list_free(locked);
}

/* Lock the TOAST table of a relation; false if another session holds it. */
static bool
lock_toast(Relation relation, List **locked)
{
	Oid			oid = relation->rd_rel->reltoastrelid;
	Relation	toast;
	ListCell   *cell;
	bool		all = true;

	if (!OidIsValid(oid))
		return true;
	if (!lock_noted(oid, locked))
		return false;
	toast = relation_open(oid, NoLock);
	foreach(cell, RelationGetIndexList(toast))
		all = all && lock_noted(lfirst_oid(cell), locked);
	relation_close(toast, NoLock);
	return all;
}

/* Open the relation with that name; NULL, and the reason, if it is missing or
 * another session holds it. */
static Relation
open_named(const char *images, const char **reason)
{
	RangeVar   *name = makeRangeVarFromNameList(compat_qualified_name(images));
	Oid			oid = RangeVarGetRelidExtended(name, AccessShareLock, RVR_MISSING_OK | RVR_SKIP_LOCKED, NULL, NULL);

	if (OidIsValid(oid))
		return relation_open(oid, NoLock);
	*reason = OidIsValid(RangeVarGetRelid(name, NoLock, true)) ? LOCKED GIVE_IT : "the table of images is gone";
	return NULL;
}

/* Does Citus keep the rows of a table in shards, on this server or others? The table itself is empty then. */
static bool
is_distributed(Oid oid)
{
	Oid			catalog = get_relname_relid("pg_dist_partition", PG_CATALOG_NAMESPACE);
	Relation	relation;
	SysScanDesc scan;
	ScanKeyData key;
	bool		found;

	if (!OidIsValid(catalog))
		return false;
	relation = table_open(catalog, AccessShareLock);
	ScanKeyInit(&key, get_attnum(catalog, "logicalrelid"), BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(oid));
	scan = systable_beginscan(relation, InvalidOid, false, NULL, 1, &key);
	found = HeapTupleIsValid(systable_getnext(scan));
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

/* ---- rows ---- */

/* The digest of a row's image, which is read unless the query has read it before. */
static void
image_digest_of(const ImageSearch *search, Relation relation, const StoredKey *key, const TupleTableSlot *slot,
				Datum image, uint8_t digest[SHA256_BYTES])
{
	MemoryContext caller;
	ByteView	bytes;

	if (read_digests_find(search->wanted->read, relation, key->image, slot, digest))
		return;
	caller = MemoryContextSwitchTo(search->row_context);
	bytes = bytes_view(image);
	MemoryContextSwitchTo(caller);
	CHECK_FOR_INTERRUPTS();
	sha256_digest(bytes.bytes, bytes.size, digest);
	read_digests_add(search->wanted->read, relation, key->image, slot, digest);
}

/* Compare a row's image with the wanted one, and note the result. */
static void
look_at_image(ImageSearch *search, Relation relation, const StoredKey *key, const TupleTableSlot *slot, Datum image)
{
	uint8_t		digest[SHA256_BYTES];
	char		hex[SHA256_HEX_SIZE];

	image_digest_of(search, relation, key, slot, image, digest);
	sha256_hex(digest, hex);
	if (key->count == 0 && strcmp(hex, search->wanted->id) != 0)
		return;
	search->seen++;
	search->found = memcmp(digest, search->wanted->sha256, SHA256_BYTES) == 0;
	if (search->found)
		search->image = PointerGetDatum(PG_DETOAST_DATUM_COPY(image));
}

/* Is a stored value larger than an image may be? Its owner decides, and a few
 * bytes in a table may be a gigabyte to read. */
static bool
is_too_large(Datum image)
{
	return toast_raw_datum_size(image) > (Size) lesionseg_max_memory * 1024;
}

/* Examine a row. */
static void
look_at_row(ImageSearch *search, Relation relation, StoredKey *key, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(search->row_context);
	bool		isnull;
	Datum		image = slot_getattr(slot, key->image, &isnull);
	char	   *id = NULL;

	if (!isnull && stored_key_is_too_long(key, slot))
		search->too_long = true;
	else if (!isnull && key->count > 0)
		id = stored_key_id(key, slot);
	MemoryContextSwitchTo(caller);
	if (!isnull && (key->count == 0 || (id != NULL && strcmp(id, search->wanted->id) == 0)))
	{
		if (is_too_large(image))
			search->too_large = true;
		else
			look_at_image(search, relation, key, slot, image);
	}
	MemoryContextReset(search->row_context);
}

/* Examine the rows of a relation that stores rows. */
static void
search_rows(ImageSearch *search, Relation relation, StoredKey *key)
{
	TableScanDesc scan;
	TupleTableSlot *slot = table_slot_create(relation, NULL);

	EnsurePortalSnapshotExists();
	scan = table_beginscan(relation, GetActiveSnapshot(), 0, NULL);
	while (!search->found && !call_limit_passed() && search->seen < IMAGES_OF_ID &&
		   table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		look_at_row(search, relation, key, slot);
	}
	ExecDropSingleTupleTableSlot(slot);
	table_endscan(scan);
}

/* ---- relations ---- */

/* Search a relation that stores rows. Returns NULL, or why it cannot be
 * searched. What is locked for it is noted in `locked`. */
static const char *
search_relation(ImageSearch *search, Relation relation, bool named, List **locked)
{
	char		kind = relation->rd_rel->relkind;
	StoredKey	key;
	const char *reason;

	if (kind != RELKIND_RELATION && kind != RELKIND_MATVIEW && kind != RELKIND_PARTITIONED_TABLE)
		return "the images are in a view or a foreign table" GIVE_IT;
	if (IsCatalogRelation(relation))
		return "the images are said to be in a catalog of the server" GIVE_IT;
	if (is_distributed(RelationGetRelid(relation)))
		return "the images are in the shards of a distributed table" GIVE_IT;
	if (RELATION_IS_OTHER_TEMP(relation))
		return named ? "the images are in a temporary table of another session" GIVE_IT : NULL;
	/* A standby has none of its pages. */
	if (!RelationIsPermanent(relation) && RecoveryInProgress())
		return "the images are in an unlogged table, and this server is a standby" GIVE_IT;
	if (!lock_toast(relation, locked))
		return LOCKED GIVE_IT;
	reason = stored_key_find(relation, search->wanted, search->key, named, &key);
	if (reason == NULL && kind != RELKIND_PARTITIONED_TABLE)
		search_rows(search, relation, &key);
	return reason;
}

/* Search the relation that is named, with its partitions or those that inherit
 * from it; only its own privileges and policies count, as for a SELECT. */
static const char *
search_tree(ImageSearch *search, Relation top)
{
	const char *reason = NULL;
	ListCell   *cell;

	foreach(cell, find_all_inheritors(RelationGetRelid(top), NoLock, NULL))
	{
		List	   *locked = NIL;
		Relation	relation;

		CHECK_FOR_INTERRUPTS();
		if (!lock_noted(lfirst_oid(cell), &locked))
			return LOCKED GIVE_IT;
		relation = try_relation_open(lfirst_oid(cell), NoLock);
		if (relation != NULL)
		{
			reason = search_relation(search, relation, lfirst_oid(cell) == RelationGetRelid(top), &locked);
			relation_close(relation, NoLock);
		}
		unlock(locked);
		if (reason != NULL || search->found || call_limit_passed())
			break;
	}
	return reason;
}

const char *
stored_image_find(const StoredImage *wanted, Datum *image)
{
	ImageSearch search = {.wanted = wanted};
	const char *reason = NULL;
	Relation	relation = open_named(wanted->images, &reason);
	int			level;

	if (relation == NULL)
		return reason;
	if (check_enable_rls(RelationGetRelid(relation), InvalidOid, true) == RLS_ENABLED)
		reason = "row-level security of the images holds for this role" GIVE_IT;
	else
	{
		search.key = wanted->id_column != NULL ? list_make1(pstrdup(wanted->id_column)) : images_key_columns(relation);
		search.row_context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg stored image",
												   ALLOCSET_DEFAULT_SIZES);
		level = text_settings_begin();
		reason = search_tree(&search, relation);
		text_settings_end(level);
		MemoryContextDelete(search.row_context);
	}
	relation_close(relation, AccessShareLock);
	if (search.found)
		*image = search.image;
	else if (reason == NULL && call_limit_passed())
		reason = psprintf("looking for the image takes longer than lesionseg.remake_timeout, %d ms" GIVE_IT,
						  lesionseg_remake_timeout);
	else if (reason == NULL)
		reason = search.seen == IMAGES_OF_ID ?
			psprintf("the image has changed, or is none of %d that have its id", IMAGES_OF_ID) :
			search.seen > 0 ? "the image has changed" :
			search.too_large ? "the image is gone, or has more bytes than lesionseg.max_memory" GIVE_IT :
			search.too_long ?
			psprintf("the image is gone, or its id has more than %d bytes" GIVE_IT, COLUMN_TEXT_BYTES) :
			"the image is gone";
	return reason;
}

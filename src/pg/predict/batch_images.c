/*
 * batch_images.c: see batch_images.h.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/predict/batch_images.h"

/* Make parameters of the ids and, with by_tid, the tids of some images. */
static void
image_parameters(const PendingImage *images, int count, bool by_tid, Datum *ids, Datum *tids)
{
	Datum	   *elements = palloc(count * sizeof *elements);

	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(images[i].id);
	*ids = PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
	for (int i = 0; i < count && by_tid; i++)
		elements[i] = PointerGetDatum(images[i].tid);
	if (by_tid)
		*tids = PointerGetDatum(construct_array(elements, count, TIDOID, sizeof(ItemPointerData), false,
												TYPALIGN_SHORT));
}

/* Select the images of `count` ids, with by_tid by their tids, too. Returns how
 * many were found. */
static uint64
select_images(const ImagesSource *source, const PendingImage *images, int count, bool by_tid)
{
	int			parameters = 1 + source->key.count;
	Oid			types[INDEX_MAX_KEYS + 2] = {TEXTARRAYOID};
	Datum		values[INDEX_MAX_KEYS + 2] = {0};
	Datum	  **keys = palloc(count * sizeof *keys);
	StringInfoData query;
	int			result;

	for (int i = 0; i < count; i++)
		keys[i] = images[i].key;
	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT s.id, s.image FROM (%s) AS s WHERE s.usable "
					 "AND s.id COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.=) ANY ($1) ", source->rows);
	images_key_condition(&source->key, 2, &query, types + 1);
	images_key_arrays(&source->key, keys, count, values + 1);
	image_parameters(images, count, by_tid, &values[0], &values[parameters]);
	if (by_tid)
	{
		types[parameters++] = TIDARRAYOID;
		appendStringInfo(&query, "AND s.tid OPERATOR(pg_catalog.=) ANY ($%d) ", parameters);
	}
	appendStringInfoString(&query, "ORDER BY s.id COLLATE pg_catalog.\"C\", s.image");
	result = images_execute(psprintf("fetching images of %s", source->name), query.data, parameters, types, values, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "fetching images of %s gave %s", source->name, SPI_result_code_string(result));
	return SPI_processed;
}

SPITupleTable *
batch_images_fetch(const ImagesSource *source, const PendingImage *images, int count)
{
	bool		by_tid = source->has_tid;

	if (select_images(source, images, count, by_tid) == (uint64) count || !by_tid)
		return SPI_tuptable;
	SPI_freetuptable(SPI_tuptable);
	(void) select_images(source, images, count, false);
	return SPI_tuptable;
}

char *
batch_image_id(const SPITupleTable *rows, uint64 i)
{
	return TextDatumGetCString(row_needed(rows->vals[i], rows->tupdesc, BATCH_ID, TEXTOID));
}

/* ---- images that are replaced ---- */

/* The next row from `i` on, before `end`, that has an image, its id and image; false where there is none. */
static bool
next_image(const SPITupleTable *rows, uint64 end, uint64 *i, char **id, Datum *image)
{
	for (; *i < end; (*i)++)
	{
		bool		isnull;

		*image = row_value(rows->vals[*i], rows->tupdesc, BATCH_IMAGE, BYTEAOID, &isnull);
		if (isnull)
			continue;
		*id = batch_image_id(rows, *i);
		return true;
	}
	return false;
}

/* Have two images the same bytes? */
static bool
have_same_bytes(Datum before, Datum now)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg two images", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ByteView	a = bytes_view(before);
	ByteView	b = bytes_view(now);
	bool		same = a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0;

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return same;
}

/* Are two images the same? One that stands beside its row is, where it stands at the same place; else it may have moved
 * there. */
static bool
are_same(Datum before, Datum now)
{
	if (datumIsEqual(before, now, false, -1))
		return true;
	return toast_raw_datum_size(before) == toast_raw_datum_size(now) && have_same_bytes(before, now);
}

/* Go through both, which are in the order of their ids. */
static List *
ids_of_others(const SPITupleTable *before, uint64 from, uint64 to, const SPITupleTable *now, bool gone)
{
	List	   *ids = NIL;
	uint64		i = from,
				j = 0;
	char	   *id_before,
			   *id_now;
	Datum		image_before,
				image_now;

	while (next_image(before, to, &i, &id_before, &image_before))
	{
		int			order = next_image(now, now->numvals, &j, &id_now, &image_now) ? strcmp(id_before, id_now) : -1;

		CHECK_FOR_INTERRUPTS();
		if (order < 0 ? gone : (order == 0 && !are_same(image_before, image_now)))
			ids = lappend(ids, id_before);
		i += order <= 0;
		j += order >= 0;
	}
	return ids;
}

List *
batch_images_replaced(const ImagesSource *source, const PendingImage *images, int count, const SPITupleTable *rows,
					  uint64 from, uint64 to, bool gone)
{
	SPITupleTable *now;
	List	   *ids;

	if (source->ids_are_digests || !source->image_is_stored)
		return NIL;
	now = batch_images_fetch(source, images, count);
	ids = ids_of_others(rows, from, to, now, gone);
	SPI_freetuptable(now);
	return ids;
}

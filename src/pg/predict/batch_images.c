/*
 * batch_images.c: see batch_images.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/snapmgr.h"

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

/* Select the images of `count` ids, with by_tid by their tids, too; under the
 * active snapshot, or a new one. Returns how many were found. */
static uint64
select_images(const ImagesSource *source, const PendingImage *images, int count, bool by_tid, bool active)
{
	const char *doing = psprintf("fetching images of %s", source->name);
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
	result = active ? images_execute_active(doing, query.data, parameters, types, values) :
		images_execute(doing, query.data, parameters, types, values, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "fetching images of %s gave %s", source->name, SPI_result_code_string(result));
	return SPI_processed;
}

/* Fetch images: those whose rows have moved by their keys. */
static SPITupleTable *
fetch(const ImagesSource *source, const PendingImage *images, int count, bool active)
{
	bool		by_tid = source->has_tid;

	if (select_images(source, images, count, by_tid, active) == (uint64) count || !by_tid)
		return SPI_tuptable;
	SPI_freetuptable(SPI_tuptable);
	(void) select_images(source, images, count, false, active);
	return SPI_tuptable;
}

SPITupleTable *
batch_images_fetch(const ImagesSource *source, const PendingImage *images, int count)
{
	return fetch(source, images, count, false);
}

/* ---- images that are replaced ---- */

/* Are images read as they are stored? Those of a table are. A view that has one that stands beside its row, and so is
 * none that a function made, does not make the others either. */
static bool
are_stored(const ImagesSource *source, const SPITupleTable *rows)
{
	for (uint64 i = 0; i < rows->numvals && !source->knows_nulls; i++)
	{
		bool		isnull;
		Datum		image = row_value(rows->vals[i], rows->tupdesc, BATCH_IMAGE, BYTEAOID, &isnull);

		if (!isnull && VARATT_IS_EXTERNAL_ONDISK(DatumGetPointer(image)))
			return true;
	}
	return source->knows_nulls;
}

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
		*id = TextDatumGetCString(row_needed(rows->vals[*i], rows->tupdesc, BATCH_ID, TEXTOID));
		return true;
	}
	return false;
}

/* Go through both, which are in the order of their ids. An image that stands beside its row is the same where it
 * stands at the same place. */
static List *
ids_of_others(const SPITupleTable *before, uint64 reached, const SPITupleTable *now)
{
	List	   *ids = NIL;
	uint64		i = 0,
				j = 0;
	char	   *id_before,
			   *id_now;
	Datum		image_before,
				image_now;

	while (next_image(before, reached, &i, &id_before, &image_before))
	{
		int			order = next_image(now, now->numvals, &j, &id_now, &image_now) ? strcmp(id_before, id_now) : -1;

		if (order == 0 ? !datumIsEqual(image_before, image_now, false, -1) : order < 0)
			ids = lappend(ids, id_before);
		i += order <= 0;
		j += order >= 0;
	}
	return ids;
}

List *
batch_images_replaced(const ImagesSource *source, const PendingImage *images, int count, const SPITupleTable *rows,
					  uint64 reached, CommandId since)
{
	SPITupleTable *now;
	List	   *ids;

	if (source->ids_are_digests || !are_stored(source, rows))
		return NIL;
	PushCopiedSnapshot(GetLatestSnapshot());
	GetActiveSnapshot()->curcid = since;
	now = fetch(source, images, count, true);
	PopActiveSnapshot();
	ids = ids_of_others(rows, reached, now);
	SPI_freetuptable(now);
	return ids;
}

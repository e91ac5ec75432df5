/*
 * images_scan.c: see images_scan.h.
 *
 * A cursor lists the rows without images and masks. For a few wanted rows at a
 * time, another cursor fetches the images by key, and returns one row at a
 * time with its TOAST pointers. So memory does not grow with the table, and
 * other rows' images are never read. Without a key to fetch by, the list
 * itself has the images.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/values/row_values.h"
#include "pg/images/images_scan.h"
#include "pg/images/text_settings.h"

/* Images per query, and rows per call of a cursor. */
#define BATCH_ROWS 16
#define LIST_ROWS 1000

/* Columns of the list, and of a batch. */
enum
{
	ROW_ID = 1, ROW_GROUP, ROW_BY, ROW_USABLE, ROW_IMAGE, ROW_MASK, ROW_TID = ROW_IMAGE, ROW_KEY
};

/* Stands for the column by which scores are grouped, if there is none. */
#define NO_BY "NULL::pg_catalog.text"

/* The rows whose images are to be fetched. */
typedef struct Batch
{
	int			count;
	int			room;
	int			id_count;
	char	  **ids;			/* once each, however many rows have one */
	ItemPointer *tids;			/* if the source has them */
	int			key_count;
	Datum	  **keys;			/* once each where rows of one id follow each other */
} Batch;

/* ---- cursors ---- */

/*
 * Open a cursor on a query of the source, with the scan's snapshot. It is
 * pinned, so that code that the query runs, such as a view's function, cannot
 * close it.
 */
static void
open_cursor(const ImagesScan *scan, const char *query, int count, Oid *types, Datum *values, ImagesCursor *cursor)
{
	int			level = text_settings_begin();

	PushActiveSnapshot(scan->snapshot);
	cursor->portal = SPI_cursor_open_with_args(NULL, query, count, types, values, NULL, true, 0);
	PopActiveSnapshot();
	PinPortal(cursor->portal);
	text_settings_end(level);
	cursor->rows = NULL;
	cursor->next = 0;
}

static void
close_cursor(ImagesCursor *cursor)
{
	if (cursor->rows != NULL)
		SPI_freetuptable(cursor->rows);
	if (cursor->portal != NULL)
	{
		UnpinPortal(cursor->portal);
		SPI_cursor_close(cursor->portal);
	}
	cursor->rows = NULL;
	cursor->portal = NULL;
}

/* A cursor's current row; fetches the next few if needed; NULL at the end. */
static HeapTuple
current_row(ImagesCursor *cursor, long few)
{
	int			level;

	if (cursor->portal == NULL)
		return NULL;
	if (cursor->rows == NULL || cursor->next >= cursor->rows->numvals)
	{
		if (cursor->rows != NULL)
			SPI_freetuptable(cursor->rows);
		level = text_settings_begin();
		SPI_cursor_fetch(cursor->portal, true, few);
		text_settings_end(level);
		cursor->rows = SPI_tuptable;
		cursor->next = 0;
	}
	return cursor->rows->numvals > 0 ? cursor->rows->vals[cursor->next] : NULL;
}

/* ---- the list ---- */

/*
 * Append what both cursors select first. Of a row that is not usable there are
 * no names: a text of any length is not brought here.
 */
static void
append_names(const ImagesSource *source, StringInfo query)
{
	appendStringInfo(query, "SELECT CASE WHEN s.usable THEN s.id END, CASE WHEN s.usable THEN %s END, "
					 "CASE WHEN s.usable THEN %s END, s.usable", source->grouped ? "s.lesion_group" : "s.id",
					 source->has_by ? "s.lesion_by" : NO_BY);
}

/* Open the list of all rows. */
static void
open_list(ImagesScan *scan)
{
	const ImagesSource *source = scan->source;
	StringInfoData query;

	initStringInfo(&query);
	append_names(source, &query);
	if (scan->by_key)
	{
		appendStringInfoString(&query, source->has_tid ? ", s.tid" : ", NULL");
		images_key_list(&source->key, &query);
	}
	else
		appendStringInfoString(&query, ", s.image, s.mask");
	appendStringInfo(&query, " FROM (%s) AS s ORDER BY s.id COLLATE pg_catalog.\"C\"%s", source->rows,
					 scan->by_key ? "" : ", s.image, s.mask");
	open_cursor(scan, query.data, 0, NULL, NULL, &scan->list);
	pfree(query.data);
}

/* A text of a row. One of a foreign server may have any bytes; stored beside a score, a dump of it could not be
 * restored. */
static char *
row_name(const ImagesCursor *cursor, int column, bool *isnull)
{
	Datum		value = row_value(cursor->rows->vals[cursor->next], cursor->rows->tupdesc, column, TEXTOID, isnull);
	char	   *name = *isnull ? NULL : TextDatumGetCString(value);

	if (name != NULL && !pg_verifymbstr(name, (int) strlen(name), true))
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("the images have an id or a group that is not in this database's encoding"),
				 errhint("A foreign table gives it; see to its server's encoding.")));
	return name;
}

/* Read id, group and by of a cursor's current row; false where id or group is NULL. */
static bool
read_names(const ImagesCursor *cursor, ImageRow *row)
{
	bool		no_id;
	bool		no_group;
	bool		no_by;

	memset(row, 0, sizeof *row);
	row->id = row_name(cursor, ROW_ID, &no_id);
	row->group = row_name(cursor, ROW_GROUP, &no_group);
	row->by = row_name(cursor, ROW_BY, &no_by);
	return !no_id && !no_group;
}

/* Is a row wanted? */
static bool
is_wanted(const ImagesScan *scan, const ImageRow *row)
{
	return scan->wanted == NULL || scan->wanted(scan->wanted_context, row);
}

/* Move the list on to the next wanted row; false at the end. The row's names
 * are in its memory context. */
static bool
next_listed(ImagesScan *scan, ImageRow *row)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->row_context);
	HeapTuple	tuple;

	while ((tuple = current_row(&scan->list, scan->by_key ? LIST_ROWS : BATCH_ROWS)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(scan->row_context);
		if (!read_names(&scan->list, row) ||
			!DatumGetBool(row_needed(tuple, scan->list.rows->tupdesc, ROW_USABLE, BOOLOID)))
			scan->skipped++;
		else if (is_wanted(scan, row))
			break;
		scan->list.next++;
	}
	MemoryContextSwitchTo(caller);
	return tuple != NULL;
}

/* ---- a batch ---- */

/* Add the list's current row; again: it has the id of the last one. */
static void
add_to_batch(const ImagesScan *scan, const ImageRow *row, bool again, Batch *batch)
{
	const ImagesSource *source = scan->source;
	HeapTuple	tuple = scan->list.rows->vals[scan->list.next];
	TupleDesc	columns = scan->list.rows->tupdesc;
	Datum	   *key;

	if (batch->count == batch->room)
	{
		batch->room *= 2;
		batch->ids = repalloc_huge(batch->ids, batch->room * sizeof *batch->ids);
		batch->tids = repalloc_huge(batch->tids, batch->room * sizeof *batch->tids);
		batch->keys = repalloc_huge(batch->keys, batch->room * sizeof *batch->keys);
	}
	if (!again)
		batch->ids[batch->id_count++] = pstrdup(row->id);
	if (source->has_tid)
	{
		batch->tids[batch->count] = palloc(sizeof(ItemPointerData));
		*batch->tids[batch->count] = *(ItemPointer) DatumGetPointer(row_needed(tuple, columns, ROW_TID, TIDOID));
	}
	batch->count++;
	key = images_key_read(&source->key, tuple, columns, ROW_KEY);
	if (again && images_key_same(&source->key, key, batch->keys[batch->key_count - 1]))
		images_key_free(&source->key, key);
	else
		batch->keys[batch->key_count++] = key;
}

/* Make a batch of the list's next few rows, always with all rows of an id;
 * false if none are left. */
static bool
list_batch(ImagesScan *scan, Batch *batch)
{
	ImageRow	row;

	batch->count = batch->id_count = batch->key_count = 0;
	batch->room = 2 * BATCH_ROWS;
	batch->ids = palloc(batch->room * sizeof *batch->ids);
	batch->tids = palloc(batch->room * sizeof *batch->tids);
	batch->keys = palloc(batch->room * sizeof *batch->keys);
	while (next_listed(scan, &row))
	{
		bool		again = batch->count > 0 && strcmp(batch->ids[batch->id_count - 1], row.id) == 0;

		if (batch->count >= BATCH_ROWS && !again)
			break;
		if (!again || scan->source->has_tid)
			add_to_batch(scan, &row, again, batch);
		scan->list.next++;
	}
	return batch->count > 0;
}

/* Open the cursor on a batch's images. */
static void
open_batch(ImagesScan *scan, const Batch *batch)
{
	const ImagesSource *source = scan->source;
	int			count = 1 + source->key.count;
	Oid			types[INDEX_MAX_KEYS + 2] = {TEXTARRAYOID};
	Datum		values[INDEX_MAX_KEYS + 2];
	Datum	   *elements = palloc(batch->count * sizeof *elements);
	StringInfoData query;

	for (int i = 0; i < batch->id_count; i++)
		elements[i] = CStringGetTextDatum(batch->ids[i]);
	values[0] = PointerGetDatum(construct_array(elements, batch->id_count, TEXTOID, -1, false, TYPALIGN_INT));
	initStringInfo(&query);
	append_names(source, &query);
	appendStringInfo(&query, ", s.image, s.mask FROM (%s) AS s "
					 "WHERE s.id COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.=) ANY ($1) ", source->rows);
	images_key_condition(&source->key, 2, &query, types + 1);
	images_key_arrays(&source->key, batch->keys, batch->key_count, values + 1);
	if (source->has_tid)
	{
		for (int i = 0; i < batch->count; i++)
			elements[i] = PointerGetDatum(batch->tids[i]);
		types[count] = TIDARRAYOID;
		values[count] = PointerGetDatum(construct_array(elements, batch->count, TIDOID, sizeof(ItemPointerData), false,
														TYPALIGN_SHORT));
		appendStringInfo(&query, "AND s.tid OPERATOR(pg_catalog.=) ANY ($%d) ", ++count);
	}
	appendStringInfoString(&query, "ORDER BY s.id COLLATE pg_catalog.\"C\", s.image, s.mask");
	relation_check(&source->known);
	open_cursor(scan, query.data, count, types, values, &scan->batch);
}

/* Move on to the next row with an image; returns the cursor whose current row
 * it is, NULL at the end. */
static ImagesCursor *
next_row(ImagesScan *scan)
{
	MemoryContext caller;
	Batch		batch;
	bool		any;

	if (!scan->by_key)
		return current_row(&scan->list, BATCH_ROWS) != NULL ? &scan->list : NULL;
	while (current_row(&scan->batch, 1) == NULL)
	{
		close_cursor(&scan->batch);
		MemoryContextReset(scan->batch_context);
		caller = MemoryContextSwitchTo(scan->batch_context);
		any = list_batch(scan, &batch);
		if (any)
			open_batch(scan, &batch);
		MemoryContextSwitchTo(caller);
		if (!any)
			return NULL;
	}
	return &scan->batch;
}

/* ---- the scan ---- */

void
images_begin(const ImagesSource *source, ImagesWanted wanted, const void *context, ImagesScan *scan)
{
	relation_check(&source->known);
	memset(scan, 0, sizeof *scan);
	scan->source = source;
	scan->wanted = wanted;
	scan->wanted_context = context;
	scan->by_key = !source->names_are_digests && (source->has_tid || source->key.count > 0);
	CommandCounterIncrement();
	scan->snapshot = RegisterSnapshot(GetTransactionSnapshot());
	scan->batch_context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg image batch", ALLOCSET_DEFAULT_SIZES);
	scan->row_context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg image row", ALLOCSET_DEFAULT_SIZES);
	open_list(scan);
}

/* Read image and mask of a cursor's current row; false where one is NULL. */
static bool
read_datums(const ImagesCursor *cursor, ImageRow *row)
{
	HeapTuple	tuple = cursor->rows->vals[cursor->next];
	TupleDesc	columns = cursor->rows->tupdesc;
	bool		image_isnull;
	bool		mask_isnull;

	row->image_datum = row_value(tuple, columns, ROW_IMAGE, BYTEAOID, &image_isnull);
	row->mask_datum = row_value(tuple, columns, ROW_MASK, BYTEAOID, &mask_isnull);
	return !image_isnull && !mask_isnull;
}

bool
images_next(ImagesScan *scan, ImageRow *row)
{
	ImagesCursor *cursor;

	while ((cursor = next_row(scan)) != NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(scan->row_context);
		bool		named;
		bool		whole;
		bool		wanted;

		MemoryContextReset(scan->row_context);
		named = read_names(cursor, row);
		whole = named && read_datums(cursor, row);
		wanted = named && is_wanted(scan, row);
		MemoryContextSwitchTo(caller);
		CHECK_FOR_INTERRUPTS();
		cursor->next++;
		if (whole && wanted)
			return true;
		/* A batch may have rows of the same id that are not wanted. */
		if (scan->by_key ? wanted : !whole)
			scan->skipped++;
	}
	return false;
}

bool
images_next_listed(ImagesScan *scan, ImageRow *row)
{
	bool		found = next_listed(scan, row);

	if (found)
		scan->list.next++;
	return found;
}

int64
images_wanted(const ImagesSource *source, ImagesWanted wanted, const void *context)
{
	int64		count = 0;
	ImagesScan	scan;
	ImageRow	row;

	if (source->names_are_digests)
		return 0;
	images_begin(source, wanted, context, &scan);
	while (images_next_listed(&scan, &row))
		count++;
	images_end(&scan);
	return count;
}

void
images_fetch(const ImagesScan *scan, ImageRow *row)
{
	MemoryContext caller = MemoryContextSwitchTo(scan->row_context);

	row->image = bytes_view(row->image_datum);
	row->mask = bytes_view(row->mask_datum);
	MemoryContextSwitchTo(caller);
}

void
images_end(ImagesScan *scan)
{
	close_cursor(&scan->batch);
	close_cursor(&scan->list);
	UnregisterSnapshot(scan->snapshot);
	MemoryContextDelete(scan->batch_context);
	MemoryContextDelete(scan->row_context);
}

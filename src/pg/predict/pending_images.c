/*
 * pending_images.c: see pending_images.h.
 *
 * What is missing is found by joining all ids of the source to all rows of
 * the table. Doing that for each batch would make a large archive quadratic,
 * and no cursor can be kept over the commits between batches without a copy
 * of all images. So ids are listed many at a time, and a batch's images are
 * fetched by where their rows stood, or by their ids where the source is no
 * table or the rows have moved since. What is in neither place may have another
 * id now, one that was listed already or never: so all ids are gone through
 * until nothing is missing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/base/values/row_values.h"
#include "pg/base/sha256.h"
#include "pg/predict/pending_images.h"

/* So many times in a row nothing of what was listed may be found. */
#define LOST_PASSES 20

/* A list has the ids of so many batches, and not more than some megabytes. */
#define LIST_BATCHES 500
#define LIST_IDS 100000

PendingImages *
pending_begin(const ImagesSource *source, const char *target, int batch_size)
{
	PendingImages *pending = palloc0(sizeof *pending);

	pending->source = source;
	pending->target = target;
	pending->batch_size = batch_size;
	pending->list_length = Min((int64) batch_size * LIST_BATCHES, Max(batch_size, LIST_IDS));
	pending->version_context = AllocSetContextCreate(CurrentMemoryContext, "lesionseg pending version",
													 ALLOCSET_DEFAULT_SIZES);
	return pending;
}

/* ---- what is left out ---- */

/* Ids are kept by their SHA-256: keys of a hash table have one size. */
static void
id_digest(const char *id, uint8_t digest[SHA256_BYTES])
{
	sha256_digest(id, strlen(id), digest);
}

void
pending_leave_out(PendingImages *pending, const char *id)
{
	HASHCTL		control = {.keysize = SHA256_BYTES,.entrysize = SHA256_BYTES,.hcxt = pending->version_context};
	uint8_t		digest[SHA256_BYTES];

	if (pending->left_out == NULL)
		pending->left_out = hash_create("lesionseg images left out", 64, &control,
										HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	id_digest(id, digest);
	(void) hash_search(pending->left_out, digest, HASH_ENTER, NULL);
}

static bool
is_left_out(const PendingImages *pending, const char *id)
{
	uint8_t		digest[SHA256_BYTES];

	if (pending->left_out == NULL)
		return false;
	id_digest(id, digest);
	return hash_search(pending->left_out, digest, HASH_FIND, NULL) != NULL;
}

/* ---- the list ---- */

void
pending_refuse_ambiguous(const ImagesSource *source, const char *id)
{
	if (source->ids_are_digests)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CARDINALITY_VIOLATION),
			 errmsg("id \"%s\" of %s is that of several images", id, source->name),
			 errhint("A mask is found by its image's id: name a column that tells images apart with "
					 "id_column => '...', or select from a view that has each image once.")));
}

/* Run the query that lists ids after `last` (NULL: all). */
static void
select_ids(const PendingImages *pending, const char *last)
{
	const ImagesSource *source = pending->source;
	Oid			types[] = {TEXTOID, TEXTOID, INT4OID, TEXTOID};
	Datum		values[] = {
		CStringGetTextDatum(source->name), CStringGetTextDatum(pending->model), Int32GetDatum(pending->version),
		CStringGetTextDatum(last != NULL ? last : "")
	};
	char	   *query = psprintf("SELECT s.id COLLATE pg_catalog.\"C\", pg_catalog.count(*)%s FROM (%s) AS s "
								 "WHERE s.image IS NOT NULL AND s.id IS NOT NULL %s"
								 "AND NOT EXISTS (SELECT FROM %s AS p WHERE p.images OPERATOR(pg_catalog.=) $1 "
								 "AND p.id OPERATOR(pg_catalog.=) s.id COLLATE pg_catalog.\"default\" "
								 "AND p.model OPERATOR(pg_catalog.=) $2 AND p.version OPERATOR(pg_catalog.=) $3) "
								 "GROUP BY 1 ORDER BY 1",
								 source->has_tid ? ", pg_catalog.min(s.tid)" : "", source->rows,
								 last != NULL ? "AND s.id COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.>) $4 " : "",
								 pending->target);
	int			result = images_execute(psprintf("looking for images of %s that %s lacks", source->name,
												 pending->target),
										query, lengthof(types), types, values, pending->list_length);

	if (result != SPI_OK_SELECT)
		elog(ERROR, "looking for images of %s gave %s", source->name, SPI_result_code_string(result));
}

/* Copy a row of that query. */
static PendingImage
listed_image(const ImagesSource *source, HeapTuple row, TupleDesc columns)
{
	PendingImage image = {0};

	image.id = TextDatumGetCString(row_needed(row, columns, 1, TEXTOID));
	if (DatumGetInt64(row_needed(row, columns, 2, INT8OID)) > 1)
		pending_refuse_ambiguous(source, image.id);
	if (source->has_tid)
	{
		image.tid = palloc(sizeof *image.tid);
		*image.tid = *(ItemPointer) DatumGetPointer(row_needed(row, columns, 3, TIDOID));
	}
	return image;
}

/* Make the list anew, of what comes after the last id of the one before. */
static void
list_images(PendingImages *pending)
{
	MemoryContext caller;

	select_ids(pending, pending->last);
	MemoryContextReset(pending->list_context);
	pending->last = NULL;
	caller = MemoryContextSwitchTo(pending->list_context);
	pending->count = 0;
	pending->next = 0;
	pending->more = SPI_processed == (uint64) pending->list_length;
	pending->images = palloc_extended((SPI_processed + 1) * sizeof *pending->images, MCXT_ALLOC_HUGE);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		PendingImage image = listed_image(pending->source, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);

		pending->last = image.id;
		if (!is_left_out(pending, image.id))
			pending->images[pending->count++] = image;
	}
	pending->pass_listed += pending->count;
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
}

/* ---- passes ---- */

/* Begin to look at a version's images. */
static void
begin_version(PendingImages *pending, const ModelVersion *version)
{
	MemoryContextReset(pending->version_context);	/* and what is within */
	pending->list_context = AllocSetContextCreate(pending->version_context, "lesionseg pending images",
												  ALLOCSET_DEFAULT_SIZES);
	pending->model = MemoryContextStrdup(pending->version_context, version->model);
	pending->version = version->number;
	pending->left_out = NULL;
	pending->pass_first = pending->before_first = pending->last = NULL;
	pending->pass_listed = pending->pass_found = pending->lost_passes = 0;
	list_images(pending);
}

/* Look again from the first id. */
static void
begin_pass(PendingImages *pending)
{
	pending->lost_passes = pending->pass_found == 0 ? pending->lost_passes + 1 : 0;
	if (pending->lost_passes == LOST_PASSES)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("ids of %s are others each time they are read", pending->source->name),
				 errdetail("%d times in a row, no image was found under an id that had just been listed.", LOST_PASSES),
				 errhint("A mask is found by its image's id: it must stay.")));
	pending->before_first = pending->pass_first;
	pending->pass_first = pending->last = NULL;
	pending->pass_listed = pending->pass_found = 0;
	list_images(pending);
}

/* See that the list is for the version and has images; false where there are
 * none at all. */
static bool
need_list(PendingImages *pending, const ModelVersion *version)
{
	if (pending->model == NULL || strcmp(pending->model, version->model) != 0 || pending->version != version->number)
		begin_version(pending, version);
	while (pending->next == pending->count)
	{
		if (pending->more)
			list_images(pending);
		else if (pending->pass_listed > 0)
			begin_pass(pending);
		else
			return false;
	}
	return true;
}

/* Count images that were found. The first one of a pass must not be that of
 * the pass before: it has a row, and would get one in each pass. */
static void
note_found(PendingImages *pending, const SPITupleTable *rows)
{
	if (pending->pass_found == 0 && rows->numvals > 0)
	{
		MemoryContext caller = MemoryContextSwitchTo(pending->version_context);

		pending->pass_first = TextDatumGetCString(row_needed(rows->vals[0], rows->tupdesc, 1, TEXTOID));
		MemoryContextSwitchTo(caller);
		if (pending->before_first != NULL && strcmp(pending->pass_first, pending->before_first) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
					 errmsg("the row of image \"%s\" of %s was stored in %s and is gone again", pending->pass_first,
							pending->source->name, pending->target),
					 errdetail("A trigger on the table or another session deletes rows, or changes their images, id, model "
							   "or version."),
					 errhint("These columns tell what is done: leave them alone, and leave out images with a view of the "
							 "others.")));
	}
	pending->pass_found += rows->numvals;
}

/* ---- the images ---- */

/* An array of values of a type of 6 bytes (tid) or of texts. */
static Datum
array_datum(Datum *values, int count, Oid type)
{
	if (type == TIDOID)
		return PointerGetDatum(construct_array(values, count, TIDOID, sizeof(ItemPointerData), false, TYPALIGN_SHORT));
	return PointerGetDatum(construct_array(values, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Select the images of the next `count` ids, by where they stood if `by_tid`;
 * how many are found. */
static uint64
select_images(const PendingImages *pending, int count, bool by_tid)
{
	const ImagesSource *source = pending->source;
	const PendingImage *images = pending->images + pending->next;
	Oid			types[] = {TEXTARRAYOID, TIDARRAYOID};
	Datum		values[2] = {0};
	Datum	   *ids = palloc(count * sizeof *ids);
	Datum	   *tids = palloc(count * sizeof *tids);
	int			result;

	for (int i = 0; i < count; i++)
	{
		ids[i] = CStringGetTextDatum(images[i].id);
		tids[i] = PointerGetDatum(images[i].tid);
	}
	values[0] = array_datum(ids, count, TEXTOID);
	if (by_tid)
		values[1] = array_datum(tids, count, TIDOID);
	result = images_execute(psprintf("fetching images of %s", source->name),
							psprintf("SELECT s.id, s.image FROM (%s) AS s WHERE %ss.image IS NOT NULL "
									 "AND s.id COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.=) ANY ($1) "
									 "ORDER BY s.id COLLATE pg_catalog.\"C\"",
									 source->rows, by_tid ? "s.tid OPERATOR(pg_catalog.=) ANY ($2) AND " : ""),
							by_tid ? 2 : 1, types, values, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "fetching images of %s gave %s", source->name, SPI_result_code_string(result));
	return SPI_processed;
}

/* Fetch the images of the next `count` ids. */
static SPITupleTable *
fetch_images(const PendingImages *pending, int count)
{
	bool		by_tid = pending->source->has_tid;

	if (select_images(pending, count, by_tid) == (uint64) count || !by_tid)
		return SPI_tuptable;
	SPI_freetuptable(SPI_tuptable);
	(void) select_images(pending, count, false);
	return SPI_tuptable;
}

SPITupleTable *
pending_fetch(PendingImages *pending, const ModelVersion *version)
{
	/* Where all rows of a batch are gone since, the next may have some. */
	while (need_list(pending, version))
	{
		int			count = (int) Min(pending->count - pending->next, pending->batch_size);
		SPITupleTable *rows = fetch_images(pending, count);

		pending->next += count;
		note_found(pending, rows);
		if (rows->numvals > 0)
			return rows;
		SPI_freetuptable(rows);
	}
	return NULL;
}

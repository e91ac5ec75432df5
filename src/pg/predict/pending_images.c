/*
 * pending_images.c: see pending_images.h.
 *
 * Missing rows are found by joining all ids of the source to all rows of the
 * table. If each batch did that, the time would be quadratic in the size of
 * the archive; and a cursor held over the commits between batches would need a
 * copy of all images. So ids are listed many at a time, without their images.
 * A batch's images are fetched by key and by the rows' tids, or only by key if
 * the source is no table or the rows have moved. An image that is not found
 * may have got another id, perhaps one that was already listed. So passes over
 * all ids are repeated until nothing is missing.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/base/settings.h"
#include "pg/base/sha256.h"
#include "pg/predict/pending_images.h"

/* After so many passes in a row that find none of the listed images, give
 * up. */
#define LOST_PASSES 20

/* After so many passes in a row whose first image is the same, its row is lost each time. Once, somebody may have
 * replaced the image and deleted its row. */
#define SAME_PASSES 3

/* A list has the ids of so many batches; that is a few megabytes. */
#define LIST_BATCHES 500
#define LIST_IDS 100000

/* The options of a mask without the keys that say nothing of how it was made: the name of the primary key, $6, too.
 * What the row's writer put there does not become text, in which a number of ten bytes may have 131072 digits. */
#define COUNTED(options) \
	"(" options " OPERATOR(pg_catalog.-) CASE WHEN " options " OPERATOR(pg_catalog.->) 'id_column' " \
	"OPERATOR(pg_catalog.=) pg_catalog.to_jsonb($6) THEN '{threads,id_column}'::pg_catalog.text[] ELSE '{threads}' END)"

PendingImages *
pending_begin(const ImagesSource *source, const char *named, const char *target, bool target_indexed, int batch_size)
{
	PendingImages *pending = palloc0(sizeof *pending);

	pending->source = source;
	pending->named = named;
	pending->target = target;
	pending->target_indexed = target_indexed;
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

/* Columns of the list. */
enum
{
	LIST_ID = 1, LIST_TID, LIST_TOTAL, LIST_KEY
};

/*
 * Run the query that lists ids after `last` (NULL: all).
 *
 * The planner knows nothing of masks that were just made: it takes one row for all that fit three conditions, and may
 * compare each image with each mask. Of a CASE it takes half. Where no index leads from an image to its rows,
 * comparing each with each is never best. An id that is a digest is computed once, behind OFFSET, and not for each
 * mask that it is compared with.
 */
static void
select_ids(const PendingImages *pending, const char *last)
{
	const ImagesSource *source = pending->source;
	Oid			types[] = {TEXTOID, TEXTOID, INT4OID, TEXTOID};
	Datum		values[] = {
		CStringGetTextDatum(pending->named), CStringGetTextDatum(pending->model), Int32GetDatum(pending->version),
		CStringGetTextDatum(last != NULL ? last : "")
	};
	StringInfoData query;
	int			level = NewGUCNestLevel();
	int			result;

	if (!pending->target_indexed)
	{
		settings_save("enable_nestloop", "off");
		settings_save("jit", "off");	/* the cost of what is off would have it compile each query */
	}
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT s.id, %s, %s", source->has_tid ? "s.tid" : "NULL",
					 pending->left < 0 ? "pg_catalog.count(*) OVER ()" : "0::pg_catalog.int8");
	images_key_list(&source->key, &query);
	appendStringInfo(&query,
					 " FROM (SELECT * FROM (%s) AS s WHERE s.usable AND s.id IS NOT NULL %s%s) AS s "
					 "WHERE NOT EXISTS (SELECT FROM %s AS p WHERE p.images OPERATOR(pg_catalog.=) $1 "
					 "AND p.id OPERATOR(pg_catalog.=) s.id COLLATE pg_catalog.\"default\" "
					 "AND CASE WHEN p.model OPERATOR(pg_catalog.=) $2 AND p.version OPERATOR(pg_catalog.=) $3 "
					 "THEN true ELSE false END) "
					 "ORDER BY s.id COLLATE pg_catalog.\"C\" LIMIT " INT64_FORMAT,
					 source->rows,
					 last != NULL ? "AND s.id COLLATE pg_catalog.\"C\" OPERATOR(pg_catalog.>) $4 " : "",
					 source->ids_are_digests ? "OFFSET 0" : "",
					 pending->target, pending->list_length);
	result = images_execute(psprintf("looking for images of %s that %s lacks", source->name, pending->target),
							query.data, lengthof(types), types, values, 0);
	AtEOXact_GUC(true, level);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "looking for images of %s gave %s", source->name, SPI_result_code_string(result));
}

/* Copy a row of that query. */
static PendingImage
listed_image(const ImagesSource *source, HeapTuple row, TupleDesc columns)
{
	PendingImage image = {.id = TextDatumGetCString(row_needed(row, columns, LIST_ID, TEXTOID))};

	image.key = images_key_read(&source->key, row, columns, LIST_KEY);
	if (source->has_tid)
	{
		image.tid = palloc(sizeof *image.tid);
		*image.tid = *(ItemPointer) DatumGetPointer(row_needed(row, columns, LIST_TID, TIDOID));
	}
	return image;
}

/*
 * Does a row of the list have the same id as the row before? An error if
 * several images have the id. If it is not known which images are NULL, this
 * is only seen when they are fetched.
 */
static bool
is_repeated(const PendingImages *pending, const char *id)
{
	if (pending->last == NULL || strcmp(pending->last, id) != 0)
		return false;
	if (pending->source->knows_nulls)
		pending_refuse_ambiguous(pending->source, id);
	return true;
}

/* Make a new list, of the ids after the last one of the old list. */
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
		bool		repeated = is_repeated(pending, image.id);

		if (pending->left < 0)
			pending->left = DatumGetInt64(row_needed(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, LIST_TOTAL,
													 INT8OID));
		pending->last = image.id;
		if (!repeated && !is_left_out(pending, image.id))
			pending->images[pending->count++] = image;
	}
	pending->pass_listed += pending->count;
	MemoryContextSwitchTo(caller);
	SPI_freetuptable(SPI_tuptable);
}

/* ---- passes ---- */

/* Start with a version's images. */
static void
begin_version(PendingImages *pending, const ModelVersion *version)
{
	MemoryContextReset(pending->version_context);	/* and the contexts within it */
	pending->list_context = AllocSetContextCreate(pending->version_context, "lesionseg pending images",
												  ALLOCSET_DEFAULT_SIZES);
	pending->model = MemoryContextStrdup(pending->version_context, version->model);
	pending->version = version->number;
	pending->left_out = NULL;
	pending->pass_first = pending->before_first = pending->last = NULL;
	pending->pass_listed = pending->pass_found = pending->without_image = pending->lost_passes = 0;
	pending->same_passes = 0;
	pending->left = -1;			/* count them */
	list_images(pending);
	pending->left = Max(pending->left, 0);
	pending->batch = 0;
}

/* Start a new pass from the first id. */
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
	pending->pass_listed = pending->pass_found = pending->without_image = 0;
	list_images(pending);
}

/* Make sure that the list is for the version and has images; false if there
 * are none left. */
static bool
need_list(PendingImages *pending, const ModelVersion *version)
{
	if (pending->model == NULL || strcmp(pending->model, version->model) != 0 || pending->version != version->number)
		begin_version(pending, version);
	while (pending->next == pending->count)
	{
		if (pending->more)
			list_images(pending);
		else if (pending->pass_listed > pending->without_image)
			begin_pass(pending);
		else
			return false;
	}
	return true;
}

/* Note the first image that a pass found. If it is the same as in the passes
 * before, its row is lost, and each pass would store it again: an error. */
static void
note_first(PendingImages *pending, const char *id)
{
	if (pending->pass_found > 0)
		return;
	pending->pass_first = MemoryContextStrdup(pending->version_context, id);
	pending->same_passes = pending->before_first != NULL && strcmp(pending->pass_first, pending->before_first) == 0 ?
		pending->same_passes + 1 : 1;
	if (pending->same_passes == SAME_PASSES)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("the row of image \"%s\" of %s was stored in %s and is gone again", pending->pass_first,
						pending->source->name, pending->target),
				 errdetail("A trigger on the table or another session deletes rows, or changes their images, id, model "
						   "or version."),
				 errhint("These columns tell what is done: leave them alone, and leave out images with a view of the "
						 "others.")));
}

/* Count the images that were found, and the ids whose image is NULL. Returns
 * how many were found. */
static int64
note_found(PendingImages *pending, const SPITupleTable *rows)
{
	char	   *last = "";
	int64		found = 0;

	for (uint64 i = 0; i < rows->numvals; i++)
	{
		char	   *id = batch_image_id(rows, i);
		bool		isnull;

		(void) row_value(rows->vals[i], rows->tupdesc, BATCH_IMAGE, BYTEAOID, &isnull);
		if (!isnull)
		{
			note_first(pending, id);
			pending->pass_found++;
			found++;
		}
		else if (i == 0 || strcmp(id, last) != 0)
			pending->without_image++;
		last = id;
	}
	return found;
}

/* ---- batches ---- */

SPITupleTable *
pending_fetch(PendingImages *pending, const ModelVersion *version)
{
	/* If all rows of a batch are gone, the next batch may have some. */
	while (need_list(pending, version))
	{
		int			count = (int) Min(pending->count - pending->next, pending->batch_size);
		SPITupleTable *rows = batch_images_fetch(pending->source, pending->images + pending->next, count);

		pending->next += count;
		pending->left = Max(pending->left - pending->batch, count);
		pending->batch = count;
		if (note_found(pending, rows) > 0)
			return rows;
		SPI_freetuptable(rows);
	}
	return NULL;
}

List *
pending_replaced(const PendingImages *pending, const SPITupleTable *rows, uint64 from, uint64 to, bool gone)
{
	const PendingImage *images = pending->images + pending->next - pending->batch;
	const char *first = batch_image_id(rows, from);
	const char *last = batch_image_id(rows, to - 1);
	int			begin = 0;
	int			end = pending->batch;

	while (begin < end && strcmp(images[begin].id, first) < 0)
		begin++;
	while (begin < end && strcmp(images[end - 1].id, last) > 0)
		end--;
	return batch_images_replaced(pending->source, images + begin, end - begin, rows, from, to, gone);
}

/* Options that take more room than any call's are not read: they were written by hand. */
int64
pending_made_otherwise(const PendingImages *pending, const ModelVersion *version, Jsonb *options)
{
	const char *key = pending->source->key_column;
	Oid			types[] = {TEXTOID, TEXTOID, INT4OID, JSONBOID, BYTEAOID, TEXTOID};
	Datum		values[] = {
		CStringGetTextDatum(pending->named), CStringGetTextDatum(version->model),
		Int32GetDatum(version->number), JsonbPGetDatum(options), bytes_datum(version->sha256, SHA256_BYTES),
		CStringGetTextDatum(key != NULL ? key : "")
	};
	int64		rows;
	int			result;

	result = images_execute(psprintf("looking for masks of %s that were made otherwise", pending->source->name),
							psprintf("SELECT pg_catalog.count(*) AS rows FROM %s AS p "
									 "WHERE p.images OPERATOR(pg_catalog.=) $1 AND p.model OPERATOR(pg_catalog.=) $2 "
									 "AND p.version OPERATOR(pg_catalog.=) $3 "
									 "AND (p.weights_sha256 OPERATOR(pg_catalog.<>) $5 OR "
									 "CASE WHEN pg_catalog.pg_column_size(p.options) OPERATOR(pg_catalog.<=) 8192 "
									 "AND pg_catalog.jsonb_typeof(p.options) OPERATOR(pg_catalog.=) 'object' "
									 "THEN " COUNTED("p.options") " OPERATOR(pg_catalog.<>) " COUNTED("$4") " "
									 "ELSE true END)", pending->target),
							lengthof(types), types, values, 0);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "looking for masks of %s gave %s", pending->source->name, SPI_result_code_string(result));
	rows = DatumGetInt64(first_row_needed("rows", INT8OID));
	SPI_freetuptable(SPI_tuptable);
	return rows;
}

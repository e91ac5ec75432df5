/*
 * image_digests.c: see image_digests.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "pg/base/rights/column_rights.h"
#include "pg/base/values/bytes.h"
#include "pg/base/values/row_values.h"
#include "pg/models/image_digests.h"

uint64
image_digest(const uint8_t sha256[SHA256_BYTES])
{
	uint64		value;

	memcpy(&value, sha256, sizeof value);
	return pg_ntoh64(value);
}

void
image_digests_add(ImageDigests *digests, uint64 digest)
{
	if (digests->count == digests->room)
	{
		digests->room = digests->room == 0 ? 1024 : 2 * digests->room;
		digests->values = digests->values == NULL ? palloc(digests->room * sizeof(uint64)) :
			repalloc_huge(digests->values, digests->room * sizeof(uint64));
	}
	digests->values[digests->count++] = digest;
	digests->sorted = false;
}

static int
compare_digests(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return (x > y) - (x < y);
}

void
image_digests_sort(ImageDigests *digests)
{
	int64		kept = 0;

	if (digests->count > 0)
		qsort(digests->values, digests->count, sizeof(uint64), compare_digests);
	for (int64 i = 0; i < digests->count; i++)
		if (kept == 0 || digests->values[i] != digests->values[kept - 1])
			digests->values[kept++] = digests->values[i];
	digests->count = kept;
	digests->sorted = true;
}

bool
image_digests_contain(const ImageDigests *digests, uint64 digest)
{
	Assert(digests->sorted);
	return digests->count > 0 &&
		bsearch(&digest, digests->values, digests->count, sizeof(uint64), compare_digests) != NULL;
}

int64
image_digests_shared(const ImageDigests *set, const ImageDigests *digests)
{
	int64		shared = 0;

	for (int64 i = 0; i < digests->count; i++)
		shared += image_digests_contain(set, digests->values[i]);
	return shared;
}

Datum
image_digests_datum(const ImageDigests *digests)
{
	Size		size = digests->count * sizeof(uint64);
	bytea	   *datum = palloc(VARHDRSZ + size);

	Assert(digests->sorted);
	SET_VARSIZE(datum, VARHDRSZ + size);
	for (int64 i = 0; i < digests->count; i++)
	{
		uint64		value = pg_hton64(digests->values[i]);

		memcpy(VARDATA(datum) + i * sizeof(uint64), &value, sizeof value);
	}
	return PointerGetDatum(datum);
}

/*
 * Add the digests of one version that is no ensemble. Where its row has none, as
 * that of an import, or of a calibration by a role that may not read them, those of
 * the first version with the same weights: however they came here, they were
 * trained on the same images. False where there may be others than those added.
 */
static bool
load_own(const ModelStore *store, const ModelVersion *version, ImageDigests *digests)
{
	Oid			types[] = {TEXTOID, INT4OID, BYTEAOID};
	Datum		values[] = {
		CStringGetTextDatum(version->model),
		Int32GetDatum(version->number),
		bytes_datum(version->sha256, SHA256_BYTES)
	};
	SPITupleTable *rows;
	bool		isnull = true;
	bool		complete = false;
	Datum		datum = (Datum) 0;

	store_execute(store,
				  "SELECT image_digests, images_unknown FROM @lesion_version "
				  "WHERE sha256 = $3 AND image_digests IS NOT NULL "
				  "ORDER BY model = $1 AND number = $2 DESC, created_at, model, number LIMIT 1",
				  lengthof(types), types, values, NULL, SPI_OK_SELECT);
	rows = SPI_tuptable;
	if (SPI_processed > 0)
		datum = row_value(rows->vals[0], rows->tupdesc, 1, BYTEAOID, &isnull);
	if (!isnull)
	{
		ByteView	bytes = bytes_view(datum);

		complete = !DatumGetBool(row_needed(rows->vals[0], rows->tupdesc, 2, BOOLOID));
		for (size_t i = 0; i + sizeof(uint64) <= bytes.size; i += sizeof(uint64))
		{
			uint64		value;

			memcpy(&value, (const char *) bytes.bytes + i, sizeof value);
			image_digests_add(digests, pg_ntoh64(value));
		}
		bytes_release(&bytes);
	}
	SPI_freetuptable(rows);
	return complete;
}

/* May the caller read which images versions were trained on? */
static bool
may_read(const ModelStore *store)
{
	Oid			table = get_relname_relid("lesion_version", store->schema);
	AttrNumber	column = OidIsValid(table) ? get_attnum(table, "image_digests") : InvalidAttrNumber;

	return column == InvalidAttrNumber || column_is_readable(table, column);
}

bool
image_digests_load(const ModelStore *store, const ModelVersion *version, ImageDigests *digests)
{
	bool		complete = true;

	if (!may_read(store))
	{
		digests->sorted = true;
		/* Of a bundled version nobody knows. */
		ereport(version->number > 0 ? WARNING : DEBUG1,
				(errmsg("which images version %d of model \"%s\" was trained on is not known to this role",
						version->number, version->model),
				 errhint("GRANT SELECT (image_digests) ON %slesion_version TO %s has them told apart.",
						 store_prefix(store), quote_identifier(GetUserNameFromId(GetUserId(), false)))));
		return false;
	}
	if (version->member_count == 0)
		complete = load_own(store, version, digests);
	for (int i = 0; i < version->member_count; i++)
		complete = load_own(store, version->members[i], digests) && complete;
	image_digests_sort(digests);
	return complete;
}

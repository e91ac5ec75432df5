/*
 * bytes.c: read and make bytea, without unneeded copies, and images as bytea.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "utils/memutils.h"

#include "image/codec/codec.h"
#include "pg/base/values/bytes.h"
#include "pg/base/compat.h"
#include "pg/base/error.h"

/* Look at a bytea datum. */
ByteView
bytes_view(Datum datum)
{
	struct varlena *packed = PG_DETOAST_DATUM_PACKED(datum);
	ByteView	view;

	view.bytes = (const uint8_t *) VARDATA_ANY(packed);
	view.size = VARSIZE_ANY_EXHDR(packed);
	view.copy = (Pointer) packed != DatumGetPointer(datum) ? packed : NULL;
	return view;
}

/* Free the copy, if there is one. */
void
bytes_release(ByteView *view)
{
	if (view->copy != NULL)
		pfree(view->copy);
	view->bytes = NULL;
	view->size = 0;
	view->copy = NULL;
}

bool
bytes_equal(Datum a, Datum b)
{
	ByteView	one;
	ByteView	other;
	bool		same;

	/* A few bytes in a table may be a GB once they are decompressed. */
	if (toast_raw_datum_size(a) != toast_raw_datum_size(b))
		return false;
	one = bytes_view(a);
	other = bytes_view(b);
	same = one.size == other.size && memcmp(one.bytes, other.bytes, one.size) == 0;
	bytes_release(&one);
	bytes_release(&other);
	return same;
}

/* Copy a bytea of exactly size bytes. */
void
bytes_copy(Datum datum, void *to, size_t size)
{
	ByteView	view = bytes_view(datum);

	if (view.size != size)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a value of %zu bytes stands where there should be %zu", view.size, size),
				 errhint("A row of lesionseg's tables was changed by hand: bring it back from a backup.")));
	memcpy(to, view.bytes, size);
	bytes_release(&view);
}

/* Make a bytea with a copy of size bytes. */
Datum
bytes_datum(const void *bytes, size_t size)
{
	bytea	   *result;

	if (size > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the result has %zu bytes, a bytea holds at most %zu",
						size, (size_t) (MaxAllocSize - VARHDRSZ))));
	result = palloc(size + VARHDRSZ);
	SET_VARSIZE(result, size + VARHDRSZ);
	memcpy(VARDATA(result), bytes, size);
	PG_RETURN_BYTEA_P(result);
}

Datum
encoded_datum(const Call *call, EncodedImage *encoded)
{
	Datum		result = bytes_datum(encoded->bytes, encoded->size);

	call_free(call, encoded->bytes);
	memset(encoded, 0, sizeof *encoded);
	return result;
}

Datum
image_png(const Call *call, const Image *image)
{
	EncodedImage encoded;

	check_status(call, png_encode(call, image, &encoded));
	return encoded_datum(call, &encoded);
}

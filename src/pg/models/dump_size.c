/*
 * dump_size.c: see dump_size.h.
 */
#include "postgres.h"

#include "utils/fmgroids.h"
#include "utils/memutils.h"

#include "pg/models/dump_size.h"

/* What the columns of a version's row that have limits of their own take in a dump, at most: names, numbers, times. */
#define DUMPED_REST 4096

/* What a bytea takes there: two digits a byte, behind two backslashes and an x. */
static uint64
dumped_bytes(Datum value)
{
	return value == 0 ? 0 : 2 * (uint64) VARSIZE_ANY_EXHDR(DatumGetPointer(value)) + 3;
}

/* What a text takes there, at most: a backslash two bytes, a letter four, if the dump is in another encoding. */
static uint64
dumped_text(const char *text)
{
	return 4 * (uint64) strlen(text);
}

/* What the row of a version takes in a dump, at most. */
static uint64
dumped_row(const NewVersion *content)
{
	uint64		size = DUMPED_REST + 2 * (uint64) content->weights_size + dumped_bytes(content->image_digests);

	if (content->config != NULL)
		size += dumped_text(JsonbToCString(NULL, &content->config->root, 0));
	if (content->metadata != NULL)
		size += dumped_text(JsonbToCString(NULL, &content->metadata->root, 0));
	if (content->split.columns != NULL)
		size += dumped_text(OidOutputFunctionCall(F_ARRAY_OUT, split_columns_datum(content->split.columns)));
	return size;
}

bool
store_can_write(size_t size)
{
	return DUMPED_REST + 2 * (uint64) size < MaxAllocSize;
}

void
store_check_size(const NewVersion *content)
{
	uint64		size = dumped_row(content);

	if (size >= MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a version with weights of %zu MB would take %llu bytes in a dump, the limit is %zu",
						content->weights_size >> 20, (unsigned long long) size, MaxAllocSize),
				 errdetail("pg_dump could not write it, and would end there."),
				 errhint("Use a narrower network, or import it in bf16.")));
}

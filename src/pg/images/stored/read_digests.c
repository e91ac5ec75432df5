/*
 * read_digests.c: see read_digests.h.
 *
 * A row that a snapshot sees stays where it is as long as the snapshot is in
 * use. Only a rewrite of the table moves it, and that gives the table another
 * file.
 */
#include "postgres.h"

#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "pg/base/query/visible_state.h"
#include "pg/images/stored/read_digests.h"

#define MOST_DIGESTS 1000000

/* Where an image stands. A hash table compares bytes: there is no padding. */
typedef struct ImagePlace
{
	Oid			relation;
	Oid			file;
	ItemPointerData tid;
	AttrNumber	column;
} ImagePlace;

typedef struct ReadDigest
{
	ImagePlace	place;
	uint8_t		digest[SHA256_BYTES];
} ReadDigest;

struct ReadDigests
{
	MemoryContext context;		/* of what follows */
	VisibleState seen;
	HTAB	   *digests;		/* NULL: none yet */
};

static ImagePlace
image_place(Relation relation, AttrNumber column, const TupleTableSlot *slot)
{
	ImagePlace	place;

	StaticAssertStmt(sizeof place == 16, "a place has no padding");
	place.relation = RelationGetRelid(relation);
	place.file = relation->rd_rel->relfilenode;
	place.tid = slot->tts_tid;
	place.column = column;
	return place;
}

ReadDigests *
read_digests(FunctionCallInfo fcinfo)
{
	ReadDigests *read = fcinfo->flinfo->fn_extra;
	HASHCTL		control = {.keysize = sizeof(ImagePlace),.entrysize = sizeof(ReadDigest)};
	MemoryContext caller;

	if (read == NULL)
	{
		read = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof *read);
		read->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "lesionseg read digests",
											  ALLOCSET_DEFAULT_SIZES);
		fcinfo->flinfo->fn_extra = read;
	}
	if (read->digests != NULL && visible_state_same(&read->seen, GetActiveSnapshot()))
		return read;
	read->digests = NULL;
	MemoryContextReset(read->context);
	caller = MemoryContextSwitchTo(read->context);
	visible_state_keep(&read->seen, GetActiveSnapshot());
	control.hcxt = read->context;
	read->digests = hash_create("lesionseg read digests", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(caller);
	return read;
}

bool
read_digests_find(const ReadDigests *read, Relation relation, AttrNumber column, const TupleTableSlot *slot,
				  uint8_t digest[SHA256_BYTES])
{
	ImagePlace	place = image_place(relation, column, slot);
	const ReadDigest *found = hash_search(read->digests, &place, HASH_FIND, NULL);

	if (found == NULL)
		return false;
	memcpy(digest, found->digest, SHA256_BYTES);
	return true;
}

void
read_digests_add(ReadDigests *read, Relation relation, AttrNumber column, const TupleTableSlot *slot,
				 const uint8_t digest[SHA256_BYTES])
{
	ImagePlace	place = image_place(relation, column, slot);
	ReadDigest *added;

	if (hash_get_num_entries(read->digests) >= MOST_DIGESTS)
		return;
	added = hash_search(read->digests, &place, HASH_ENTER, NULL);
	memcpy(added->digest, digest, SHA256_BYTES);
}

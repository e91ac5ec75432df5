/*
 * uid_set.c: a hash table with open addressing, at most half full.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/checked.h"
#include "pacs/web/uid_set.h"

/* FNV-1a, 64 bits. */
static uint64_t
hash_uid(const char *uid)
{
	uint64_t	hash = 0xCBF29CE484222325u;

	for (; *uid != '\0'; uid++)
		hash = (hash ^ (unsigned char) *uid) * 0x100000001B3u;
	return hash;
}

/* The slot of a UID, or the free one where it belongs. */
static UidSlot *
find_slot(const UidSet *set, const char *uid)
{
	size_t		i = hash_uid(uid) & (set->capacity - 1);

	while (set->slots[i].place != 0 && strcmp(set->text.data + set->slots[i].place - 1, uid) != 0)
		i = (i + 1) & (set->capacity - 1);
	return &set->slots[i];
}

/* Make room for one more. */
static Status
grow_set(UidSet *set)
{
	UidSet		larger = *set;
	size_t		i;

	if (set->count < set->capacity / 2)
		return status_ok();
	larger.capacity = set->capacity == 0 ? 32 : set->capacity;
	larger.slots = checked_mul(larger.capacity, 2, &larger.capacity) ? calloc(larger.capacity, sizeof *larger.slots) :
		NULL;
	if (larger.slots == NULL)
		return status_error(LS_OUT_OF_MEMORY, "out of memory for %zu UIDs", set->count);
	for (i = 0; i < set->capacity; i++)
		if (set->slots[i].place != 0)
			*find_slot(&larger, set->text.data + set->slots[i].place - 1) = set->slots[i];
	free(set->slots);
	*set = larger;
	return status_ok();
}

Status
uid_set_note(UidSet *set, const char *uid, int page, int *before)
{
	UidSlot    *slot;

	TRY(grow_set(set));
	slot = find_slot(set, uid);
	*before = slot->place == 0 ? -1 : slot->page;
	if (slot->place == 0)
	{
		size_t		place = set->text.size + 1;

		TRY(bytes_append(&set->text, uid, strlen(uid) + 1));
		slot->place = place;
		set->count++;
	}
	slot->page = page;
	return status_ok();
}

void
uid_set_free(UidSet *set)
{
	bytes_free(&set->text);
	free(set->slots);
	memset(set, 0, sizeof *set);
}

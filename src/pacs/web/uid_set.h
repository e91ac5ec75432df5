/*
 * uid_set.h: UIDs that came, each with the page on which it came last.
 */
#ifndef LESIONSEG_PACS_WEB_UID_SET_H
#define LESIONSEG_PACS_WEB_UID_SET_H

#include "pacs/web/bytes.h"

/* Where a UID stands: its place in the text, from 1 (0: none), and its page. */
typedef struct UidSlot
{
	size_t		place;
	int			page;
} UidSlot;

typedef struct UidSet
{
	Bytes		text;			/* every UID with a NUL behind it */
	UidSlot    *slots;			/* owned; a hash table */
	size_t		capacity;		/* of slots: 0 or a power of two */
	size_t		count;
} UidSet;

/* Note that a UID came on a page (from 0). before: the page on which it came last, -1
 * where it is new. LS_OUT_OF_MEMORY. */
Status		uid_set_note(UidSet *set, const char *uid, int page, int *before);

void		uid_set_free(UidSet *set);

#endif

/*
 * listing.h: reads a list of the PACS, a page at a time, without losing an item.
 *
 * A page is what `limit` and `offset` ask for. DICOMweb promises no order, so
 * an item may come on two pages and another one on none, and some servers know
 * no offset. Therefore the UIDs are counted: a list is complete when as many
 * different ones came as the pages had items up to the empty one. Else the list
 * is read again with pages of twice the size, whose borders lie elsewhere; in
 * the end one page holds it all. An item that stands twice on one page did not
 * move between two: the PACS lists it twice, as a study that two patients have.
 */
#ifndef LESIONSEG_PACS_WEB_LISTING_H
#define LESIONSEG_PACS_WEB_LISTING_H

#include "pacs/web/dicom_json.h"
#include "pacs/web/uid_set.h"

/* So often a list is read: the last pages have 64 times the size of the first. */
#define LISTING_PASSES 7

/* So many items a list may have: their UIDs take some 600 MB. One without an end would take all memory. */
#define LISTING_MOST 5000000

typedef enum ListingState
{
	LISTING_GOES_ON,			/* ask for the next page */
	LISTING_COMPLETE,			/* all came */
	LISTING_LACKS				/* something did not come, and reading again does not help */
} ListingState;

typedef struct Listing
{
	ListingState state;
	size_t		limit;			/* items of a page */
	size_t		most;			/* of different items, LISTING_MOST */
	long		expected;		/* how many different items there are; -1: the PACS did not say */
	int			pass;			/* from 0 */
	int			page;			/* from 0, through all passes */
	int			pass_page;		/* the first page of this pass */
	size_t		offset;			/* items that came in this pass, */
	size_t		invalid;		/* those of them that cannot be read, */
	size_t		repeated;		/* those that stood on the same page before, */
	size_t		first;			/* those on its first page, */
	size_t		first_before;	/* and on the first page of the pass before */
	UidSet		seen;
} Listing;

/* Begin a list. */
void		listing_begin(Listing *listing, size_t limit, long expected);

/* Append the part of a query that asks for the next page. */
Status		listing_write_page(const Listing *listing, Bytes *path);

/* Take a page, and leave in it the items that did not come before. They are
 * known by the UID at that offset of PacsItem. */
Status		listing_take(Listing *listing, PacsList *page, size_t uid);

/* What to say of a list that LISTING_LACKS something. */
Status		listing_lack(const Listing *listing);

void		listing_free(Listing *listing);

#endif

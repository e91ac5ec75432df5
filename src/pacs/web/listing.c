/*
 * listing.c: see listing.h.
 */
#include <string.h>

#include "pacs/web/listing.h"

void
listing_begin(Listing *listing, size_t limit, long expected)
{
	memset(listing, 0, sizeof *listing);
	listing->state = LISTING_GOES_ON;
	listing->limit = limit;
	listing->most = LISTING_MOST;
	listing->expected = expected;
}

Status
listing_write_page(const Listing *listing, Bytes *path)
{
	return bytes_print(path, "&limit=%zu&offset=%zu", listing->limit, listing->offset);
}

/* Note the UIDs of a page. fresh: how many did not come in this pass. */
static Status
note_page(Listing *listing, PacsList *page, size_t uid, size_t *fresh)
{
	size_t		kept = 0;
	size_t		i;

	*fresh = 0;
	for (i = 0; i < page->count; i++)
	{
		int			before;

		TRY(uid_set_note(&listing->seen, (const char *) &page->items[i] + uid, listing->page, &before));
		*fresh += before < listing->pass_page;
		listing->repeated += before == listing->page;
		if (before < 0)
			page->items[kept++] = page->items[i];
	}
	page->count = kept;
	return status_ok();
}

/* Did just as many come as the PACS speaks of? A number that is too small is none to go by. */
static bool
has_expected(Listing *listing, size_t came)
{
	size_t		known = listing->seen.count + listing->invalid;

	if (listing->expected >= 0 && known > (size_t) listing->expected)
		listing->expected = -1;
	return listing->expected >= 0 && known == (size_t) listing->expected && came < listing->limit;
}

/* Is a pass that ended with a page of so many items the whole list? */
static bool
is_whole(const Listing *listing, size_t came)
{
	if (came == 0)
		return listing->seen.count + listing->invalid + listing->repeated >= listing->offset;

	/* The first page again: offset does not count. It is all where limit does not count either, or leaves room. A
	 * page of the same size when more was asked for may be all that this PACS ever gives. */
	return came == listing->first &&
		(came > listing->limit || (came < listing->limit && came > listing->first_before));
}

/* Read it again, with larger pages. */
static void
begin_pass(Listing *listing)
{
	listing->pass++;
	listing->pass_page = listing->page;
	listing->limit *= 2;
	listing->first_before = listing->first;
	listing->offset = listing->invalid = listing->repeated = listing->first = 0;
}

Status
listing_take(Listing *listing, PacsList *page, size_t uid)
{
	size_t		came = page->count + page->invalid;
	size_t		fresh;

	TRY(note_page(listing, page, uid, &fresh));
	listing->page++;
	if (listing->offset == 0)
		listing->first = came;
	if (listing->offset == 0 || fresh > 0)	/* not those of a page that came before */
		listing->invalid += page->invalid;
	listing->offset += came;
	if (listing->seen.count > listing->most)
		listing->state = LISTING_LACKS;
	else if (has_expected(listing, came))
		listing->state = LISTING_COMPLETE;
	else if (came > 0 && fresh > 0)
		listing->state = LISTING_GOES_ON;
	else if (is_whole(listing, came))
		listing->state = listing->expected < 0 ? LISTING_COMPLETE : LISTING_LACKS;
	else if (listing->pass + 1 == LISTING_PASSES)
		listing->state = LISTING_LACKS;
	else
		begin_pass(listing);
	return status_ok();
}

Status
listing_lack(const Listing *listing)
{
	if (listing->seen.count > listing->most)
		return status_with_hint(status_error(LS_LIMIT_EXCEEDED, "more than %zu are listed, and there may be no end",
											 listing->most), LIST_FEWER);
	if (listing->expected >= 0)
		return status_error(LS_UNSUPPORTED, "the PACS speaks of %ld and lists %zu", listing->expected,
							listing->seen.count);
	return status_with_hint(status_error(LS_UNSUPPORTED, "%zu were listed, and there may be more: "
										 "the PACS gives the same ones on several pages", listing->seen.count),
							LIST_FEWER);
}

void
listing_free(Listing *listing)
{
	uid_set_free(&listing->seen);
}

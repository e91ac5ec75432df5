/*
 * pacs_listing.c: lists of PACSs that keep no order, know no offset, or give
 * fewer items than were asked for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/web/listing.h"

/* How a PACS answers. */
typedef struct Pacs
{
	size_t		count;			/* studies it has */
	size_t		most;			/* of a page; 0: as many as are asked for */
	bool		no_limit;
	bool		no_offset;
	size_t		turned;			/* where offset is not 0, the list is turned by so many */
	size_t		invalid;		/* the first ones of its list have no UID */
	size_t		twice;			/* where not 0: the item at this place is the one before it again */
} Pacs;

/* What came of reading its list. */
typedef struct Outcome
{
	ListingState state;
	size_t		came;			/* different studies */
	size_t		pages;
	char		why[256];
} Outcome;

/* Give the page that a listing asks for. */
static void
answer(const Pacs *pacs, const Listing *listing, PacsList *page)
{
	size_t		offset = pacs->no_offset ? 0 : listing->offset;
	size_t		most = pacs->most > 0 && pacs->most < listing->limit ? pacs->most : listing->limit;
	size_t		i;

	memset(page, 0, sizeof *page);
	for (i = offset; i < pacs->count && (pacs->no_limit || i < offset + most); i++)
	{
		PacsItem	item = {0};
		size_t		number = offset == 0 ? i : (i + pacs->turned) % pacs->count;

		if (pacs->twice > 0 && number >= pacs->twice)
			number--;
		snprintf(item.study, sizeof item.study, "1.%zu", number);
		if (number < pacs->invalid)
			page->invalid++;
		else
			assert_int_equal(list_append(page, &item).code, LS_OK);
	}
}

/* Read the list of a PACS by pages of 10. No study may come twice. */
static Outcome
read_list(Pacs pacs, long expected)
{
	Outcome		outcome = {.pages = 0};
	Listing		listing;
	Status		status;
	bool		found[1000] = {false};

	listing_begin(&listing, 10, expected);
	while (listing.state == LISTING_GOES_ON)
	{
		PacsList	page;
		size_t		i;

		assert_true(outcome.pages++ < 1000);
		answer(&pacs, &listing, &page);
		assert_int_equal(listing_take(&listing, &page, offsetof(PacsItem, study)).code, LS_OK);
		for (i = 0; i < page.count; i++)
		{
			unsigned	number;

			assert_int_equal(sscanf(page.items[i].study, "1.%u", &number), 1);
			assert_false(found[number]);
			found[number] = true;
		}
		outcome.came += page.count;
		list_free(&page);
	}
	outcome.state = listing.state;
	status = listing_lack(&listing);
	strcpy(outcome.why, status.message);
	listing_free(&listing);
	return outcome;
}

static void
assert_complete(Pacs pacs, size_t pages)
{
	Outcome		outcome = read_list(pacs, -1);

	assert_int_equal(outcome.state, LISTING_COMPLETE);
	assert_int_equal(outcome.came, pacs.count - pacs.invalid - (pacs.twice > 0));
	assert_int_equal(outcome.pages, pages);
}

static void
assert_lacks(Pacs pacs, long expected, const char *why)
{
	Outcome		outcome = read_list(pacs, expected);

	assert_int_equal(outcome.state, LISTING_LACKS);
	assert_string_equal(outcome.why, why);
}

/* A page, and the empty one that ends the list. */
static void
test_plain(void **state)
{
	(void) state;
	assert_complete((Pacs) {.count = 0}, 1);
	assert_complete((Pacs) {.count = 7}, 2);
	assert_complete((Pacs) {.count = 10}, 2);
	assert_complete((Pacs) {.count = 35}, 5);
	assert_complete((Pacs) {.count = 35, .most = 4}, 10);
	assert_complete((Pacs) {.count = 35, .no_limit = true}, 2);
}

/* The order of the first page is not that of the others, as of Orthanc with its index in PostgreSQL. */
static void
test_unstable(void **state)
{
	size_t		turned;

	(void) state;
	for (turned = 1; turned < 35; turned++)
	{
		Outcome		outcome = read_list((Pacs) {.count = 35, .turned = turned}, -1);

		assert_int_equal(outcome.state, LISTING_COMPLETE);
		assert_int_equal(outcome.came, 35);
	}
	/* All of the second page came on the first. */
	assert_complete((Pacs) {.count = 15, .turned = 5}, 4);
	/* Only small pages: what cannot be had is said to lack. */
	assert_lacks((Pacs) {.count = 35, .most = 4, .turned = 1}, -1,
				 "34 were listed, and there may be more: the PACS gives the same ones on several pages");
}

/* A PACS without offset. */
static void
test_no_offset(void **state)
{
	(void) state;
	assert_complete((Pacs) {.count = 7, .no_offset = true}, 2);
	assert_complete((Pacs) {.count = 35, .no_offset = true, .no_limit = true}, 2);
	assert_complete((Pacs) {.count = 35, .no_offset = true}, 6);
	assert_lacks((Pacs) {.count = 35, .no_offset = true, .most = 10}, -1,
				 "10 were listed, and there may be more: the PACS gives the same ones on several pages");
	assert_lacks((Pacs) {.count = 10, .no_offset = true}, -1,
				 "10 were listed, and there may be more: the PACS gives the same ones on several pages");
	assert_lacks((Pacs) {.count = 700, .no_offset = true}, -1,
				 "640 were listed, and there may be more: the PACS gives the same ones on several pages");
}

/* The number of a study's instances is known. */
static void
test_expected(void **state)
{
	Outcome		outcome = read_list((Pacs) {.count = 7}, 7);

	(void) state;
	assert_int_equal(outcome.state, LISTING_COMPLETE);
	assert_int_equal(outcome.pages, 1);
	outcome = read_list((Pacs) {.count = 35, .turned = 10}, 35);
	assert_int_equal(outcome.state, LISTING_COMPLETE);
	assert_int_equal(outcome.came, 35);
	assert_lacks((Pacs) {.count = 4}, 5, "the PACS speaks of 5 and lists 4");
	assert_lacks((Pacs) {.count = 35, .no_offset = true, .no_limit = true}, 36, "the PACS speaks of 36 and lists 35");

	/* A number that is too small ends nothing, wherever it is reached. */
	outcome = read_list((Pacs) {.count = 35}, 10);
	assert_int_equal(outcome.came, 35);
	outcome = read_list((Pacs) {.count = 35}, 0);
	assert_int_equal(outcome.came, 35);
}

/* Items that cannot be read take their place in the list. */
static void
test_invalid(void **state)
{
	(void) state;
	assert_complete((Pacs) {.count = 7, .invalid = 7}, 1);
	assert_complete((Pacs) {.count = 35, .invalid = 3}, 5);
	assert_complete((Pacs) {.count = 35, .invalid = 3, .no_offset = true}, 6);
}

/* A study that stands twice in the list, as one that two patients have: on one page, on two, on two of any size. */
static void
test_twice(void **state)
{
	(void) state;
	assert_complete((Pacs) {.count = 7, .twice = 1}, 2);
	assert_complete((Pacs) {.count = 35, .twice = 15}, 5);
	assert_complete((Pacs) {.count = 35, .twice = 10}, 5 + 3);
	assert_lacks((Pacs) {.count = 8, .most = 5, .twice = 5}, -1,
				 "7 were listed, and there may be more: the PACS gives the same ones on several pages");
}

/* A list without an end is not read on. */
static void
test_endless(void **state)
{
	Listing		listing;

	(void) state;
	listing_begin(&listing, 10, 5);
	assert_int_equal(listing.most, LISTING_MOST);
	listing.most = 100;
	for (int pages = 1; pages <= 11; pages++)
	{
		PacsList	page;

		assert_int_equal(listing.state, LISTING_GOES_ON);
		answer(&(Pacs) {.count = SIZE_MAX}, &listing, &page);
		assert_int_equal(listing_take(&listing, &page, offsetof(PacsItem, study)).code, LS_OK);
		list_free(&page);
	}
	assert_int_equal(listing.state, LISTING_LACKS);
	assert_string_equal(listing_lack(&listing).message, "more than 100 are listed, and there may be no end");
	listing_free(&listing);
}

/* Many UIDs, some of which begin like others. */
static void
test_uid_set(void **state)
{
	UidSet		set = {0};
	int			page;
	int			i;

	(void) state;
	for (page = 0; page < 2; page++)
		for (i = 0; i < 5000; i++)
		{
			char		uid[32];
			int			before;

			snprintf(uid, sizeof uid, "1.2.%d", i);
			assert_int_equal(uid_set_note(&set, uid, page, &before).code, LS_OK);
			assert_int_equal(before, page - 1);
		}
	assert_int_equal(set.count, 5000);
	uid_set_free(&set);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_unstable),
		cmocka_unit_test(test_no_offset),
		cmocka_unit_test(test_expected),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_uid_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

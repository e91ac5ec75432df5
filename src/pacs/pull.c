/*
 * pull.c: fetches what the database lacks.
 *
 * Studies are listed a page at a time (QIDO-RS). Those in which something may
 * be new are asked for their instances, and the instances that are wanted and
 * not there are fetched (WADO-RS), several at a time. A study is noted once
 * all of it is there. Nothing else is kept between two runs: one that is
 * killed leaves what it stored, and the next lists the rest again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pacs/web/listing.h"
#include "pacs/web/multipart.h"
#include "pacs/store/pulled.h"
#include "pacs/log.h"
#include "pacs/objects.h"
#include "pacs/work.h"

#define STUDIES_PAGE 100
#define INSTANCES_PAGE 1000

/* Instances to fetch that are noted at a time: 1 kB each. */
#define LACKING_MOST 200000

/* How far a study is. */
typedef struct StudyWork
{
	Listing		listing;		/* of its instances */
	bool		asked;			/* a request is under way, or all is listed */
	bool		incomplete;		/* not all that is wanted was stored */
} StudyWork;

/* One page of studies. */
typedef struct Page
{
	Work	   *work;
	PacsList	studies;
	StudyWork  *progress;		/* of each study */
	PacsList	lacking;		/* instances to fetch */
	size_t		next;			/* the first of them that was not asked for */
	bool		masks;			/* fetch segmentations now, or images */
} Page;

static bool
is_wanted(const PacsSettings *settings, const char *sop_class)
{
	int			i;

	if (strcmp(sop_class, SOP_CLASS_SEG) == 0)
		return settings->masks;
	for (i = 0; i < settings->sop_classes.count; i++)
		if (strcmp(settings->sop_classes.values[i], sop_class) == 0)
			return true;
	return false;
}

/* May another instance be pulled, by --limit? */
static bool
is_within_limit(const Page *page)
{
	const Work *work = page->work;

	return work->settings->limit == 0 || work->begun < work->settings->limit;
}

/* The study of an instance. */
static size_t
study_of(const Page *page, const PacsItem *item)
{
	size_t		i;

	for (i = 0; i + 1 < page->studies.count; i++)
		if (strcmp(page->studies.items[i].study, item->study) == 0)
			break;
	return i;
}

/* The next study that has instances to list. */
static Status
next_listing(void *state, Bytes *path, size_t *item, bool *more)
{
	Page	   *page = state;

	*more = false;
	for (*item = 0; *item < page->studies.count; ++*item)
		if (!page->progress[*item].asked)
			break;
	if (*item == page->studies.count)
		return status_ok();
	*more = page->progress[*item].asked = true;
	TRY(bytes_print(path, "/studies/%s/instances?includefield=00080016&includefield=00080070&includefield=00100020",
					page->studies.items[*item].study));
	return listing_write_page(&page->progress[*item].listing, path);
}

/* Say how many items of a page of a list were left out, and why; once, however often the list is read. */
static void
report_invalid(Work *work, const char *what, const char *uid, const Listing *listing, const PacsList *page)
{
	Status		status;

	if (page->invalid == 0 || listing->pass > 0)
		return;
	status = status_error(LS_INVALID_ARGUMENT, "%zu left out: %.200s", page->invalid, page->why.message);
	log_failure(what, uid, &status);
	work->failed += (long) page->invalid;
}

/* Note the instances of a study that are wanted. */
static Status
note_instances(Page *page, const PacsItem *study, const PacsList *list)
{
	size_t		i;

	for (i = 0; i < list->count; i++)
	{
		PacsItem   *item = &list->items[i];

		if (!is_wanted(page->work->settings, item->sop_class) || strcmp(item->manufacturer, OUR_MANUFACTURER) == 0)
			continue;
		if (page->lacking.count == LACKING_MOST)	/* most of them may be there already */
			TRY(pulled_keep_lacking(page->work->database, &page->lacking));
		if (page->lacking.count == LACKING_MOST)
			return status_with_hint(status_error(LS_LIMIT_EXCEEDED, "%d studies have more than %d instances to pull",
												 STUDIES_PAGE, LACKING_MOST),
									"Call again: those that are left come then.");
		strcpy(item->study, study->study);
		if (item->patient[0] == '\0')
			strcpy(item->patient, study->patient);
		TRY(list_append(&page->lacking, item));
	}
	return status_ok();
}

/* Take the instances of a study that an answer lists. */
static Status
take_listing(Page *page, size_t index, const HttpReply *reply)
{
	const PacsItem *study = &page->studies.items[index];
	StudyWork  *progress = &page->progress[index];
	Listing    *listing = &progress->listing;
	PacsList	list = {0};
	Status		status = list_append_json(&list, reply->body.data, reply->body.size, true);

	if (status.code == LS_OK)
	{
		report_invalid(page->work, "study", study->study, listing, &list);
		progress->incomplete |= list.invalid > 0;
		status = listing_take(listing, &list, offsetof(PacsItem, instance));
		progress->asked = listing->state != LISTING_GOES_ON;
	}
	if (status.code == LS_OK)
		status = note_instances(page, study, &list);
	list_free(&list);
	return status.code == LS_OK && listing->state == LISTING_LACKS ? listing_lack(listing) : status;
}

static Status
done_listing(void *state, size_t index, const Status *outcome, const HttpReply *reply)
{
	Page	   *page = state;
	Status		status = *outcome;

	if (status.code == LS_OK)
		status = take_listing(page, index, reply);
	if (status.code != LS_OK && status.code != LS_OUT_OF_MEMORY)
	{
		log_failure("study", page->studies.items[index].study, &status);
		page->work->failed++;
		page->progress[index].asked = page->progress[index].incomplete = true;
		status = status_ok();
	}
	if (page->progress[index].asked)
		listing_free(&page->progress[index].listing);
	return status;
}

/* The next instance to fetch: images first, then the masks that were drawn on them. */
static Status
next_instance(void *state, Bytes *path, size_t *index, bool *more)
{
	Page	   *page = state;
	const PacsItem *item;

	*more = false;
	while (page->next < page->lacking.count &&
		   (strcmp(page->lacking.items[page->next].sop_class, SOP_CLASS_SEG) == 0) != page->masks)
		page->next++;
	if (page->next == page->lacking.count || !is_within_limit(page))
		return status_ok();
	*index = page->next++;
	item = &page->lacking.items[*index];
	*more = true;
	page->work->begun++;
	return bytes_print(path, "/studies/%s/series/%s/instances/%s", item->study, item->series, item->instance);
}

/* Is the file in an answer one of ours, though the list did not say so? Segmentations are looked into in any case. */
static Status
find_ours(Page *page, const PacsItem *item, const MultipartPart *file, bool *ours)
{
	*ours = false;
	if (!page->masks && item->manufacturer[0] != '\0')
		return status_ok();
	return pulled_look_into(page->work->database, item, file->data, file->size, ours);
}

/* Store the file in an answer. */
static Status
store_file(Page *page, const PacsItem *item, const HttpReply *reply, PulledOutcome *outcome)
{
	MultipartPart file;
	bool		ours;
	char		told[PULLED_TOLD_SIZE] = "lesionseg made it";

	TRY(multipart_find_file(reply->content_type, reply->body.data, reply->body.size, &file));
	TRY(find_ours(page, item, &file, &ours));
	*outcome = ours ? PULLED_LEFT_OUT : PULLED_STORED;
	if (!ours && page->masks)
		TRY(pulled_store_mask(page->work->database, item, file.data, file.size, outcome, told));
	else if (!ours)
	{
		TRY(pulled_store_image(page->work->database, item, file.data, file.size));
		snprintf(told, sizeof told, "%zu bytes, study %s", file.size, item->study);
	}
	log_object(ours ? "left out" : page->masks ? "mask" : "pulled", item->instance, "%s", told);
	return status_ok();
}

static Status
done_instance(void *state, size_t index, const Status *answer, const HttpReply *reply)
{
	Page	   *page = state;
	Work	   *work = page->work;
	const PacsItem *item = &page->lacking.items[index];
	PulledOutcome outcome = PULLED_STORED;
	Status		status = *answer;

	if (status.code == LS_OK)
		status = store_file(page, item, reply, &outcome);
	if (ends_run(&status))
		return status;
	if (status.code == LS_OK && outcome == PULLED_STORED)
	{
		work->done++;
		return status;
	}
	work->begun--;				/* --limit is about those that came */
	if (status.code != LS_OK)
	{
		log_failure("not pulled", item->instance, &status);
		page->progress[study_of(page, item)].incomplete = true;
	}
	work->failed += status.code != LS_OK || outcome == PULLED_BROKEN;
	return status_ok();
}

/* Fetch what is lacking of one kind. */
static Status
fetch_instances(Page *page, bool masks)
{
	HttpBatch	batch = {ACCEPT_DICOM, page, next_instance, done_instance};

	page->next = 0;
	page->masks = masks;
	return http_get_batch(page->work->http, &batch);
}

/* Say what would be fetched. */
static void
tell_lacking(const Page *page)
{
	size_t		i;

	for (i = 0; i < page->lacking.count && is_within_limit(page); i++)
	{
		log_text("would pull %s, study %s", page->lacking.items[i].instance, page->lacking.items[i].study);
		page->work->begun++;
		page->work->done++;
	}
}

/* Note the studies of which all that is wanted is there. */
static Status
note_studies(const Page *page, const char *wanted)
{
	size_t		i;

	for (i = 0; i < page->lacking.count; i++)	/* --limit left these */
		if (!is_within_limit(page))
			page->progress[study_of(page, &page->lacking.items[i])].incomplete = true;
	for (i = 0; i < page->studies.count; i++)
		if (!page->progress[i].incomplete && page->studies.items[i].study_instances >= 0)
			TRY(pulled_note_study(page->work->database, wanted, &page->studies.items[i]));
	return status_ok();
}

/* Pull what is new in a page of studies. */
static Status
pull_page(Page *page, const char *wanted)
{
	HttpBatch	listing = {ACCEPT_JSON, page, next_listing, done_listing};
	size_t		i;

	if (!page->work->settings->all)
		TRY(pulled_keep_new_studies(page->work->database, wanted, &page->studies));
	page->progress = calloc(page->studies.count + 1, sizeof *page->progress);
	if (page->progress == NULL)
		return status_error(LS_OUT_OF_MEMORY, "out of memory for %zu studies", page->studies.count);
	for (i = 0; i < page->studies.count; i++)
		listing_begin(&page->progress[i].listing, INSTANCES_PAGE, page->studies.items[i].study_instances);
	TRY(http_get_batch(page->work->http, &listing));
	TRY(pulled_keep_lacking(page->work->database, &page->lacking));
	if (page->work->settings->dry_run)
	{
		tell_lacking(page);
		return status_ok();
	}
	TRY(fetch_instances(page, false));
	TRY(fetch_instances(page, true));
	return note_studies(page, wanted);
}

/* May a study hold what is wanted, by its modalities? */
static bool
has_modality(const PacsSettings *settings, const PacsItem *study)
{
	const char *at = study->modalities;
	int			i;

	while (*at != '\0')
	{
		size_t		length = strcspn(at, "\\");

		for (i = 0; i < settings->modalities.count; i++)
			if (strlen(settings->modalities.values[i]) == length &&
				strncmp(settings->modalities.values[i], at, length) == 0)
				return true;
		at += length + (at[length] == '\\');
	}
	return study->modalities[0] == '\0';
}

/* Leave in a list the studies that may hold what is wanted. The PACS is not asked to: Orthanc 1.10 gives
 * nothing behind the first page where ModalitiesInStudy must match. */
static void
keep_modalities(const PacsSettings *settings, PacsList *studies)
{
	size_t		kept = 0;
	size_t		i;

	for (i = 0; i < studies->count; i++)
		if (has_modality(settings, &studies->items[i]))
			studies->items[kept++] = studies->items[i];
	studies->count = kept;
}

/* Write the query for a page of studies. */
static Status
write_query(const PacsSettings *settings, const Listing *listing, Bytes *path)
{
	int			i;

	bytes_reset(path);
	TRY(bytes_print(path, "/studies?includefield=00080061&includefield=00201208"));
	for (i = 0; i < settings->matches.count; i++)
	{
		const char *equals = strchr(settings->matches.values[i], '=');

		TRY(bytes_print(path, "&%.*s=", (int) (equals - settings->matches.values[i]), settings->matches.values[i]));
		TRY(bytes_append_escaped(path, equals + 1));
	}
	return listing_write_page(listing, path);
}

/* Free what was known of a page. */
static void
free_page(Page *page)
{
	size_t		i;

	for (i = 0; page->progress != NULL && i < page->studies.count; i++)
		listing_free(&page->progress[i].listing);
	free(page->progress);
	list_free(&page->studies);
	list_free(&page->lacking);
}

/* Pull one page of the list of studies. */
static Status
pull_next_page(Work *work, const char *wanted, Listing *listing, Bytes *path, HttpReply *reply)
{
	Page		page = {.work = work};
	Status		status;

	TRY(write_query(work->settings, listing, path));
	TRY(http_get(work->http, path->data, ACCEPT_JSON, reply));
	status = list_append_json(&page.studies, reply->body.data, reply->body.size, false);
	if (status.code == LS_OK)
	{
		report_invalid(work, "the list of", "studies", listing, &page.studies);
		status = listing_take(listing, &page.studies, offsetof(PacsItem, study));
	}
	if (status.code == LS_OK)
	{
		keep_modalities(work->settings, &page.studies);
		status = pull_page(&page, wanted);
	}
	free_page(&page);
	return status;
}

/* Pull page after page. */
static Status
pull_pages(Work *work, const char *wanted, Listing *listing)
{
	Bytes		path = {0};
	HttpReply	reply = {0};
	Status		status;
	bool		more = true;

	do
	{
		status = pull_next_page(work, wanted, listing, &path, &reply);
		more = work->settings->limit == 0 || work->begun < work->settings->limit;
	} while (status.code == LS_OK && listing->state == LISTING_GOES_ON && more);
	bytes_free(&path);
	bytes_free(&reply.body);
	return status;
}

/* Pull what is in the studies of the PACS. */
static Status
pull_studies(Work *work, const char *wanted)
{
	Listing		listing;
	Status		status;

	listing_begin(&listing, STUDIES_PAGE, -1);
	status = pull_pages(work, wanted, &listing);
	if (status.code == LS_OK && listing.state == LISTING_LACKS)
	{
		Status		lack = listing_lack(&listing);

		log_failure("the list of", "studies", &lack);
		work->failed++;
	}
	listing_free(&listing);
	return status;
}

Status
pull(Work *work)
{
	const PacsSettings *settings = work->settings;
	Bytes		wanted = {0};
	Status		status = status_ok();
	int			i;

	for (i = 0; i < settings->sop_classes.count && status.code == LS_OK; i++)
		status = bytes_print(&wanted, "%s ", settings->sop_classes.values[i]);
	if (status.code == LS_OK)
		status = bytes_print(&wanted, "%s", settings->masks ? SOP_CLASS_SEG : "");
	if (status.code == LS_OK)
		status = pull_studies(work, wanted.data);
	bytes_free(&wanted);
	return status;
}

/*
 * pull.c: fetches what the database lacks.
 *
 * Studies are listed a page at a time (QIDO-RS). Those in which something may
 * be new are asked for their instances, and the instances that are wanted and
 * not there are fetched (WADO-RS), several at a time. A study is noted once
 * all of it is there. Nothing else is kept between two runs: one that is
 * killed leaves what it stored, and the next lists the rest again.
 */
#include <stdlib.h>
#include <string.h>

#include "pacs/web/bytes.h"
#include "pacs/web/dicom_json.h"
#include "pacs/log.h"
#include "pacs/web/multipart.h"
#include "pacs/store/pulled.h"
#include "pacs/stop.h"
#include "pacs/work.h"

#define STUDIES_PAGE 100
#define INSTANCES_PAGE 1000

#define ACCEPT_JSON "application/dicom+json"
#define ACCEPT_DICOM "multipart/related; type=\"application/dicom\"; transfer-syntax=*"

/* How far a study is. */
typedef struct StudyWork
{
	size_t		listed;			/* instances that the PACS named */
	char		first[PACS_UID_SIZE];	/* the first of them */
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
	return bytes_print(path, "/studies/%s/instances?includefield=00080016&includefield=00080070&includefield=00100020"
					   "&limit=%d&offset=%zu", page->studies.items[*item].study, INSTANCES_PAGE,
					   page->progress[*item].listed);
}

/* Note the instances of a study that an answer lists. */
static Status
take_listing(Page *page, size_t index, const HttpReply *reply)
{
	const PacsItem *study = &page->studies.items[index];
	StudyWork  *progress = &page->progress[index];
	PacsList	list = {0};
	Status		status = list_append_json(&list, reply->body.data, reply->body.size, true);
	size_t		i;

	/* A server that knows no offset says the same again. */
	if (list.count > 0 && strcmp(list.items[0].instance, progress->first) != 0)
	{
		if (progress->listed == 0)
			strcpy(progress->first, list.items[0].instance);
		progress->listed += list.count;
		progress->asked = study->study_instances >= 0 && (long) progress->listed >= study->study_instances;
		for (i = 0; i < list.count && status.code == LS_OK; i++)
		{
			PacsItem   *item = &list.items[i];

			if (!is_wanted(page->work->settings, item->sop_class) || strcmp(item->manufacturer, "lesionseg") == 0)
				continue;
			strcpy(item->study, study->study);
			if (item->patient[0] == '\0')
				strcpy(item->patient, study->patient);
			status = list_append(&page->lacking, item);
		}
	}
	list_free(&list);
	return status;
}

static Status
done_listing(void *state, size_t index, const Status *outcome, const HttpReply *reply)
{
	Page	   *page = state;
	Status		status = *outcome;

	if (status.code == LS_OK)
		status = take_listing(page, index, reply);
	if (status.code == LS_OK || status.code == LS_OUT_OF_MEMORY)
		return status;
	log_failure("study", page->studies.items[index].study, &status);
	page->work->failed++;
	page->progress[index].asked = page->progress[index].incomplete = true;
	return status_ok();
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

/* Store the file in an answer. */
static Status
store(Page *page, const PacsItem *item, const HttpReply *reply)
{
	MultipartReader reader;
	MultipartPart part;
	bool		found;
	char		told[320];

	TRY(multipart_open(&reader, reply->content_type, reply->body.data, reply->body.size));
	TRY(multipart_next(&reader, &part, &found));
	if (!found || part.size == 0)
		return status_error(LS_INVALID_ARGUMENT, "the answer has no file in it");
	if (!page->masks)
	{
		TRY(pulled_store_image(page->work->database, item, part.data, part.size));
		log_object("pulled", item->instance, "%zu bytes, study %s", part.size, item->study);
		return status_ok();
	}
	TRY(pulled_store_mask(page->work->database, item, part.data, part.size, told, sizeof told));
	log_object("mask", item->instance, "%s", told);
	return status_ok();
}

static Status
done_instance(void *state, size_t index, const Status *outcome, const HttpReply *reply)
{
	Page	   *page = state;
	const PacsItem *item = &page->lacking.items[index];
	Status		status = *outcome;

	if (status.code == LS_OK)
		status = store(page, item, reply);
	if (status.code == LS_OK)
	{
		page->work->done++;
		return status;
	}
	if (status.code == LS_HOST_ERROR || status.code == LS_OUT_OF_MEMORY)
		return status;
	log_failure("not pulled", item->instance, &status);
	page->work->failed++;
	page->progress[study_of(page, item)].incomplete = true;
	return status_ok();
}

/* Fetch what is lacking of one kind. */
static Status
fetch(Page *page, bool masks)
{
	HttpBatch	batch = {ACCEPT_DICOM, page, next_instance, done_instance};

	page->next = 0;
	page->masks = masks;
	return http_get_batch(page->work->http, &batch);
}

/* Say what would be fetched. */
static void
tell(const Page *page)
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

	if (!page->work->settings->all)
		TRY(pulled_keep_new_studies(page->work->database, wanted, &page->studies));
	page->progress = calloc(page->studies.count + 1, sizeof *page->progress);
	if (page->progress == NULL)
		return status_error(LS_OUT_OF_MEMORY, "out of memory for %zu studies", page->studies.count);
	TRY(http_get_batch(page->work->http, &listing));
	TRY(pulled_keep_lacking(page->work->database, &page->lacking));
	if (page->work->settings->dry_run)
	{
		tell(page);
		return status_ok();
	}
	TRY(fetch(page, false));
	TRY(fetch(page, true));
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
write_query(const PacsSettings *settings, size_t offset, Bytes *path)
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
	return bytes_print(path, "&limit=%d&offset=%zu", STUDIES_PAGE, offset);
}

/* What the list of studies is read with, page by page. */
typedef struct Listing
{
	Bytes		path;
	HttpReply	reply;
	char		first[PACS_UID_SIZE];	/* study of the page before */
	size_t		offset;
} Listing;

/* Pull one page of studies; more: there may be another. */
static Status
pull_next_page(Work *work, const char *wanted, Listing *listing, bool *more)
{
	Page		page = {.work = work};
	Status		status;

	TRY(write_query(work->settings, listing->offset, &listing->path));
	TRY(http_get(work->http, listing->path.data, ACCEPT_JSON, &listing->reply));
	status = list_append_json(&page.studies, listing->reply.body.data, listing->reply.body.size, false);
	*more = status.code == LS_OK && page.studies.count > 0 && strcmp(page.studies.items[0].study, listing->first) != 0;
	if (*more)
	{
		strcpy(listing->first, page.studies.items[0].study);
		listing->offset += page.studies.count;
		keep_modalities(work->settings, &page.studies);
		status = pull_page(&page, wanted);
		*more = work->settings->limit == 0 || work->begun < work->settings->limit;
	}
	list_free(&page.studies);
	list_free(&page.lacking);
	free(page.progress);
	return status;
}

static Status
pull_pages(Work *work, const char *wanted)
{
	Listing		listing = {.offset = 0};
	Status		status;
	bool		more = true;

	do
	{
		status = pull_next_page(work, wanted, &listing, &more);
	} while (status.code == LS_OK && more);
	bytes_free(&listing.path);
	bytes_free(&listing.reply.body);
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
		status = pull_pages(work, wanted.data);
	bytes_free(&wanted);
	return status;
}

/*
 * source.c: see source.h.
 *
 * One request for an image: for the instance in its study, with PatientID. A
 * PACS may leave out what is not an attribute of instances; then the study is
 * asked for, of which it must say PatientID (PS3.18, table 10.6.3-3).
 */
#include <string.h>

#include "pacs/source.h"
#include "pacs/store/sent.h"
#include "pacs/web/query.h"

/* Are two PatientIDs the same? Blanks at both ends do not count (PS3.5, LO). */
static bool
is_same_patient(const char *a, const char *b)
{
	size_t		length;

	a += strspn(a, " ");
	b += strspn(b, " ");
	for (length = strlen(a); length > 0 && a[length - 1] == ' '; length--)
		;
	return strncmp(a, b, length) == 0 && b[length + strspn(b + length, " ")] == '\0';
}

/* What a list says of the image. */
typedef struct Found
{
	bool		listed;			/* it, or its study */
	bool		patient_said;
	bool		same_patient;
} Found;

/* Look for the image in a list of instances, or for its study in one of studies. */
static Found
find_source(const PacsList *list, const SourceImage *source, bool instances)
{
	Found		found = {false, false, false};
	size_t		i;

	for (i = 0; i < list->count; i++)
	{
		const PacsItem *item = &list->items[i];

		if ((instances && strcmp(item->instance, source->instance) != 0) ||
			((!instances || item->study[0] != '\0') && strcmp(item->study, source->study) != 0))
			continue;
		found.listed = true;
		found.patient_said |= item->patient[0] != '\0';
		found.same_patient |= is_same_patient(item->patient, source->patient);
	}
	return found;
}

/* Ask for a list. Where it does not hold the image but an item that cannot be read, nobody knows. */
static Status
ask_list(Http *http, const char *path, const SourceImage *source, bool instances, Found *found, bool *not_found)
{
	PacsList	list = {0};
	Status		status = query_list(http, path, instances, &list, not_found);

	*found = find_source(&list, source, instances);
	if (status.code == LS_OK && !found->listed && list.invalid > 0)
		status = list.why;
	list_free(&list);
	return status;
}

/* Ask for the image in its study. An answer "not found" may also come of a wrong URL: so the list of studies tells. */
static Status
ask_instance(Http *http, const SourceImage *source, Found *found, bool *not_found)
{
	Bytes		path = {0};
	Status		status;

	*not_found = false;
	status = bytes_print(&path, "/studies/%s/instances?SOPInstanceUID=%s&includefield=00080016&includefield=00100020",
						 source->study, source->instance);
	if (status.code == LS_OK)
		status = ask_list(http, path.data, source, true, found, not_found);
	bytes_free(&path);
	return *not_found ? status_ok() : status;
}

/* Ask for its study. */
static Status
ask_study(Http *http, const SourceImage *source, Found *found)
{
	Bytes		path = {0};
	bool		not_found;
	Status		status;

	status = bytes_print(&path, "/studies?StudyInstanceUID=%s&includefield=00100020", source->study);
	if (status.code == LS_OK)
		status = ask_list(http, path.data, source, false, found, &not_found);
	bytes_free(&path);
	return status;
}

/* Ask the PACS about the image. */
static Status
ask_pacs(Http *http, const SourceImage *source, Found *found)
{
	bool		not_found;
	Found		study;

	TRY(ask_instance(http, source, found, &not_found));
	if (!not_found && (!found->listed || found->patient_said))
		return status_ok();
	TRY(ask_study(http, source, &study));
	found->listed &= study.listed;
	found->same_patient = study.same_patient;
	return status_ok();
}

Status
source_check(Work *work, const char *image, bool *settled)
{
	SourceImage source;
	Found		found;
	Status		status = sent_read_source(work->database, image, &source);

	*settled = status.code == LS_INVALID_ARGUMENT;	/* the image's own */
	if (status.code != LS_OK)
		return status;
	TRY(ask_pacs(work->http, &source, &found));
	*settled = true;
	if (!found.listed)
		return status_with_hint(status_error(LS_UNSUPPORTED, "the PACS no longer has this image in study %s",
											 source.study),
								"To forget it, delete its row in lesion_pacs_instance.");
	if (!found.same_patient)
		return status_with_hint(status_error(LS_UNSUPPORTED, "in the PACS, study %s is of another patient than in the "
											 "file that was pulled", source.study),
								"Delete its row in lesion_pacs_instance, and in the table of predictions; "
								"pull --all fetches it anew.");
	return status;
}

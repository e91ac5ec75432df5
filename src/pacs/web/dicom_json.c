/*
 * dicom_json.c: reads the answers of a PACS.
 *
 * An object of the model has tags of eight hexadecimal digits as keys, and of
 * each "vr" and "Value", an array.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/checked.h"
#include "pacs/web/dicom_json.h"

#define TAG_SOP_CLASS "00080016"
#define TAG_SOP_INSTANCE "00080018"
#define TAG_MODALITIES_IN_STUDY "00080061"
#define TAG_MANUFACTURER "00080070"
#define TAG_REFERENCED_SOP_INSTANCE "00081155"
#define TAG_WARNING_REASON "00081196"
#define TAG_FAILURE_REASON "00081197"
#define TAG_FAILED_SOP_SEQUENCE "00081198"
#define TAG_REFERENCED_SOP_SEQUENCE "00081199"
#define TAG_PATIENT_ID "00100020"
#define TAG_STUDY "0020000D"
#define TAG_SERIES "0020000E"
#define TAG_STUDY_INSTANCES "00201208"

/* The values of a tag; NULL where it is not there or empty. */
static const json_t *
values_of(const json_t *object, const char *tag)
{
	return json_object_get(json_object_get(object, tag), "Value");
}

/* A tag's first value. */
static const json_t *
first_value(const json_t *object, const char *tag)
{
	return json_array_get(values_of(object, tag), 0);
}

/* The length of a text without the blanks that pad it to an even one. */
static size_t
length_of(const char *text)
{
	size_t		length = strlen(text);

	while (length > 0 && text[length - 1] == ' ')
		length--;
	return length;
}

/* Copy a tag's text; empty where it is not there or longer than there is room for. */
static void
copy_text(const json_t *object, const char *tag, char *text, size_t size)
{
	const char *value = json_string_value(first_value(object, tag));
	size_t		length = value == NULL ? 0 : length_of(value);

	if (length >= size)
		length = 0;
	memcpy(text, value == NULL ? "" : value, length);
	text[length] = '\0';
}

/* Copy all of a tag's texts with \ between them; empty where there is no room for all. */
static void
copy_texts(const json_t *object, const char *tag, char *text, size_t size)
{
	const json_t *values = values_of(object, tag);
	size_t		length = 0;
	size_t		i;

	text[0] = '\0';
	for (i = 0; i < json_array_size(values); i++)
	{
		const char *value = json_string_value(json_array_get(values, i));
		size_t		more = value == NULL ? 0 : length_of(value);

		if (length + more + 2 > size)
		{
			text[0] = '\0';
			return;
		}
		if (length > 0)
			text[length++] = '\\';
		if (more > 0)
			memcpy(text + length, value, more);
		length += more;
		text[length] = '\0';
	}
}

/* Copy a UID that must be there. */
static Status
copy_uid(const json_t *object, const char *tag, const char *name, char uid[UID_SIZE])
{
	copy_text(object, tag, uid, UID_SIZE);
	if (!is_uid(uid))
		return status_error(LS_INVALID_ARGUMENT, "an item of the answer has no valid %s (%s)", name, tag);
	return status_ok();
}

/* A tag's number, which some servers write as text; otherwise where there is none. */
static long
number_of(const json_t *object, const char *tag, long otherwise)
{
	const json_t *value = first_value(object, tag);
	const char *text = json_string_value(value);
	char	   *end;
	long		number;

	if (json_is_integer(value))
		return (long) json_integer_value(value);
	if (text == NULL)
		return otherwise;
	number = strtol(text, &end, 10);
	return *text == '\0' || *end != '\0' ? otherwise : number;
}

static Status
read_item(const json_t *object, bool instance, PacsItem *item)
{
	memset(item, 0, sizeof *item);
	/* Who was asked for a study's instances need not be told the study (PS3.18, QIDO-RS). */
	if (!instance || first_value(object, TAG_STUDY) != NULL)
		TRY(copy_uid(object, TAG_STUDY, "StudyInstanceUID", item->study));
	if (instance)
	{
		TRY(copy_uid(object, TAG_SERIES, "SeriesInstanceUID", item->series));
		TRY(copy_uid(object, TAG_SOP_INSTANCE, "SOPInstanceUID", item->instance));
		TRY(copy_uid(object, TAG_SOP_CLASS, "SOPClassUID", item->sop_class));
	}
	copy_text(object, TAG_PATIENT_ID, item->patient, sizeof item->patient);
	copy_text(object, TAG_MANUFACTURER, item->manufacturer, sizeof item->manufacturer);
	copy_texts(object, TAG_MODALITIES_IN_STUDY, item->modalities, sizeof item->modalities);
	item->study_instances = number_of(object, TAG_STUDY_INSTANCES, -1);
	return status_ok();
}

Status
list_append(PacsList *list, const PacsItem *item)
{
	if (list->count == list->capacity)
	{
		size_t		capacity = list->capacity == 0 ? 16 : list->capacity;
		size_t		size;
		PacsItem   *grown = NULL;

		if (checked_mul(capacity, 2, &capacity) && checked_mul(capacity, sizeof *item, &size))
			grown = realloc(list->items, size);
		if (grown == NULL)
			return status_error(LS_OUT_OF_MEMORY, "out of memory for a list of %zu items", capacity);
		list->items = grown;
		list->capacity = capacity;
	}
	list->items[list->count++] = *item;
	return status_ok();
}

void
list_free(PacsList *list)
{
	free(list->items);
	memset(list, 0, sizeof *list);
}

/* Parse JSON. The caller releases what it gets. */
static Status
parse_json(const char *json, size_t size, json_t **root)
{
	json_error_t error;

	*root = json_loadb(json, size, 0, &error);
	if (*root == NULL)
		return status_error(LS_INVALID_ARGUMENT, "the answer is no valid JSON: %.120s, in line %d", error.text,
							error.line);
	return status_ok();
}

/* Append every object of an array that is an item. */
static Status
append_items(PacsList *list, const json_t *array, bool instances)
{
	size_t		i;

	if (!json_is_array(array))
		return status_error(LS_INVALID_ARGUMENT, "the answer to a query is no JSON array");
	for (i = 0; i < json_array_size(array); i++)
	{
		PacsItem	item;
		Status		status = read_item(json_array_get(array, i), instances, &item);

		if (status.code == LS_OK)
			TRY(list_append(list, &item));
		else
		{
			list->invalid++;
			list->why = status;
		}
	}
	return status_ok();
}

Status
list_append_json(PacsList *list, const char *json, size_t size, bool instances)
{
	json_t	   *root;
	Status		status;

	if (size == 0)
		return status_ok();
	TRY(parse_json(json, size, &root));
	status = append_items(list, root, instances);
	json_decref(root);
	return status;
}

/* The item of a sequence that refers to an instance. */
static const json_t *
find_reference(const json_t *object, const char *sequence, const char *instance)
{
	const json_t *items = values_of(object, sequence);
	size_t		i;

	for (i = 0; i < json_array_size(items); i++)
	{
		const json_t *item = json_array_get(items, i);
		const char *uid = json_string_value(first_value(item, TAG_REFERENCED_SOP_INSTANCE));

		if (uid != NULL && strcmp(uid, instance) == 0)
			return item;
	}
	return NULL;
}

Status
stow_read_json(const char *json, size_t size, const char *instance, StowState *state, int *reason)
{
	json_t	   *root;
	const json_t *object;
	const json_t *failed;
	const json_t *stored;

	*state = STOW_UNSAID;
	*reason = 0;
	if (size == 0)
		return status_ok();
	TRY(parse_json(json, size, &root));
	object = json_is_array(root) ? json_array_get(root, 0) : root;	/* some wrap it in a list */
	failed = find_reference(object, TAG_FAILED_SOP_SEQUENCE, instance);
	stored = find_reference(object, TAG_REFERENCED_SOP_SEQUENCE, instance);
	if (failed != NULL)
	{
		*state = STOW_REFUSED;
		*reason = (int) (number_of(failed, TAG_FAILURE_REASON, 0) & 0xFFFF);
	}
	else if (stored != NULL)
	{
		*state = STOW_STORED;
		*reason = (int) (number_of(stored, TAG_WARNING_REASON, 0) & 0xFFFF);
	}
	json_decref(root);
	return status_ok();
}

const char *
stow_reason(int reason)
{
	if (reason >= 0xA700 && reason <= 0xA7FF)
		return "out of resources";
	if (reason >= 0xA900 && reason <= 0xA9FF)
		return "the data set does not match its SOP class";
	if (reason == 0xC122)
		return "the transfer syntax is not supported";
	if (reason >= 0xC000 && reason <= 0xCFFF)
		return "it cannot be understood";
	switch (reason)
	{
		case 0:
			return "no reason is given";
		case 0x0110:
			return "processing failure";
		case STOW_DUPLICATE:
			return "there is an instance of that UID already";
		case 0x0122:
			return "the SOP class is not supported";
		case 0x0124:
			return "not authorised";
		case 0xB000:
			return "it changed some of its elements";
		case 0xB006:
			return "it left out some of its elements";
		case 0xB007:
			return "the data set does not match its SOP class";
		default:
			return "see PS3.18, section I.2";
	}
}

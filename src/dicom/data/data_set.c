/*
 * data_set.c: look-up in the table of a file's elements.
 */
#include "dicom/data/data_set.h"

void
dicom_free(DicomSet *set)
{
	call_free(set->call, set->elements);
	call_free(set->call, set->inflated);
	set->elements = NULL;
	set->inflated = NULL;
	set->count = 0;
}

/* The index after the last element inside `within`; NULL: after the last of
 * all. */
static size_t
end_of(const DicomSet *set, const DicomElement *within)
{
	return within == NULL ? set->count : within->next;
}

const DicomElement *
dicom_first(const DicomSet *set, const DicomElement *within)
{
	size_t		index = within == NULL ? 0 : (size_t) (within - set->elements) + 1;

	return index < end_of(set, within) ? &set->elements[index] : NULL;
}

const DicomElement *
dicom_after(const DicomSet *set, const DicomElement *within, const DicomElement *element)
{
	return element->next < end_of(set, within) ? &set->elements[element->next] : NULL;
}

const DicomElement *
dicom_find(const DicomSet *set, const DicomElement *within, uint32_t tag)
{
	const DicomElement *element = dicom_first(set, within);

	while (element != NULL && element->tag != tag)
		element = dicom_after(set, within, element);
	return element;
}

const DicomElement *
dicom_item(const DicomSet *set, const DicomElement *sequence, size_t n)
{
	const DicomElement *item = sequence == NULL ? NULL : dicom_first(set, sequence);

	for (; item != NULL && n > 0; n--)
		item = dicom_after(set, sequence, item);
	return item;
}

const DicomElement *
dicom_find_item(const DicomSet *set, const DicomElement *within, uint32_t tag)
{
	return dicom_item(set, dicom_find(set, within, tag), 0);
}

bool
dicom_is_big_endian(const DicomSet *set, const DicomElement *element)
{
	return set->syntax->big_endian && TAG_GROUP(element->tag) != 0x0002;
}

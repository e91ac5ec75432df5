/*
 * write.c: see write.h.
 */
#include "dicom/writing/write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "dicom/data/tags.h"
#include "dicom/data/values.h"

#define PREAMBLE 128
#define OPEN_LENGTH 4			/* bytes of the length field, which ends at the offset that `open` returned */

/* The UID of this implementation, below 2.25, from a random UUID. */
#define IMPLEMENTATION_UID "2.25.287306283404523408361215817543285419371"
#define IMPLEMENTATION_NAME "LESIONSEG"

/* Write tag, VR and length. */
static void
write_header(ByteBuffer *out, uint32_t tag, uint16_t vr, size_t size)
{
	uint8_t		letters[2] = {(uint8_t) (vr >> 8), (uint8_t) vr};
	bool		is_long = vr == DICOM_VR('O', 'B') || vr == DICOM_VR('S', 'Q') || vr == DICOM_VR('U', 'T');

	if (!is_long && size > UINT16_MAX && out->status.code == LS_OK)
		out->status = status_error(LS_INTERNAL, "(%04X,%04X) is too long to be written", TAG_GROUP(tag),
								   TAG_ELEMENT(tag));
	buffer_add_u16(out, TAG_GROUP(tag));
	buffer_add_u16(out, TAG_ELEMENT(tag));
	buffer_add(out, letters, 2);
	if (is_long)
	{
		buffer_add_u16(out, 0);
		buffer_add_u32(out, (uint32_t) size);
	}
	else
		buffer_add_u16(out, (unsigned) size);
}

void
write_bytes(ByteBuffer *out, uint32_t tag, uint16_t vr, const void *bytes, size_t size)
{
	write_header(out, tag, vr, size + size % 2);
	buffer_add(out, bytes, size);
	if (size % 2 == 1)
		buffer_add(out, vr == DICOM_VR('U', 'I') || vr == DICOM_VR('O', 'B') ? "" : " ", 1);
}

void
write_text(ByteBuffer *out, uint32_t tag, uint16_t vr, const char *text)
{
	write_bytes(out, tag, vr, text, strlen(text));
}

void
write_us(ByteBuffer *out, uint32_t tag, unsigned value)
{
	write_header(out, tag, DICOM_VR('U', 'S'), 2);
	buffer_add_u16(out, value);
}

void
write_ul(ByteBuffer *out, uint32_t tag, uint32_t value)
{
	write_header(out, tag, DICOM_VR('U', 'L'), 4);
	buffer_add_u32(out, value);
}

void
write_tag(ByteBuffer *out, uint32_t tag, uint32_t value)
{
	write_header(out, tag, DICOM_VR('A', 'T'), 4);
	buffer_add_u16(out, TAG_GROUP(value));
	buffer_add_u16(out, TAG_ELEMENT(value));
}

/* Format a number as a decimal string of at most 16 characters. There is none
 * for a number that is not finite. */
static void
format_ds(ByteBuffer *out, double value, char text[40])
{
	if (!isfinite(value) && out->status.code == LS_OK)
		out->status = status_error(LS_INTERNAL, "a number that is not finite cannot be written");
	for (int digits = 15; digits > 0; digits--)
		if (snprintf(text, 40, "%.*g", digits, value) <= 16)
			break;
}

void
write_ds(ByteBuffer *out, uint32_t tag, double value)
{
	char		text[40];

	format_ds(out, value, text);
	write_text(out, tag, DICOM_VR('D', 'S'), text);
}

void
write_ds_pair(ByteBuffer *out, uint32_t tag, double first, double second)
{
	char		text[82];

	format_ds(out, first, text);
	strcat(text, "\\");
	format_ds(out, second, text + strlen(text));
	write_text(out, tag, DICOM_VR('D', 'S'), text);
}

size_t
write_sequence(ByteBuffer *out, uint32_t tag)
{
	write_header(out, tag, DICOM_VR('S', 'Q'), 0);
	return out->size;
}

size_t
write_item(ByteBuffer *out)
{
	buffer_add_u16(out, TAG_GROUP(TAG_Item));
	buffer_add_u16(out, TAG_ELEMENT(TAG_Item));
	buffer_add_u32(out, 0);
	return out->size;
}

void
write_end(ByteBuffer *out, size_t opened)
{
	if (out->status.code == LS_OK)
		buffer_put_u32(out, opened - OPEN_LENGTH, (uint32_t) (out->size - opened));
}

void
write_code(ByteBuffer *out, uint32_t tag, const char *value, const char *scheme, const char *meaning)
{
	size_t		sequence = write_sequence(out, tag);
	size_t		item = write_item(out);

	write_text(out, TAG_CodeValue, DICOM_VR('S', 'H'), value);
	write_text(out, TAG_CodingSchemeDesignator, DICOM_VR('S', 'H'), scheme);
	write_text(out, TAG_CodeMeaning, DICOM_VR('L', 'O'), meaning);
	write_end(out, item);
	write_end(out, sequence);
}

/* May a value be written as it stands? Not numbers of another byte order, and
 * not what has no length of its kind here: bulk data, unknown elements. */
static bool
is_copied(const DicomSet *set, const DicomElement *element)
{
	uint16_t	vr = element->vr;

	if (vr == 0 || vr >> 8 == 'O' || vr == DICOM_VR('U', 'N') || vr == DICOM_VR('U', 'C') || vr == DICOM_VR('U', 'R') ||
		vr == DICOM_VR('S', 'V') || vr == DICOM_VR('U', 'V') || element->length > UINT16_MAX - 1)
		return false;
	return dicom_number_size(vr) == 0 || !dicom_is_big_endian(set, element);
}

/* Copy a sequence, with all that is inside. Levels are written by recursion,
 * as deep as dicom_read allowed them to be. */
static void
copy_sequence(ByteBuffer *out, const DicomSet *set, const DicomElement *sequence)
{
	size_t		opened = write_sequence(out, sequence->tag);

	for (const DicomElement *item = dicom_first(set, sequence); item != NULL && out->status.code == LS_OK;
		 item = dicom_after(set, sequence, item))
	{
		size_t		opened_item = write_item(out);

		for (const DicomElement *element = dicom_first(set, item); element != NULL && out->status.code == LS_OK;
			 element = dicom_after(set, item, element))
		{
			if (element->vr == DICOM_VR('S', 'Q'))
				copy_sequence(out, set, element);
			else if (is_copied(set, element))
				write_bytes(out, element->tag, element->vr, element->value, element->length);
		}
		write_end(out, opened_item);
	}
	write_end(out, opened);
}

void
write_copy(ByteBuffer *out, const DicomSet *set, uint32_t tag, uint16_t vr, bool always)
{
	const DicomElement *element = dicom_find(set, NULL, tag);
	bool		usable = element != NULL && element->length > 0 && element->length <= UINT16_MAX - 1 &&
		(element->vr == vr || (element->vr == DICOM_VR('U', 'N') && vr != DICOM_VR('S', 'Q')));

	if (usable && vr == DICOM_VR('S', 'Q'))
		copy_sequence(out, set, element);
	else if (usable)
		write_bytes(out, tag, vr, element->value, element->length);
	else if (always)
		write_bytes(out, tag, vr, "", 0);
}

void
write_file_header(ByteBuffer *out, const char *sop_class, const char *instance, const char *syntax)
{
	uint8_t    *preamble = buffer_extend(out, PREAMBLE);
	size_t		length_at;
	size_t		start;

	if (preamble != NULL)
		memset(preamble, 0, PREAMBLE);
	buffer_add(out, "DICM", 4);
	write_ul(out, TAG_FileMetaInformationGroupLength, 0);
	start = out->size;
	length_at = start - 4;
	write_bytes(out, TAG_FileMetaInformationVersion, DICOM_VR('O', 'B'), "\0\1", 2);
	write_text(out, TAG_MediaStorageSOPClassUID, DICOM_VR('U', 'I'), sop_class);
	write_text(out, TAG_MediaStorageSOPInstanceUID, DICOM_VR('U', 'I'), instance);
	write_text(out, TAG_TransferSyntaxUID, DICOM_VR('U', 'I'), syntax);
	write_text(out, TAG_ImplementationClassUID, DICOM_VR('U', 'I'), IMPLEMENTATION_UID);
	write_text(out, TAG_ImplementationVersionName, DICOM_VR('S', 'H'), IMPLEMENTATION_NAME);
	if (out->status.code == LS_OK)
		buffer_put_u32(out, length_at, (uint32_t) (out->size - start));
}

/*
 * dictionary.c: look-up in the standard's list of elements.
 */
#include "dicom/data/dictionary.h"

#include <stddef.h>

#include "dicom/data/tags.h"

#define RECORD 6				/* characters of an element: 0005CS */
#define COUNT(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* The elements of one group. */
typedef struct Group
{
	unsigned	group;
	int			count;
	const char *records;
} Group;

static const Group groups[] = {
#include "dicom/data/dictionary_table.h"
};

static unsigned
hexadecimal(const char *digits)
{
	unsigned	value = 0;

	for (int i = 0; i < 4; i++)
		value = value * 16 + (unsigned) (digits[i] <= '9' ? digits[i] - '0' : digits[i] - 'A' + 10);
	return value;
}

static const Group *
find_group(unsigned group)
{
	for (int i = 0; i < COUNT(groups); i++)
	{
		if (groups[i].group == group)
			return &groups[i];
	}
	return NULL;
}

/* The VR of overlays (60xx), the one repeating group that is still in use. */
static uint16_t
overlay_vr(unsigned element)
{
	switch (element)
	{
		case 0x0010:
		case 0x0011:
		case 0x0051:
		case 0x0100:
		case 0x0102:
			return DICOM_VR('U', 'S');
		case 0x0050:
			return DICOM_VR('S', 'S');
		case 0x3000:
			return DICOM_VR('O', 'W');
		default:
			return DICOM_VR('U', 'N');
	}
}

uint16_t
dicom_dictionary_vr(uint32_t tag, bool signed_pixels)
{
	const Group *group;
	int			low = 0;
	int			high;

	if (TAG_ELEMENT(tag) == 0)
		return DICOM_VR('U', 'L');	/* the length of a group */
	if (TAG_GROUP(tag) % 2 == 1)	/* private */
		return TAG_ELEMENT(tag) >= 0x10 && TAG_ELEMENT(tag) <= 0xFF ? DICOM_VR('L', 'O') : DICOM_VR('U', 'N');
	if ((TAG_GROUP(tag) & 0xFF00) == 0x6000)
		return overlay_vr(TAG_ELEMENT(tag));
	group = find_group(TAG_GROUP(tag));
	if (group == NULL)
		return DICOM_VR('U', 'N');
	high = group->count;
	while (low < high)
	{
		int			middle = (low + high) / 2;
		const char *record = group->records + middle * RECORD;
		unsigned	element = hexadecimal(record);

		if (element == TAG_ELEMENT(tag))
		{
			if (record[4] == 'X')
				return signed_pixels ? DICOM_VR('S', 'S') : DICOM_VR('U', 'S');
			return DICOM_VR(record[4], record[5]);
		}
		if (element < TAG_ELEMENT(tag))
			low = middle + 1;
		else
			high = middle;
	}
	return DICOM_VR('U', 'N');
}

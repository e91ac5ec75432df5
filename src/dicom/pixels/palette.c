/*
 * palette.c: see palette.h. Each of the three tables has a descriptor: the
 * number of entries (0 means 65536), the index of the first, and 8 or 16 bits.
 * Indices below the first take the first colour, those above the last take the
 * last.
 */
#include "dicom/pixels/palette.h"

#include <stdint.h>

#include "dicom/data/tags.h"
#include "dicom/data/values.h"

typedef struct Lut
{
	int			entries;
	int			first;
	int			bits;
	const uint8_t *data;
	size_t		entry_bytes;	/* 1, or 2 if entries are words */
	bool		big_endian;
} Lut;

static Status
read_lut(const DicomSet *set, int channel, Lut *lut)
{
	uint32_t	step = (uint32_t) channel;
	const DicomElement *descriptor = dicom_find(set, NULL, TAG_RedPaletteDescriptor + step);
	const DicomElement *data = dicom_find(set, NULL, TAG_RedPaletteData + step);

	if (data == NULL && dicom_find(set, NULL, TAG_SegmentedRedPaletteData + step) != NULL)
		return dicom_unsupported("a segmented palette");
	if (descriptor == NULL || data == NULL ||
		!dicom_integer(set, descriptor, 0, &lut->entries) || !dicom_integer(set, descriptor, 1, &lut->first) ||
		!dicom_integer(set, descriptor, 2, &lut->bits))
		return dicom_broken("its palette (0028,1101) to (0028,1203) is not complete");
	lut->entries = lut->entries & 0xFFFF;
	if (lut->entries == 0)
		lut->entries = 65536;
	if (lut->first < INT16_MIN || lut->first > UINT16_MAX)
		return dicom_broken("its palette's first index is no number of 16 bits");
	if (lut->bits != 8 && lut->bits != 16)
		return dicom_broken("its palette's entries have neither 8 nor 16 bits");
	lut->entry_bytes = data->length >= 2 * (size_t) lut->entries ? 2 : 1;
	if (lut->entry_bytes * (size_t) lut->entries > data->length || (lut->bits == 16 && lut->entry_bytes == 1))
		return dicom_broken("its palette is shorter than the descriptor says");
	lut->data = data->value;
	lut->big_endian = dicom_is_big_endian(set, data);
	return status_ok();
}

/* Entry i as 8 bits. Of 16 bits the high byte is used: writers fill the low
 * byte in different ways. */
static uint8_t
lut_entry(const Lut *lut, int i)
{
	const uint8_t *bytes = lut->data + (size_t) i * lut->entry_bytes;

	if (lut->entry_bytes == 1)
		return bytes[0];
	return bytes[(lut->bits == 16) != lut->big_endian ? 1 : 0];
}

Status
palette_fill(const DicomSet *set, const Raster *raster, uint8_t *table)
{
	int			count = 1 << raster->bits;

	for (int channel = 0; channel < 3; channel++)
	{
		Lut			lut;

		TRY(read_lut(set, channel, &lut));
		for (int i = 0; i < count; i++)
		{
			int			value = raster->is_signed && i >= count / 2 ? i - count : i;
			int			index = value < lut.first ? 0 : value - lut.first;

			table[3 * i + channel] = lut_entry(&lut, index < lut.entries ? index : lut.entries - 1);
		}
	}
	return status_ok();
}

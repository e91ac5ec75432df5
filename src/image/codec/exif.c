/*
 * exif.c: the orientation, the only field that we read from a photograph's
 * EXIF block.
 *
 * The block is a TIFF file inside a JPEG APP1 marker (Exif 2.32, CIPA DC-008,
 * section 4.5) or a PNG eXIf chunk (PNG, third edition, 11.3.4.5). Broken
 * metadata is not a broken image: whatever cannot be read counts as
 * orientation 1. No other metadata is read or copied.
 */
#include <string.h>
#include <zlib.h>

#include "image/codec/formats.h"

#define TAG_ORIENTATION 0x0112
#define TYPE_SHORT 3
#define TYPE_LONG 4				/* not allowed, but written by some programs */
#define POLL_STEPS 65536		/* markers or chunks between two polls */
#define PNG_SIGNATURE_SIZE 8
#define PNG_EXIF_MAX (1 << 20)	/* bytes; a larger eXIf chunk is not read */

/* A TIFF block and its byte order. */
typedef struct Tiff
{
	const uint8_t *bytes;
	size_t		size;
	bool		big_endian;
} Tiff;

/* Read two bytes at offset; the caller has checked that they exist. */
static unsigned
tiff_u16(const Tiff *tiff, size_t offset)
{
	unsigned	first = tiff->bytes[offset];
	unsigned	second = tiff->bytes[offset + 1];

	return tiff->big_endian ? first << 8 | second : second << 8 | first;
}

/* Read four bytes at offset; the caller has checked that they exist. */
static uint32_t
tiff_u32(const Tiff *tiff, size_t offset)
{
	uint32_t	first = tiff_u16(tiff, offset);
	uint32_t	second = tiff_u16(tiff, offset + 2);

	return tiff->big_endian ? first << 16 | second : second << 16 | first;
}

/* Look for the orientation in the first directory of a TIFF block. */
static int
tiff_orientation(const uint8_t *bytes, size_t size)
{
	Tiff		tiff = {.bytes = bytes, .size = size};
	size_t		directory;
	unsigned	entries;

	if (size < 8)
		return 1;
	if (memcmp(bytes, "MM\0*", 4) == 0)
		tiff.big_endian = true;
	else if (memcmp(bytes, "II*\0", 4) != 0)
		return 1;
	directory = tiff_u32(&tiff, 4);
	if (directory > size - 2)
		return 1;
	entries = tiff_u16(&tiff, directory);
	for (unsigned i = 0; i < entries; i++)
	{
		size_t		entry = directory + 2 + (size_t) 12 * i;
		unsigned	type;
		uint32_t	value;

		if (entry + 12 > size)
			return 1;
		if (tiff_u16(&tiff, entry) != TAG_ORIENTATION)
			continue;
		type = tiff_u16(&tiff, entry + 2);
		value = type == TYPE_LONG ? tiff_u32(&tiff, entry + 8) : tiff_u16(&tiff, entry + 8);
		if ((type != TYPE_SHORT && type != TYPE_LONG) || tiff_u32(&tiff, entry + 4) != 1 || value < 1 || value > 8)
			return 1;
		return (int) value;
	}
	return 1;
}

/* Look in a JPEG. */
static Status
read_jpeg(const Call *call, const uint8_t *bytes, size_t size, Exif *exif)
{
	size_t		position = 2;	/* after SOI */

	/* Each step is one marker: FF, its code, and its length in two bytes
	 * that count themselves. */
	for (unsigned long step = 1; position + 4 <= size && bytes[position] == 0xFF; step++)
	{
		unsigned	marker = bytes[position + 1];
		size_t		length = (size_t) bytes[position + 2] << 8 | bytes[position + 3];

		if (step % POLL_STEPS == 0)
			TRY(call_poll(call));
		if (marker == 0xFF)		/* padding before a marker */
		{
			position++;
			continue;
		}
		if (marker == 0xDA || marker == 0xD9 || length < 2 || length > size - position - 2)
			break;
		if (marker == 0xE1 && length >= 8 && memcmp(bytes + position + 4, "Exif\0\0", 6) == 0)
		{
			exif->orientation = tiff_orientation(bytes + position + 10, length - 8);
			break;
		}
		position += 2 + length;
	}
	return status_ok();
}

/* Read four bytes, the most significant first. */
static uint32_t
png_u32(const uint8_t *bytes)
{
	return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

/* Look in a PNG. Each step is one chunk: its length, its name, the data and a
 * checksum of the last two. */
static Status
read_png(const Call *call, const uint8_t *bytes, size_t size, Exif *exif)
{
	size_t		position = PNG_SIGNATURE_SIZE;

	for (unsigned long step = 1; size - position >= 12; step++)
	{
		const uint8_t *chunk = bytes + position;
		size_t		length = png_u32(chunk);

		if (step % POLL_STEPS == 0)
			TRY(call_poll(call));
		if (memcmp(chunk + 4, "IEND", 4) == 0)
			return status_ok();
		if (length > size - position - 12)
			break;
		if (memcmp(chunk + 4, "eXIf", 4) == 0 && length <= PNG_EXIF_MAX &&
			crc32(0, chunk + 4, (uInt) length + 4) == png_u32(chunk + 8 + length))
		{
			exif->orientation = tiff_orientation(chunk + 8, length);
			return status_ok();
		}
		position += 12 + length;
	}
	exif->unread = true;
	return status_ok();
}

Status
exif_read(const Call *call, ImageFormat format, const uint8_t *bytes, size_t size, Exif *exif)
{
	*exif = (Exif) {.orientation = 1};
	switch (format)
	{
		case IMAGE_FORMAT_JPEG:
			return read_jpeg(call, bytes, size, exif);
		case IMAGE_FORMAT_PNG:
			return read_png(call, bytes, size, exif);
		case IMAGE_FORMAT_BMP:
		case IMAGE_FORMAT_DICOM:
			break;
	}
	return status_ok();
}

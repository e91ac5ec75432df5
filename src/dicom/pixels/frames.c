/*
 * frames.c: find the bytes of a frame.
 *
 * Native frames follow one another. Encapsulated frames consist of any number
 * of fragments. The Extended Offset Table or the Basic Offset Table (fragment
 * 0) says which belong to a frame; if both are empty, the number of fragments
 * or their first bytes do.
 */
#include <string.h>

#include "core/checked.h"
#include "dicom/pixels/pixels.h"
#include "dicom/data/tags.h"

#define ITEM_HEADER 8			/* tag and length before a fragment */

/* A run of fragments; first is the item. */
typedef struct Fragments
{
	const DicomElement *first;
	size_t		count;
} Fragments;

/* Offset n of a table of little-endian numbers of `width` bytes. */
static uint64_t
table_entry(const DicomElement *table, size_t width, size_t n)
{
	const uint8_t *bytes = table->value + n * width;
	uint64_t	entry = 0;

	for (size_t i = width; i-- > 0;)
		entry = entry << 8 | bytes[i];
	return entry;
}

/* Find the fragments in offsets [start, end), or all from start on. Offsets
 * count from the first fragment's item. */
static Status
fragments_between(const DicomSet *set, const DicomElement *data, const DicomElement *first, uint64_t start,
				  bool has_end, uint64_t end, Fragments *found)
{
	const uint8_t *base = first->value - ITEM_HEADER;

	found->first = NULL;
	found->count = 0;
	for (const DicomElement *item = first; item != NULL; item = dicom_after(set, data, item))
	{
		uint64_t	offset = (uint64_t) (item->value - ITEM_HEADER - base);

		if (offset == start)
			found->first = item;
		if (has_end && offset >= end)
			break;
		if (found->first != NULL)
			found->count++;
	}
	if (found->first == NULL || found->count == 0)
		return dicom_broken("its offset table points to where no fragment starts");
	return status_ok();
}

/* Do these bytes start a JPEG, JPEG-LS or JPEG 2000 stream? */
static bool
starts_stream(const DicomElement *fragment)
{
	static const char *const starts[] = {"\xFF\xD8\xFF", "\xFF\x4F\xFF", "\0\0\0\x0CjP"};
	static const size_t sizes[] = {3, 3, 6};

	for (int i = 0; i < 3; i++)
	{
		if (fragment->length >= sizes[i] && memcmp(fragment->value, starts[i], sizes[i]) == 0)
			return true;
	}
	return false;
}

/* Find frame n, from 0, by the first bytes of the fragments. */
static Status
fragments_by_start(const DicomSet *set, const DicomElement *data, const DicomElement *first, int frames, int n,
				   Fragments *found)
{
	int			starts = 0;

	found->first = NULL;
	found->count = 0;
	for (const DicomElement *item = first; item != NULL; item = dicom_after(set, data, item))
	{
		starts += starts_stream(item);
		if (starts == n + 1)
		{
			if (found->first == NULL)
				found->first = item;
			found->count++;
		}
	}
	if (starts != frames || found->first == NULL)
		return dicom_broken("it has no offset table, and its fragments are not one to a frame");
	return status_ok();
}

/* Find the fragments of frame n, from 0. */
static Status
find_fragments(const DicomSet *set, const DicomPixels *pixels, int n, Fragments *found)
{
	const DicomElement *data = pixels->data;
	const DicomElement *table = dicom_first(set, data);
	const DicomElement *first = table == NULL ? NULL : dicom_after(set, data, table);
	const DicomElement *extended = dicom_find(set, NULL, TAG_ExtendedOffsetTable);
	size_t		frames = (size_t) pixels->frames;
	size_t		fragments = 0;
	size_t		width = 4;

	for (const DicomElement *item = first; item != NULL; item = dicom_after(set, data, item))
		fragments++;
	if (fragments == 0)
		return dicom_broken("its pixel data has no fragment");
	if (frames == 1)
	{
		found->first = first;
		found->count = fragments;
		return status_ok();
	}
	if (extended != NULL && extended->length > 0)
	{
		table = extended;
		width = 8;
	}
	if (table->length == 0 && fragments == frames)
	{
		found->first = dicom_item(set, data, (size_t) n + 1);
		found->count = 1;
		return status_ok();
	}
	if (table->length == 0)
		return fragments_by_start(set, data, first, pixels->frames, n, found);
	if (table->length / width < frames)
		return dicom_broken("its offset table has fewer entries than there are frames");
	return fragments_between(set, data, first, table_entry(table, width, (size_t) n), (size_t) n + 1 < frames,
							 (size_t) n + 1 < frames ? table_entry(table, width, (size_t) n + 1) : 0, found);
}

/* Join a frame's fragments. */
static Status
join_fragments(const DicomSet *set, const DicomElement *data, const Fragments *fragments, FrameBytes *frame)
{
	const DicomElement *item = fragments->first;
	uint8_t    *out;

	if (fragments->count == 1)
	{
		frame->bytes = item->value;
		frame->size = item->length;
		return status_ok();
	}
	for (size_t i = 0; i < fragments->count; i++, item = dicom_after(set, data, item))
	{
		if (!checked_add(frame->size, item->length, &frame->size))
			return dicom_broken("a frame is larger than memory");
	}
	TRY(call_alloc(set->call, frame->size, &frame->copy));
	out = frame->copy;
	frame->bytes = out;
	item = fragments->first;
	for (size_t i = 0; i < fragments->count; i++, item = dicom_after(set, data, item))
	{
		if (item->length > 0)
			memcpy(out, item->value, item->length);
		out += item->length;
	}
	return status_ok();
}

Status
dicom_check_frame(const DicomPixels *pixels, int n)
{
	if (n < 1 || n > pixels->frames)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "frame is %d", n),
								"The DICOM file has frames 1 to %d.", pixels->frames);
	return status_ok();
}

Status
dicom_frame_bytes(const DicomSet *set, const DicomPixels *pixels, int n, FrameBytes *frame)
{
	const DicomElement *data = pixels->data;
	Fragments	fragments = {0};
	size_t		size;
	size_t		offset;

	memset(frame, 0, sizeof *frame);
	TRY(dicom_check_frame(pixels, n));
	if (data == NULL)
		return dicom_broken("PixelData (7FE0,0010) is missing");
	if (set->syntax->coding == DICOM_NOT_HANDLED)
		return dicom_syntax_not_handled(set->syntax);
	if (set->syntax->coding == DICOM_NATIVE)
	{
		if (data->next > (size_t) (data - set->elements) + 1)
			return dicom_broken("its pixel data lies in fragments, its transfer syntax has none");
		if (!dicom_native_size(pixels, &size) || !checked_mul(size, (size_t) n - 1, &offset) ||
			offset > data->length || size > data->length - offset)
			return status_with_hint(status_error(LS_INVALID_IMAGE,
												 "the DICOM image is truncated: PixelData (7FE0,0010) has %zu bytes, "
												 "frame %d of %d x %d pixels ends beyond",
												 data->length, n, pixels->width, pixels->height),
									"Store a complete copy of the file.");
		frame->bytes = data->value + offset;
		frame->size = size;
		return status_ok();
	}
	if (data->next == (size_t) (data - set->elements) + 1 && data->length > 0)
		return dicom_broken("its pixel data is not in fragments, as its transfer syntax has it");
	TRY(find_fragments(set, pixels, n - 1, &fragments));
	return join_fragments(set, data, &fragments, frame);
}

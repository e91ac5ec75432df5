/*
 * read.c: the walk over a file's elements.
 *
 * A Walk is a range of bytes and a position in it. Sequences are read by
 * recursion, at most DICOM_DEPTH_MAX deep, each with its own range, so that no
 * element can reach past the sequence that holds it.
 */
#include "dicom/data/read.h"

#include <string.h>

#include "dicom/data/dictionary.h"
#include "dicom/data/inflate.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"

#define PREAMBLE 128
#define POLL_ELEMENTS 4096
#define FIRST_CAPACITY 256
#define UNDEFINED 0xFFFFFFFFu

/* Of a deflated file whose header is wanted so much is expanded: first, and at
 * most. */
#define INFLATE_FIRST ((size_t) 1 << 20)
#define INFLATE_MOST ((size_t) 64 << 20)

typedef struct Walk
{
	DicomSet   *set;
	const uint8_t *bytes;
	size_t		at;
	size_t		end;
	bool		implicit;
	bool		big_endian;
	bool		signed_pixels;	/* PixelRepresentation, of this level or the nearest one above */
	bool		header_only;
	bool		done;			/* the pixel data of a header has been reached */
	int			depth;
} Walk;

static unsigned
read_u16(const Walk *walk, size_t at)
{
	const uint8_t *b = walk->bytes + at;

	return walk->big_endian ? (unsigned) b[0] << 8 | b[1] : (unsigned) b[1] << 8 | b[0];
}

static uint32_t
read_u32(const Walk *walk, size_t at)
{
	unsigned	first = read_u16(walk, at);
	unsigned	second = read_u16(walk, at + 2);

	return walk->big_endian ? (uint32_t) first << 16 | second : (uint32_t) second << 16 | first;
}

static uint32_t
read_tag(const Walk *walk, size_t at)
{
	return (uint32_t) read_u16(walk, at) << 16 | read_u16(walk, at + 2);
}

static Status
broken_element(uint32_t tag, const char *reason)
{
	return status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM file is broken at (%04X,%04X): %s",
										 TAG_GROUP(tag), TAG_ELEMENT(tag), reason),
							"Store an intact copy of the file.");
}

static Status
truncated_element(const Walk *walk, uint32_t tag)
{
	return status_with_hint(status_error(LS_INVALID_IMAGE,
										 "the DICOM file is truncated: (%04X,%04X) reaches beyond byte %zu, "
										 "the end of what holds it",
										 TAG_GROUP(tag), TAG_ELEMENT(tag), walk->end),
							"Store a complete copy of the file.");
}

/* Add an element to the table; *index is its place. */
static Status
add_element(DicomSet *set, uint32_t tag, uint16_t vr, int depth, size_t *index)
{
	DicomElement *element;

	if (set->count % POLL_ELEMENTS == 0)
		TRY(call_poll(set->call));
	if (set->count == set->capacity)
	{
		size_t		capacity = set->capacity == 0 ? FIRST_CAPACITY : set->capacity * 2;
		void	   *larger;

		TRY(call_alloc_array(set->call, capacity, sizeof(DicomElement), &larger));
		if (set->count > 0)
			memcpy(larger, set->elements, set->count * sizeof(DicomElement));
		call_free(set->call, set->elements);
		set->elements = larger;
		set->capacity = capacity;
	}
	*index = set->count++;
	element = &set->elements[*index];
	element->tag = tag;
	element->vr = vr;
	element->depth = (uint16_t) depth;
	return status_ok();
}

/* Complete an element after all inside it has been read. */
static void
close_element(DicomSet *set, size_t index, const uint8_t *value, size_t length)
{
	set->elements[index].value = value;
	set->elements[index].length = length;
	set->elements[index].next = set->count;
}

/* Does this VR have a length of 32 bits after two unused bytes? */
static bool
has_long_length(uint16_t vr)
{
	switch (vr)
	{
		case DICOM_VR('O', 'B'):
		case DICOM_VR('O', 'D'):
		case DICOM_VR('O', 'F'):
		case DICOM_VR('O', 'L'):
		case DICOM_VR('O', 'V'):
		case DICOM_VR('O', 'W'):
		case DICOM_VR('S', 'Q'):
		case DICOM_VR('S', 'V'):
		case DICOM_VR('U', 'C'):
		case DICOM_VR('U', 'N'):
		case DICOM_VR('U', 'R'):
		case DICOM_VR('U', 'T'):
		case DICOM_VR('U', 'V'):
			return true;
		default:
			return false;
	}
}

/* Read tag, VR and length of an element, and move `at` behind them. */
static Status
read_element_header(Walk *walk, uint32_t *tag, uint16_t *vr, uint32_t *length)
{
	const uint8_t *letters = walk->bytes + walk->at + 4;

	if (walk->end - walk->at < 8)
		return truncated_element(walk, walk->end - walk->at < 4 ? 0 : read_tag(walk, walk->at));
	*tag = read_tag(walk, walk->at);
	*vr = 0;
	if (walk->implicit || TAG_GROUP(*tag) == 0xFFFE)
	{
		if (TAG_GROUP(*tag) != 0xFFFE)
			*vr = dicom_dictionary_vr(*tag, walk->signed_pixels);
		*length = read_u32(walk, walk->at + 4);
		walk->at += 8;
		return status_ok();
	}
	if (letters[0] < 'A' || letters[0] > 'Z' || letters[1] < 'A' || letters[1] > 'Z')
		return broken_element(*tag, "there is no value representation");
	*vr = DICOM_VR(letters[0], letters[1]);
	if (!has_long_length(*vr))
	{
		*length = read_u16(walk, walk->at + 6);
		walk->at += 8;
		return status_ok();
	}
	if (walk->end - walk->at < 12)
		return truncated_element(walk, *tag);
	*length = read_u32(walk, walk->at + 8);
	walk->at += 12;
	return status_ok();
}

static Status read_level(Walk *walk, bool delimited);

/* Read the contents of an item or a sequence with `read`: `length` bytes, or
 * up to a delimiter. Move `at` behind them. */
static Status
read_inside(Walk *walk, uint32_t tag, uint32_t length, Status (*read) (Walk *walk, bool delimited))
{
	Walk		inside = *walk;

	if (walk->depth + 1 > 2 * DICOM_DEPTH_MAX)
		return status_with_hint(status_error(LS_ABOVE_ALL_LIMITS,
											 "the DICOM file has more than %d sequences inside one another at "
											 "(%04X,%04X)",
											 DICOM_DEPTH_MAX, TAG_GROUP(tag), TAG_ELEMENT(tag)),
								"Real files have fewer than ten; store an intact copy of the file.");
	if (length != UNDEFINED && length > walk->end - walk->at)
		return truncated_element(walk, tag);
	if (length != UNDEFINED)
		inside.end = walk->at + length;
	inside.depth = walk->depth + 1;
	TRY(read(&inside, length == UNDEFINED));
	walk->at = inside.at;
	return status_ok();
}

/* Read the items of a sequence. */
static Status
read_items(Walk *walk, bool delimited)
{
	while (walk->at < walk->end || delimited)
	{
		uint32_t	tag;
		uint16_t	vr;
		uint32_t	length;
		size_t		index;
		size_t		start;

		TRY(read_element_header(walk, &tag, &vr, &length));
		if (tag == TAG_SequenceEnd && delimited)
			return status_ok();
		if (tag != TAG_Item)
			return broken_element(tag, "an item of a sequence should start here");
		TRY(add_element(walk->set, tag, 0, walk->depth, &index));
		start = walk->at;
		TRY(read_inside(walk, tag, length, read_level));
		close_element(walk->set, index, walk->bytes + start, walk->at - start);
	}
	return status_ok();
}

/* Read the fragments of encapsulated pixel data. Some writers leave out the
 * delimiter at the end of the file, and some do not count a fragment's
 * padding byte. */
static Status
read_fragments(Walk *walk, bool delimited)
{
	(void) delimited;
	while (walk->at < walk->end)
	{
		uint32_t	tag;
		uint16_t	vr;
		uint32_t	length;
		size_t		index;

		TRY(read_element_header(walk, &tag, &vr, &length));
		if (tag == TAG_SequenceEnd)
			return status_ok();
		if (tag != TAG_Item)
			return broken_element(tag, "a fragment of pixel data should start here");
		if (length > walk->end - walk->at)
			return truncated_element(walk, tag);
		TRY(add_element(walk->set, tag, 0, walk->depth, &index));
		close_element(walk->set, index, walk->bytes + walk->at, length);
		walk->at += length;
		if (length % 2 == 1 && walk->end - walk->at >= 9 && TAG_GROUP(read_tag(walk, walk->at)) != 0xFFFE &&
			TAG_GROUP(read_tag(walk, walk->at + 1)) == 0xFFFE)
			walk->at++;
	}
	return status_ok();
}

/* Read an element's value. */
static Status
read_value(Walk *walk, uint32_t tag, uint16_t vr, uint32_t length)
{
	size_t		index;
	size_t		start = walk->at;
	bool		fragments = length == UNDEFINED && TAG_ELEMENT(tag) == TAG_ELEMENT(TAG_PixelData) &&
		TAG_GROUP(tag) == TAG_GROUP(TAG_PixelData);

	TRY(add_element(walk->set, tag, vr, walk->depth, &index));
	if (fragments)
		TRY(read_inside(walk, tag, length, read_fragments));
	else if (vr == DICOM_VR('S', 'Q'))
		TRY(read_inside(walk, tag, length, read_items));
	else if (length == UNDEFINED)
	{
		/* A sequence written as UN, because its writer did not know the tag,
		 * is always implicit inside (PS3.5 section 6.2.2). */
		Walk		implicit = *walk;

		if (vr != DICOM_VR('U', 'N'))
			return broken_element(tag, "its length is undefined");
		implicit.implicit = true;
		TRY(read_inside(&implicit, tag, length, read_items));
		walk->at = implicit.at;
		walk->set->elements[index].vr = DICOM_VR('S', 'Q');
	}
	else
	{
		if (length > walk->end - walk->at)
			return truncated_element(walk, tag);
		walk->at += length;
	}
	close_element(walk->set, index, walk->bytes + start, walk->at - start);
	if (tag == TAG_PixelRepresentation && length >= 2)
		walk->signed_pixels = read_u16(walk, start) == 1;
	return status_ok();
}

/* Read elements up to the end of the range or, of an item of undefined
 * length, to its delimiter. */
static Status
read_level(Walk *walk, bool delimited)
{
	while ((walk->at < walk->end || delimited) && !walk->done)
	{
		uint32_t	tag;
		uint16_t	vr;
		uint32_t	length;

		if (walk->depth == 0 && walk->end - walk->at == 1)
			return status_ok();	/* the padding of a last value of odd length */
		if (walk->header_only && walk->depth == 0 && walk->end - walk->at >= 4 &&
			read_tag(walk, walk->at) == TAG_PixelData)
		{
			walk->done = true;
			return status_ok();
		}
		TRY(read_element_header(walk, &tag, &vr, &length));
		if (tag == TAG_ItemEnd && delimited)
			return status_ok();
		if (TAG_GROUP(tag) == 0xFFFE)
			return broken_element(tag, "an item or a delimiter stands where none belongs");
		TRY(read_value(walk, tag, vr, length));
	}
	return status_ok();
}

/* Read the file's header, group 0002, which is always explicit and little
 * endian, and find the transfer syntax in it. */
static Status
read_meta(Walk *walk)
{
	char		uid[UID_SIZE];

	while (walk->end - walk->at >= 8 && TAG_GROUP(read_tag(walk, walk->at)) == 0x0002)
	{
		uint32_t	tag;
		uint16_t	vr;
		uint32_t	length;

		TRY(read_element_header(walk, &tag, &vr, &length));
		TRY(read_value(walk, tag, vr, length));
	}
	if (!dicom_string(dicom_find(walk->set, NULL, TAG_TransferSyntaxUID), 0, uid, sizeof uid))
		return broken_element(TAG_TransferSyntaxUID, "the file's header names no transfer syntax");
	walk->set->syntax = dicom_syntax_find(uid);
	if (walk->set->syntax == NULL)
		return status_with_hint(status_error(LS_UNSUPPORTED,
											 "the DICOM file's transfer syntax is %s, which is not known",
											 uid),
								"Convert it outside the database to Explicit VR Little Endian (1.2.840.10008.1.2.1).");
	return status_ok();
}

/* Guess the syntax of a data set without a file header from its first element.
 * NULL if the bytes do not look like a data set. */
static const DicomSyntax *
guess_syntax(const uint8_t *bytes, size_t size)
{
	if (size < 8)
		return NULL;
	if (bytes[0] == 0 && bytes[1] == 8 && bytes[4] >= 'A' && bytes[4] <= 'Z' && bytes[5] >= 'A' && bytes[5] <= 'Z')
		return &dicom_explicit_big_endian;
	if (bytes[0] != 8 || bytes[1] != 0)
		return NULL;
	if (bytes[4] >= 'A' && bytes[4] <= 'Z' && bytes[5] >= 'A' && bytes[5] <= 'Z')
		return &dicom_explicit_little_endian;
	return bytes[6] == 0 && bytes[7] == 0 ? &dicom_implicit_little_endian : NULL;
}

bool
dicom_recognise(const uint8_t *bytes, size_t size)
{
	if (size >= PREAMBLE + 4 && memcmp(bytes + PREAMBLE, "DICM", 4) == 0)
		return true;
	if (size >= 8 && memcmp(bytes, "\2\0\0\0UL\4\0", 8) == 0)	/* a file header without preamble */
		return true;
	return guess_syntax(bytes, size) != NULL;
}

/* Read a deflated data set. Of a header, more and more is expanded until the
 * pixels are reached: a small file may expand to gigabytes. */
static Status
read_deflated(const Walk *from, const uint8_t *bytes, size_t size)
{
	DicomSet   *set = from->set;
	size_t		count = set->count;
	size_t		most = from->header_only ? INFLATE_FIRST : SIZE_MAX;

	for (;; most *= 8)
	{
		Walk		walk = *from;
		bool		whole;
		Status		status;

		TRY(dicom_inflate(set->call, bytes, size, most, &set->inflated, &walk.end, &whole));
		walk.bytes = set->inflated;
		walk.at = 0;
		status = read_level(&walk, false);
		set->at_pixels = walk.done;
		if (whole || walk.done || (status.code != LS_OK && status.code != LS_INVALID_IMAGE))
			return status;
		if (most >= INFLATE_MOST)
			return status_with_hint(status_error(LS_ABOVE_ALL_LIMITS,
												 "the deflated DICOM file has more than %zu bytes before its pixels",
												 INFLATE_MOST),
									"Store the file in Explicit VR Little Endian.");
		call_free(set->call, set->inflated);
		set->inflated = NULL;
		set->count = count;
	}
}

/* Read the whole file; the caller frees the set on failure. */
static Status
read_file(const uint8_t *bytes, size_t size, DicomPart part, DicomSet *set)
{
	Walk		walk = {.set = set, .bytes = bytes, .end = size, .header_only = part == DICOM_HEADER};

	if (size >= PREAMBLE + 4 && memcmp(bytes + PREAMBLE, "DICM", 4) == 0)
		walk.at = PREAMBLE + 4;
	if (walk.end - walk.at >= 8 && TAG_GROUP(read_tag(&walk, walk.at)) == 0x0002)
		TRY(read_meta(&walk));
	else
		set->syntax = guess_syntax(bytes + walk.at, size - walk.at);
	if (set->syntax == NULL)
		return status_with_hint(status_error(LS_INVALID_IMAGE, "%zu bytes that are not a DICOM file", size),
								"A DICOM file starts with 128 bytes and \"DICM\", or with group 0002 or 0008.");
	walk.implicit = set->syntax->implicit;
	walk.big_endian = set->syntax->big_endian;
	if (set->syntax->deflated)
		return read_deflated(&walk, bytes + walk.at, size - walk.at);
	TRY(read_level(&walk, false));
	set->at_pixels = walk.done;
	return status_ok();
}

Status
dicom_read(const Call *call, const uint8_t *bytes, size_t size, DicomPart part, DicomSet *set)
{
	Status		status;

	memset(set, 0, sizeof *set);
	set->call = call;
	status = read_file(bytes, size, part, set);
	if (status.code != LS_OK)
		dicom_free(set);
	return status;
}

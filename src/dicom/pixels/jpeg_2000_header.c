/*
 * jpeg_2000_header.c: see jpeg_2000_header.h.
 */
#include <string.h>

#include "dicom/pixels/jpeg_2000_header.h"
#include "dicom/pixels/raster.h"

#define PRECINCTS_MAX (1 << 15)	/* in a tile; 100 megapixels of colour in precincts of 128 x 128 have 24000 */
#define BLOCKS_MAX (1 << 19)	/* in a tile: 100 megapixels of colour have 300000 of 32 x 32 */
#define PACKETS_MAX (1 << 22)	/* in a tile; a packet is one layer of a precinct */
#define LEVELS_MAX 32
#define TILE_PART_SIZE 12		/* bytes of the segment before each part of a tile */

/* Markers, less 0xFF00. */
enum
{
	MARKER_SIZE = 0x51, MARKER_STYLE = 0x52, MARKER_COMPONENT_STYLE = 0x53, MARKER_TILE_PART = 0x90, MARKER_DATA = 0x93
};

static uint32_t
read_u16(const uint8_t *b)
{
	return (uint32_t) b[0] << 8 | b[1];
}

static uint32_t
read_u32(const uint8_t *b)
{
	return read_u16(b) << 16 | read_u16(b + 2);
}

/* In a file of boxes (JP2), find the box that holds the codestream. */
static Status
find_codestream(const uint8_t **bytes, size_t *size)
{
	static const uint8_t start[] = {0xFF, 0x4F, 0xFF, 0x51};

	while (*size >= 8 && memcmp(*bytes, start, 4) != 0)
	{
		uint64_t	length = read_u32(*bytes);
		size_t		header = 8;

		if (length == 1 && *size >= 16)
		{
			length = (uint64_t) read_u32(*bytes + 8) << 32 | read_u32(*bytes + 12);
			header = 16;
		}
		if (memcmp(*bytes + 4, "jp2c", 4) == 0)
			length = header;
		if (length < header || length > *size)
			break;
		*bytes += length;
		*size -= (size_t) length;
	}
	if (*size < 4 || memcmp(*bytes, start, 4) != 0)
		return dicom_broken("a frame is not a JPEG 2000 stream, as its transfer syntax has it");
	return status_ok();
}

static Status
read_size_segment(const uint8_t *segment, size_t length, Jpeg2000Header *header)
{
	uint64_t	tile_width;
	uint64_t	tile_height;
	uint64_t	right;
	uint64_t	bottom;

	if (length < 36)
		return dicom_broken("its JPEG 2000 header is too short");
	right = read_u32(segment + 2);
	bottom = read_u32(segment + 6);
	header->left = read_u32(segment + 10);
	header->top = read_u32(segment + 14);
	tile_width = read_u32(segment + 18);
	tile_height = read_u32(segment + 22);
	header->components = read_u16(segment + 34);
	if (right > INT32_MAX || bottom > INT32_MAX || right <= header->left || bottom <= header->top ||
		tile_width == 0 || tile_height == 0 ||
		read_u32(segment + 26) > header->left || read_u32(segment + 30) > header->top)
		return dicom_broken("its JPEG 2000 header makes no sense");
	header->width = (uint32_t) right - header->left;
	header->height = (uint32_t) bottom - header->top;
	header->tile_width = tile_width < header->width ? (uint32_t) tile_width : header->width;
	header->tile_height = tile_height < header->height ? (uint32_t) tile_height : header->height;
	header->tiles = ((right - read_u32(segment + 26) + tile_width - 1) / tile_width) *
		((bottom - read_u32(segment + 30) + tile_height - 1) / tile_height);
	return status_ok();
}

/* ---- precincts and code blocks ---- */

/* The largest numbers in a tile over all coding styles. */
typedef struct Coding
{
	uint64_t	layers;
	uint64_t	precincts;
} Coding;

static uint64_t
max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The number of parts of 2^exponent samples along a side. */
static uint64_t
parts_of_side(uint64_t side, int exponent)
{
	return (side + ((uint64_t) 1 << exponent) - 1) >> exponent;
}

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

/*
 * Check the numbers in a tile if all components had this coding style. `style`
 * begins with the number of levels; with own_precincts the precincts' sizes
 * are at its end.
 */
static Status
check_style(const uint8_t *style, size_t length, bool own_precincts, const Jpeg2000Header *header, Coding *coding)
{
	uint64_t	precincts = 0;
	uint64_t	blocks = 0;
	int			levels;

	if (length < 5 || style[0] > LEVELS_MAX || (own_precincts && length < 6 + (size_t) style[0]))
		return dicom_broken("its JPEG 2000 header makes no sense");
	levels = style[0];
	for (int r = 0; r <= levels; r++)
	{
		uint64_t	width = parts_of_side(header->tile_width, levels - r);
		uint64_t	height = parts_of_side(header->tile_height, levels - r);
		int			across = own_precincts ? style[5 + r] & 15 : 15;
		int			down = own_precincts ? style[5 + r] >> 4 : 15;
		int			halved = r > 0 ? 1 : 0; /* three bands, each of half the size */

		if (across < halved || down < halved)
			return dicom_broken("its JPEG 2000 header has precincts of no size");
		precincts += parts_of_side(width, across) * parts_of_side(height, down);
		blocks += (r > 0 ? 3 : 1) *
			parts_of_side(parts_of_side(width, halved), min_int((style[1] & 15) + 2, across - halved)) *
			parts_of_side(parts_of_side(height, halved), min_int((style[2] & 15) + 2, down - halved));
	}
	coding->precincts = max_u64(coding->precincts, precincts * header->components);
	if (coding->precincts > PRECINCTS_MAX || blocks * header->components > BLOCKS_MAX ||
		coding->precincts * coding->layers > PACKETS_MAX)
		return dicom_unsupported("JPEG 2000 with more precincts, code blocks or layers than encoders make");
	return status_ok();
}

/* ---- segments ---- */

/* Read the default style of coding. */
static Status
read_style(const uint8_t *segment, size_t length, Jpeg2000Header *header, Coding *coding)
{
	if (length < 10 || header->width == 0)
		return dicom_broken("its JPEG 2000 header makes no sense");
	coding->layers = max_u64(coding->layers, read_u16(segment + 2));
	header->transformed = segment[4] != 0;
	return check_style(segment + 5, length - 5, (segment[0] & 1) != 0, header, coding);
}

/* Read the style of coding of a component. */
static Status
read_component_style(const uint8_t *segment, size_t length, const Jpeg2000Header *header, Coding *coding)
{
	size_t		number = header->components < 257 ? 1 : 2;

	if (length < number + 6 || header->width == 0)
		return dicom_broken("its JPEG 2000 header makes no sense");
	return check_style(segment + number + 1, length - number - 1, (segment[number] & 1) != 0, header, coding);
}

/* Does OpenJPEG know the marker? It does not skip unknown segments as a
 * whole. */
static bool
is_known(uint8_t marker)
{
	static const uint8_t known[] = {
		MARKER_SIZE, MARKER_STYLE, MARKER_COMPONENT_STYLE, 0x55, 0x57, 0x58, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x61, 0x63,
		0x64, 0x74, 0x75, 0x77, 0x78
	};

	return memchr(known, marker, sizeof known) != NULL;
}

/* Read segments up to the marker `end`, or to the end of a cut stream. */
static Status
read_segments(const uint8_t *bytes, size_t size, size_t *at, uint8_t end, Jpeg2000Header *header, Coding *coding)
{
	while (size - *at >= 4 && !(bytes[*at] == 0xFF && bytes[*at + 1] == end))
	{
		uint8_t		marker = bytes[*at + 1];
		size_t		length = read_u16(bytes + *at + 2);
		const uint8_t *segment = bytes + *at + 4;

		if (bytes[*at] != 0xFF || length < 2 || length > size - *at - 2)
			return dicom_broken("its JPEG 2000 header makes no sense");
		if (!is_known(marker))
			return dicom_unsupported("JPEG 2000 with segments that its first part has not");
		if (marker == MARKER_SIZE && header->width == 0)
			TRY(read_size_segment(segment, length - 2, header));
		if (marker == MARKER_STYLE)
			TRY(read_style(segment, length - 2, header, coding));
		if (marker == MARKER_COMPONENT_STYLE)
			TRY(read_component_style(segment, length - 2, header, coding));
		*at += 2 + length;
	}
	return status_ok();
}

/* Read the headers of tile parts: they may have their own coding styles. */
static Status
read_tile_parts(const uint8_t *bytes, size_t size, size_t at, const Jpeg2000Header *header, Coding *coding)
{
	Jpeg2000Header tile = *header;

	while (size - at >= TILE_PART_SIZE && bytes[at] == 0xFF && bytes[at + 1] == MARKER_TILE_PART)
	{
		size_t		begin = at;
		size_t		length = read_u32(bytes + at + 6);

		at += TILE_PART_SIZE;
		TRY(read_segments(bytes, size, &at, MARKER_DATA, &tile, coding));
		if (length == 0 || length > size - begin)
			break;				/* up to the end */
		if (length < at - begin)
			return dicom_broken("its JPEG 2000 header has a part of a tile that is shorter than its header");
		at = begin + length;
	}
	return status_ok();
}

Status
jpeg_2000_header(const uint8_t **bytes, size_t *size, Jpeg2000Header *header)
{
	size_t		at = 2;
	Coding		coding = {0};

	memset(header, 0, sizeof *header);
	TRY(find_codestream(bytes, size));
	TRY(read_segments(*bytes, *size, &at, MARKER_TILE_PART, header, &coding));
	if (header->width == 0)
		return dicom_broken("its JPEG 2000 stream has no size");
	return read_tile_parts(*bytes, *size, at, header, &coding);
}

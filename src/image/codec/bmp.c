/*
 * bmp.c: Windows and OS/2 bitmaps, read and written by hand.
 *
 * Reading goes in three steps: parse_header turns any of the header variants
 * into one BmpHeader and checks it against the file's size; rows are then
 * either found in the file or, run-length encoded, expanded to palette
 * indices first (bmp_rle.c); read_rows turns each into RGB or RGBA. Every offset is
 * checked before it is read. The layout is that of Microsoft's "Bitmap
 * Storage" pages.
 */
#include <limits.h>
#include <string.h>

#include "core/checked.h"
#include "image/codec/bmp_rle.h"
#include "image/codec/formats.h"

#define FILE_HEADER_SIZE 14
#define CORE_HEADER_SIZE 12
#define INFO_HEADER_SIZE 40

typedef enum BmpCompression
{
	BMP_RGB = 0,
	BMP_RLE8 = 1,
	BMP_RLE4 = 2,
	BMP_BITFIELDS = 3,
	BMP_ALPHABITFIELDS = 6
} BmpCompression;

/* One colour's bits within a 16- or 32-bit pixel. */
typedef struct BmpField
{
	uint32_t	mask;
	int			shift;
	uint32_t	max;			/* its largest value; 0 when the field is absent */
} BmpField;

typedef struct BmpHeader
{
	int			width;
	int			height;
	bool		top_down;
	unsigned	bits;			/* per pixel */
	unsigned	compression;
	BmpField	fields[4];		/* red, green, blue, alpha; 16 and 32 bits only */
	unsigned	colours;		/* entries of the palette; 8 bits and less only */
	uint8_t		palette[256][3];	/* as RGB */
	bool		grey_palette;	/* no entry has a hue: the image is grey */
	size_t		pixels;			/* offset of the pixel data */
	size_t		stride;			/* bytes from row to row when not run-length encoded */
} BmpHeader;

static unsigned
read_u16(const uint8_t *bytes)
{
	return bytes[0] | (unsigned) bytes[1] << 8;
}

static uint32_t
read_u32(const uint8_t *bytes)
{
	return read_u16(bytes) | (uint32_t) read_u16(bytes + 2) << 16;
}

/* Is the pixel data run-length encoded? */
static bool
is_rle(const BmpHeader *header)
{
	return header->compression == BMP_RLE8 || header->compression == BMP_RLE4;
}

/* Split a field's mask into shift and width; its bits must be adjacent. */
static Status
field_set(BmpField *field, uint32_t mask)
{
	field->mask = mask;
	field->shift = mask == 0 ? 0 : __builtin_ctz(mask);
	field->max = mask >> field->shift;
	if ((field->max & (field->max + 1)) != 0)
		return format_broken("BMP", "a colour mask has gaps");
	return status_ok();
}

/* Scale a field of a pixel to 8 bits, rounding to nearest. */
static inline uint8_t
field_get(const BmpField *field, uint32_t pixel)
{
	uint64_t	value = (pixel & field->mask) >> field->shift;

	if (field->max == 0)
		return 0;
	return (uint8_t) ((value * 255 + field->max / 2) / field->max);
}

/* Read the colour masks, which stand inside the larger headers or right
 * behind an INFOHEADER. */
static Status
parse_fields(const uint8_t *bytes, size_t size, uint32_t header_size, BmpHeader *header)
{
	uint32_t	masks[4] = {0x00FF0000, 0x0000FF00, 0x000000FF, 0};
	int			count = 0;

	if (header->bits == 16)
	{
		masks[0] = 0x7C00;
		masks[1] = 0x03E0;
		masks[2] = 0x001F;
	}
	if (header->compression == BMP_ALPHABITFIELDS || (header->compression == BMP_BITFIELDS && header_size >= 56))
		count = 4;
	else if (header->compression == BMP_BITFIELDS)
		count = 3;
	if (count > 0 && FILE_HEADER_SIZE + INFO_HEADER_SIZE + 4 * (size_t) count > size)
		return format_truncated("BMP", size);
	for (int i = 0; i < count; i++)
		masks[i] = read_u32(bytes + FILE_HEADER_SIZE + INFO_HEADER_SIZE + 4 * i);
	for (int i = 0; i < 4; i++)
		TRY(field_set(&header->fields[i], masks[i]));
	if (header->fields[0].max == 0 && header->fields[1].max == 0 && header->fields[2].max == 0)
		return format_broken("BMP", "all colour masks are zero");
	return status_ok();
}

/* Read the palette, which stands between the headers and the pixels. */
static Status
parse_palette(const uint8_t *bytes, size_t size, size_t start, uint32_t used, size_t entry_size,
			  BmpHeader *header)
{
	uint32_t	most = 1u << header->bits;
	size_t		end = header->pixels < size ? header->pixels : size;
	size_t		room = end > start ? (end - start) / entry_size : 0;

	header->colours = used == 0 || used > most ? most : used;
	if (header->colours > room)
	{
		if (header->pixels >= size)
			return format_truncated("BMP", size);
		header->colours = (unsigned) room;
	}
	header->grey_palette = header->colours > 0;
	for (unsigned i = 0; i < header->colours; i++)
	{
		const uint8_t *entry = bytes + start + i * entry_size;

		header->palette[i][0] = entry[2];
		header->palette[i][1] = entry[1];
		header->palette[i][2] = entry[0];
		if (entry[0] != entry[1] || entry[1] != entry[2])
			header->grey_palette = false;
	}
	return status_ok();
}

/* Check that bits per pixel and compression go together. */
static Status
check_compression(const BmpHeader *header)
{
	bool		fits;

	switch (header->compression)
	{
		case BMP_RGB:
			fits = true;
			break;
		case BMP_RLE8:
			fits = header->bits == 8 && !header->top_down;
			break;
		case BMP_RLE4:
			fits = header->bits == 4 && !header->top_down;
			break;
		case BMP_BITFIELDS:
		case BMP_ALPHABITFIELDS:
			fits = header->bits == 16 || header->bits == 32;
			break;
		default:
			return format_unsupported("BMP", "a compression other than run lengths");
	}
	return fits ? status_ok() : format_broken("BMP", "compression and bits per pixel do not go together");
}

/* Read and check all headers before the pixels. */
static Status
parse_header(const uint8_t *bytes, size_t size, BmpHeader *header)
{
	uint32_t	header_size;
	uint32_t	used = 0;
	size_t		palette;
	bool		core;
	unsigned	planes;
	int64_t		width;
	int64_t		height;
	size_t		row_bits;

	memset(header, 0, sizeof *header);
	if (size < FILE_HEADER_SIZE + CORE_HEADER_SIZE)
		return format_truncated("BMP", size);
	header->pixels = read_u32(bytes + 10);
	header_size = read_u32(bytes + 14);
	core = header_size == CORE_HEADER_SIZE;
	if (!core && header_size != INFO_HEADER_SIZE && header_size != 52 && header_size != 56 &&
		header_size != 64 && header_size != 108 && header_size != 124)
		return format_broken("BMP", "its header has an unknown size");
	palette = FILE_HEADER_SIZE + (size_t) header_size;
	if (size < palette)
		return format_truncated("BMP", size);
	if (core)
	{
		width = read_u16(bytes + 18);
		height = read_u16(bytes + 20);
		planes = read_u16(bytes + 22);
		header->bits = read_u16(bytes + 24);
	}
	else
	{
		width = (int32_t) read_u32(bytes + 18);
		height = (int32_t) read_u32(bytes + 22);
		planes = read_u16(bytes + 26);
		header->bits = read_u16(bytes + 28);
		header->compression = read_u32(bytes + 30);
		used = read_u32(bytes + 46);
		if (header_size == INFO_HEADER_SIZE && header->compression == BMP_BITFIELDS)
			palette += 12;
		if (header_size == INFO_HEADER_SIZE && header->compression == BMP_ALPHABITFIELDS)
			palette += 16;
	}
	header->top_down = height < 0;
	if (header->top_down)
		height = -height;
	if (width < 1 || height < 1 || height > INT_MAX)
		return format_broken("BMP", "its width or height is zero or negative");
	if (planes != 1)
		return format_broken("BMP", "it does not have one plane");
	header->width = (int) width;
	header->height = (int) height;

	if (header_size == 64 && header->compression > BMP_RLE4)	/* OS/2's own numbers */
		return format_unsupported("BMP", "a compression other than run lengths");
	switch (header->bits)
	{
		case 1:
		case 2:
		case 4:
		case 8:
		case 24:
			TRY(check_compression(header));
			break;
		case 16:
		case 32:
			TRY(check_compression(header));
			TRY(parse_fields(bytes, size, header_size, header));
			break;
		default:
			return format_broken("BMP", "its number of bits per pixel is none of 1, 2, 4, 8, 16, 24, 32");
	}
	if (header->pixels < palette)
		return format_broken("BMP", "its pixels start inside its header");
	if (header->bits <= 8)
		TRY(parse_palette(bytes, size, palette, used, core ? 3 : 4, header));
	if (!checked_mul((size_t) header->width, header->bits, &row_bits) ||
		!checked_add(row_bits, 31, &row_bits))
		return format_broken("BMP", "it is too wide");
	header->stride = row_bits / 32 * 4;
	return status_ok();
}

Status
bmp_header(const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info)
{
	BmpHeader	header;

	(void) call;
	TRY(parse_header(bytes, size, &header));
	info->width = header.width;
	info->height = header.height;
	info->channels = header.fields[3].max != 0 ? 4 : header.grey_palette ? 1 : 3;
	if (header.bits <= 8)
		info->bits = (int) header.bits;
	else
		info->bits = header.bits == 24 ? 8 : __builtin_popcount(header.fields[1].mask);
	info->alpha = header.fields[3].max != 0;
	info->palette = header.bits <= 8 && !header.grey_palette;
	return status_ok();
}

/* Turn a row of palette indices of 1, 2, 4 or 8 bits into RGB or, if indices
 * are requested, into a byte each. */
static Status
read_indices(const BmpHeader *header, const uint8_t *row, unsigned bits, const DecodeRequest *request, uint8_t *out)
{
	unsigned	per_byte = 8 / bits;
	unsigned	mask = (1u << bits) - 1;

	for (int x = 0; x < header->width; x++)
	{
		unsigned	shift = (per_byte - 1 - (unsigned) x % per_byte) * bits;
		unsigned	index = row[(unsigned) x / per_byte] >> shift & mask;

		if (index >= header->colours)
			return format_broken("BMP", "a pixel's colour is not in the palette");
		if (request->as == DECODE_INDEX)
			out[x] = (uint8_t) index;
		else
			memcpy(out + 3 * (size_t) x, header->palette[index], 3);
	}
	return status_ok();
}

/* Turn a row of 16-, 24- or 32-bit pixels into RGB, or RGBA if alpha. */
static void
pixels_to_rgb(const BmpHeader *header, const uint8_t *row, bool alpha, uint8_t *out)
{
	for (int x = 0; x < header->width; x++)
	{
		uint32_t	pixel;

		if (header->bits == 24)
		{
			out[0] = row[2];
			out[1] = row[1];
			out[2] = row[0];
			row += 3;
			out += 3;
			continue;
		}
		pixel = header->bits == 16 ? read_u16(row) : read_u32(row);
		row += header->bits / 8;
		for (int i = 0; i < (alpha ? 4 : 3); i++)
			*out++ = field_get(&header->fields[i], pixel);
	}
}

/* Does any pixel have an alpha above zero? Many programs declare an alpha
 * field but leave all of it zero; such an image is opaque. */
static bool
uses_alpha(const BmpHeader *header, const uint8_t *bytes)
{
	unsigned	step = header->bits / 8;

	if (header->fields[3].max == 0)
		return false;
	for (int y = 0; y < header->height; y++)
	{
		const uint8_t *row = bytes + header->pixels + (size_t) y * header->stride;

		for (int x = 0; x < header->width; x++, row += step)
		{
			uint32_t	pixel = header->bits == 16 ? read_u16(row) : read_u32(row);

			if ((pixel & header->fields[3].mask) != 0)
				return true;
		}
	}
	return false;
}

/* Decode the rows into image. `indices` holds the expanded run lengths, NULL
 * when there are none; `scratch` has room for a row of RGBA. */
static Status
read_rows(const Call *call, const uint8_t *bytes, const BmpHeader *header, const uint8_t *indices,
		  const DecodeRequest *request, uint8_t *scratch, Image *image)
{
	bool		alpha = header->bits > 8 && uses_alpha(header, bytes);
	int			channels = header->bits <= 8 && request->as == DECODE_INDEX ? 1 : alpha ? 4 : 3;

	for (int y = 0; y < header->height; y++)
	{
		size_t		stored = (size_t) (header->top_down ? y : header->height - 1 - y);

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		if (indices != NULL)
			TRY(read_indices(header, indices + stored * (size_t) header->width, 8, request, scratch));
		else if (header->bits <= 8)
			TRY(read_indices(header, bytes + header->pixels + stored * header->stride, header->bits, request,
							 scratch));
		else
			pixels_to_rgb(header, bytes + header->pixels + stored * header->stride, alpha, scratch);
		pixels_store(request, scratch, channels, header->width, rows_at(request, image, y));
		TRY(rows_done(request, image));
	}
	return status_ok();
}

Status
bmp_decode(const Call *call, const uint8_t *bytes, size_t size, const DecodeRequest *request,
		   Image *image)
{
	BmpHeader	header;
	size_t		need;
	void	   *indices = NULL;
	void	   *scratch = NULL;
	Status		status;

	TRY(parse_header(bytes, size, &header));
	TRY(image_check_size(call, header.width, header.height));
	if (header.pixels > size)
		return format_truncated("BMP", size);
	if (!is_rle(&header) &&
		(!checked_mul(header.stride, (size_t) header.height, &need) || need > size - header.pixels))
		return format_truncated("BMP", size);

	status = rows_begin(call, request, header.width, header.height, image);
	if (status.code == LS_OK)
		status = call_alloc_array(call, (size_t) header.width, 4, &scratch);
	if (status.code == LS_OK && is_rle(&header))
	{
		status = call_alloc_array(call, (size_t) header.width, (size_t) header.height, &indices);
		if (status.code == LS_OK)
			status = bmp_rle_expand(call, bytes, size, header.pixels, header.compression == BMP_RLE4, header.width,
									header.height, indices);
	}
	if (status.code == LS_OK)
		status = read_rows(call, bytes, &header, indices, request, scratch, image);
	call_free(call, indices);
	call_free(call, scratch);
	return status;
}

static void
write_u16(uint8_t *bytes, unsigned value)
{
	bytes[0] = (uint8_t) value;
	bytes[1] = (uint8_t) (value >> 8);
}

static void
write_u32(uint8_t *bytes, uint32_t value)
{
	write_u16(bytes, value & 0xFFFF);
	write_u16(bytes + 2, value >> 16);
}

Status
bmp_encode(const Call *call, const Image *image, EncodedImage *encoded)
{
	bool		grey = image->channels == 1;
	size_t		palette_size = grey ? 256 * 4 : 0;
	size_t		start = FILE_HEADER_SIZE + INFO_HEADER_SIZE + palette_size;
	size_t		row_size = (size_t) image->width * (size_t) image->channels;
	size_t		stride = (row_size + 3) / 4 * 4;
	size_t		total;
	void	   *memory;
	uint8_t    *out;

	memset(encoded, 0, sizeof *encoded);
	if (!checked_mul(stride, (size_t) image->height, &total) || !checked_add(total, start, &total) ||
		total > UINT32_MAX)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "%d x %d pixels do not fit in a BMP image",
											 image->width, image->height),
								"A BMP file holds at most 4 GiB; use PNG.");
	TRY(call_alloc_array(call, total, 1, &memory));
	out = memory;
	memcpy(out, "BM", 2);
	write_u32(out + 2, (uint32_t) total);
	write_u32(out + 10, (uint32_t) start);
	write_u32(out + 14, INFO_HEADER_SIZE);
	write_u32(out + 18, (uint32_t) image->width);
	write_u32(out + 22, (uint32_t) image->height);
	write_u16(out + 26, 1);
	write_u16(out + 28, grey ? 8 : 24);
	write_u32(out + 34, (uint32_t) (total - start));
	write_u32(out + 38, 2835);	/* 72 dots per inch, in metres */
	write_u32(out + 42, 2835);
	for (size_t i = 0; i < palette_size / 4; i++)
		memset(out + FILE_HEADER_SIZE + INFO_HEADER_SIZE + 4 * i, (int) i, 3);
	for (int y = 0; y < image->height; y++)
	{
		const uint8_t *row = image->pixels + (size_t) y * row_size;
		uint8_t    *stored = out + start + (size_t) (image->height - 1 - y) * stride;
		Status		status = y % POLL_ROWS == 0 ? call_poll(call) : status_ok();

		if (status.code != LS_OK)
		{
			call_free(call, memory);
			return status;
		}
		if (grey)
			memcpy(stored, row, row_size);
		else
		{
			for (size_t x = 0; x < row_size; x += 3)
			{
				stored[x] = row[x + 2];
				stored[x + 1] = row[x + 1];
				stored[x + 2] = row[x];
			}
		}
	}
	encoded->bytes = memory;
	encoded->size = total;
	return status_ok();
}

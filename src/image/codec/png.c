/*
 * png.c: PNG read through libpng.
 *
 * libpng reports an error through a callback that must not return. So each use
 * of it runs as a body under one setjmp (png_run). All that a body changes is
 * in the reader, in the caller's frame, and survives a jump; bodies keep
 * nothing of value in local variables. libpng allocates through the call, a
 * few chunks' worth at most, and skips every chunk that the pixels do not need
 * (profiles, texts, times).
 */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "core/checked.h"
#include "image/codec/formats.h"
#include "image/codec/png_memory.h"

#define CHUNK_MEMORY_MAX (8 << 20)	/* bytes libpng may allocate for one chunk */
#define POLL_BYTES (64 << 10)	/* input bytes between two polls */

typedef struct PngReader
{
	const Call *call;
	PngMemory	memory;
	const uint8_t *bytes;
	size_t		size;
	size_t		position;
	size_t		next_poll;		/* position at which to poll again */

	png_structp png;
	png_infop	info;
	jmp_buf		jump;
	Status		status;			/* why a body ended */

	const DecodeRequest *request;
	Image	   *image;			/* the result; freed by the caller on failure */
	void	   *rows;			/* one row, or the whole interlaced image, as libpng delivers it */
} PngReader;

/* Leave the running body with this status. */
static void
reader_fail(PngReader *reader, Status status)
{
	reader->status = status;
	longjmp(reader->jump, 1);
}

/* Leave the running body unless status is OK. */
static void
reader_check(PngReader *reader, Status status)
{
	if (status.code != LS_OK)
		reader_fail(reader, status);
}

static void
reader_error(png_structp png, png_const_charp message)
{
	PngReader  *reader = png_get_error_ptr(png);

	reader_check(reader, reader->memory.status);
	reader_fail(reader, format_broken("PNG", message));
}

void
png_ignore_warning(png_structp png, png_const_charp message)
{
	(void) png;
	(void) message;
}

png_voidp
png_memory_alloc(png_structp png, png_alloc_size_t size)
{
	PngMemory  *memory = png_get_mem_ptr(png);
	void	   *block;
	Status		status = call_alloc(memory->call, size, &block);

	if (status.code != LS_OK)
		memory->status = status;
	return block;
}

void
png_memory_free(png_structp png, png_voidp block)
{
	PngMemory  *memory = png_get_mem_ptr(png);

	call_free(memory->call, block);
}

/* Hand libpng its next bytes. Polls too: a file may hold far more bytes than
 * rows. */
static void
reader_read(png_structp png, png_bytep out, size_t count)
{
	PngReader  *reader = png_get_io_ptr(png);

	if (count > reader->size - reader->position)
		reader_fail(reader, format_truncated("PNG", reader->size));
	memcpy(out, reader->bytes + reader->position, count);
	reader->position += count;
	if (reader->position >= reader->next_poll)
	{
		reader->next_poll = reader->position + POLL_BYTES;
		reader_check(reader, call_poll(reader->call));
	}
}

/* Body: read all that comes before the pixels. */
static void
read_header(PngReader *reader)
{
	/* Set limits first; max_pixels is checked when the image is created. */
	reader->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reader, reader_error, png_ignore_warning,
										   &reader->memory, png_memory_alloc, png_memory_free);
	if (reader->png != NULL)
		reader->info = png_create_info_struct(reader->png);
	if (reader->info == NULL)
		reader_fail(reader, status_error(LS_OUT_OF_MEMORY, "could not start libpng"));
	png_set_user_limits(reader->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_set_chunk_malloc_max(reader->png, CHUNK_MEMORY_MAX);
	png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_set_read_fn(reader->png, reader, reader_read);
	png_read_info(reader->png, reader->info);
}

/* Body: decode the pixels. */
static void
read_pixels(PngReader *reader)
{
	png_structp png;
	int			width;
	int			height;
	int			channels;
	int			passes;
	bool		wide;
	size_t		row_bytes;
	size_t		rows_bytes;

	read_header(reader);
	png = reader->png;
	width = (int) png_get_image_width(png, reader->info);
	height = (int) png_get_image_height(png, reader->info);
	reader_check(reader, rows_begin(reader->call, reader->request, width, height, reader->image));

	/* From here every row is grey or RGB, with or without alpha, 8 or 16 bits;
	 * or palette indices, a byte each. */
	if (reader->request->as == DECODE_INDEX)
		png_set_packing(png);
	else
		png_set_expand(png);
	passes = png_set_interlace_handling(png);
	png_read_update_info(png, reader->info);
	channels = png_get_channels(png, reader->info);
	wide = png_get_bit_depth(png, reader->info) == 16;
	row_bytes = png_get_rowbytes(png, reader->info);

	/* Interlaced images come in several passes over all their rows. */
	if (!checked_mul(row_bytes, passes > 1 ? (size_t) height : 1, &rows_bytes))
		reader_fail(reader, status_error(LS_LIMIT_EXCEEDED, "the PNG image does not fit in memory"));
	reader_check(reader, call_alloc_array(reader->call, rows_bytes, 1, &reader->rows));
	for (int pass = 0; pass < passes; pass++)
	{
		for (int y = 0; y < height; y++)
		{
			uint8_t    *row = (uint8_t *) reader->rows + (passes > 1 ? (size_t) y * row_bytes : 0);

			if (y % POLL_ROWS == 0)
				reader_check(reader, call_poll(reader->call));
			png_read_row(png, row, NULL);
			if (pass < passes - 1)
				continue;
			if (wide)
				pixels_narrow(reader->request, row, (size_t) width * (size_t) channels);
			pixels_store(reader->request, row, channels, width, rows_at(reader->request, reader->image, y));
			reader_check(reader, rows_done(reader->request, reader->image));
		}
	}
	png_read_end(png, NULL);
}

/* Run a body of libpng calls; return why it ended. */
static Status
png_run(PngReader *reader, void (*body) (PngReader *reader))
{
	reader->status = status_ok();
	if (setjmp(reader->jump) == 0)
		body(reader);
	return reader->status;
}

/* Release all that libpng and the bodies allocated. */
static void
reader_close(PngReader *reader)
{
	png_destroy_read_struct(&reader->png, &reader->info, NULL);
	call_free(reader->call, reader->rows);
}

Status
png_header(const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info)
{
	PngReader	reader = {.call = call, .memory = {.call = call}, .bytes = bytes, .size = size};
	Status		status = png_run(&reader, read_header);

	if (status.code == LS_OK)
	{
		bool		palette = png_get_color_type(reader.png, reader.info) == PNG_COLOR_TYPE_PALETTE;
		bool		transparent = png_get_valid(reader.png, reader.info, PNG_INFO_tRNS) != 0;

		info->width = (int) png_get_image_width(reader.png, reader.info);
		info->height = (int) png_get_image_height(reader.png, reader.info);
		info->channels = palette ? (transparent ? 4 : 3) : png_get_channels(reader.png, reader.info);
		info->bits = png_get_bit_depth(reader.png, reader.info);
		info->alpha = transparent || (png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_ALPHA) != 0;
		info->palette = palette;
	}
	reader_close(&reader);
	return status;
}

Status
png_decode(const Call *call, const uint8_t *bytes, size_t size, const DecodeRequest *request,
		   Image *image)
{
	PngReader	reader = {.call = call, .memory = {.call = call}, .bytes = bytes, .size = size,
		.request = request, .image = image};
	Status		status = png_run(&reader, read_pixels);

	reader_close(&reader);
	return status;
}

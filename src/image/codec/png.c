/*
 * png.c: PNG through libpng.
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

#define CHUNK_MEMORY_MAX (8 << 20)	/* bytes libpng may allocate for one chunk */
#define POLL_BYTES (64 << 10)	/* input bytes between two polls */

/* The source of libpng's memory, and why its last request failed. */
typedef struct PngMemory
{
	const Call *call;
	Status		status;
} PngMemory;

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

static void
ignore_warning(png_structp png, png_const_charp message)
{
	(void) png;
	(void) message;
}

static png_voidp
host_png_alloc(png_structp png, png_alloc_size_t size)
{
	PngMemory  *memory = png_get_mem_ptr(png);
	void	   *block;
	Status		status = call_alloc(memory->call, size, &block);

	if (status.code != LS_OK)
		memory->status = status;
	return block;
}

static void
host_png_free(png_structp png, png_voidp block)
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
	reader->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, reader, reader_error, ignore_warning,
										   &reader->memory, host_png_alloc, host_png_free);
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
	reader_check(reader, image_create(reader->call, width, height, request_channels(reader->request),
									  reader->image));

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
			pixels_store(reader->request, row, channels, width,
						 reader->image->pixels +
						 (size_t) y * (size_t) width * (size_t) reader->image->channels);
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

typedef struct PngWriter
{
	const Call *call;
	PngMemory	memory;
	const Image *image;
	int			compression;

	png_structp png;
	png_infop	info;
	jmp_buf		jump;
	Status		status;

	EncodedImage encoded;
	size_t		capacity;
} PngWriter;

/* Leave write_image with this status. */
static void
writer_fail(PngWriter *writer, Status status)
{
	writer->status = status;
	longjmp(writer->jump, 1);
}

static void
writer_error(png_structp png, png_const_charp message)
{
	PngWriter  *writer = png_get_error_ptr(png);

	if (writer->memory.status.code != LS_OK)
		writer_fail(writer, writer->memory.status);
	writer_fail(writer, status_error(LS_INTERNAL, "libpng could not encode: %s", message));
}

/* Append to the encoded bytes; double the buffer when it is full. */
static void
writer_write(png_structp png, png_bytep bytes, size_t count)
{
	PngWriter  *writer = png_get_io_ptr(png);
	size_t		need = writer->encoded.size + count;

	if (need > writer->capacity)
	{
		size_t		capacity = writer->capacity == 0 ? 4096 : writer->capacity;
		void	   *larger;
		Status		status;

		while (capacity < need)
			capacity *= 2;
		status = call_alloc(writer->call, capacity, &larger);
		if (status.code != LS_OK)
			writer_fail(writer, status);
		if (writer->encoded.size > 0)
			memcpy(larger, writer->encoded.bytes, writer->encoded.size);
		call_free(writer->call, writer->encoded.bytes);
		writer->encoded.bytes = larger;
		writer->capacity = capacity;
	}
	memcpy(writer->encoded.bytes + writer->encoded.size, bytes, count);
	writer->encoded.size = need;
}

static void
writer_flush(png_structp png)
{
	(void) png;
}

/* Is every value 0 or 255? */
static bool
is_mask(const Image *image)
{
	size_t		count = (size_t) image->width * (size_t) image->height;

	if (image->channels != 1)
		return false;
	for (size_t i = 0; i < count; i++)
	{
		if (image->pixels[i] != 0 && image->pixels[i] != 255)
			return false;
	}
	return true;
}

/*
 * Choose filter and match strategy. A row of a mask differs from the row above
 * only at contours, so the Up filter leaves long runs of zeros. Run-length
 * matching packs them faster and smaller than a general search. Other images
 * get libpng's choice among all filters.
 */
static void
choose_filters(PngWriter *writer)
{
	png_set_compression_level(writer->png, writer->compression);
	if (is_mask(writer->image))
	{
		png_set_filter(writer->png, PNG_FILTER_TYPE_BASE, PNG_FILTER_UP);
		png_set_compression_strategy(writer->png, 3);	/* zlib's Z_RLE */
	}
	else
		png_set_filter(writer->png, PNG_FILTER_TYPE_BASE, PNG_ALL_FILTERS);
}

/* Body: encode the image. */
static void
write_image(PngWriter *writer)
{
	const Image *image = writer->image;
	size_t		stride = (size_t) image->width * (size_t) image->channels;

	writer->png = png_create_write_struct_2(PNG_LIBPNG_VER_STRING, writer, writer_error, ignore_warning,
											&writer->memory, host_png_alloc, host_png_free);
	if (writer->png != NULL)
		writer->info = png_create_info_struct(writer->png);
	if (writer->info == NULL)
		writer_fail(writer, status_error(LS_OUT_OF_MEMORY, "could not start libpng"));
	png_set_user_limits(writer->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
	png_set_write_fn(writer->png, writer, writer_write, writer_flush);
	png_set_IHDR(writer->png, writer->info, (png_uint_32) image->width, (png_uint_32) image->height, 8,
				 image->channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
				 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	choose_filters(writer);
	png_write_info(writer->png, writer->info);
	for (int y = 0; y < image->height; y++)
	{
		Status		status = y % POLL_ROWS == 0 ? call_poll(writer->call) : status_ok();

		if (status.code != LS_OK)
			writer_fail(writer, status);
		png_write_row(writer->png, image->pixels + (size_t) y * stride);
	}
	png_write_end(writer->png, writer->info);
}

Status
png_encode(const Call *call, const Image *image, int compression, EncodedImage *encoded)
{
	PngWriter	writer = {.call = call, .memory = {.call = call}, .image = image, .compression = compression};

	memset(encoded, 0, sizeof *encoded);
	if (compression < 0 || compression > 9)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the PNG compression level is %d", compression),
								"Levels go from 0 (none) to 9 (smallest).");
	writer.status = status_ok();
	if (setjmp(writer.jump) == 0)
		write_image(&writer);
	png_destroy_write_struct(&writer.png, &writer.info);
	if (writer.status.code != LS_OK)
	{
		call_free(call, writer.encoded.bytes);
		return writer.status;
	}
	*encoded = writer.encoded;
	return status_ok();
}

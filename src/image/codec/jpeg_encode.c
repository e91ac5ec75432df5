/*
 * jpeg_encode.c: JPEG written through libjpeg-turbo, under one setjmp as in
 * jpeg.c.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include "image/codec/formats.h"

typedef struct JpegWriter
{
	const Call *call;
	const Image *image;
	int			quality;
	int			luma_factor;	/* pixels of a row that share one colour */

	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	jmp_buf		jump;
	Status		status;

	EncodedImage encoded;		/* size is set at the end */
	size_t		capacity;
} JpegWriter;

/* Leave write_image with this status. */
static void
writer_fail(JpegWriter *writer, Status status)
{
	writer->status = status;
	longjmp(writer->jump, 1);
}

static void
writer_error(j_common_ptr jpeg)
{
	char		text[JMSG_LENGTH_MAX];

	jpeg->err->format_message(jpeg, text);
	writer_fail(jpeg->client_data, status_error(LS_INTERNAL, "libjpeg could not encode: %s", text));
}

static void
writer_message(j_common_ptr jpeg, int level)
{
	(void) jpeg;
	(void) level;
}

/* Double the buffer; libjpeg goes on writing behind the old part. */
static boolean
destination_grow(j_compress_ptr jpeg)
{
	JpegWriter *writer = jpeg->client_data;
	size_t		filled = writer->capacity;
	size_t		capacity = filled == 0 ? 16384 : filled * 2;
	void	   *larger;
	Status		status = call_alloc(writer->call, capacity, &larger);

	if (status.code != LS_OK)
		writer_fail(writer, status);
	if (filled > 0)
		memcpy(larger, writer->encoded.bytes, filled);
	call_free(writer->call, writer->encoded.bytes);
	writer->encoded.bytes = larger;
	writer->capacity = capacity;
	writer->destination.next_output_byte = writer->encoded.bytes + filled;
	writer->destination.free_in_buffer = capacity - filled;
	return TRUE;
}

static void
destination_start(j_compress_ptr jpeg)
{
	destination_grow(jpeg);
}

static void
destination_end(j_compress_ptr jpeg)
{
	JpegWriter *writer = jpeg->client_data;

	writer->encoded.size = writer->capacity - writer->destination.free_in_buffer;
}

/* Body: encode the image. */
static void
write_image(JpegWriter *writer)
{
	j_compress_ptr jpeg = &writer->jpeg;
	const Image *image = writer->image;
	size_t		stride = (size_t) image->width * (size_t) image->channels;

	jpeg->err = jpeg_std_error(&writer->errors);
	jpeg->client_data = writer;
	writer->errors.error_exit = writer_error;
	writer->errors.emit_message = writer_message;
	jpeg_create_compress(jpeg);
	writer->destination.init_destination = destination_start;
	writer->destination.empty_output_buffer = destination_grow;
	writer->destination.term_destination = destination_end;
	jpeg->dest = &writer->destination;

	jpeg->image_width = (JDIMENSION) image->width;
	jpeg->image_height = (JDIMENSION) image->height;
	jpeg->input_components = image->channels;
	jpeg->in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, writer->quality, TRUE);
	for (int c = 0; c < jpeg->num_components; c++)
	{
		jpeg->comp_info[c].h_samp_factor = c == 0 ? writer->luma_factor : 1;
		jpeg->comp_info[c].v_samp_factor = 1;
	}
	jpeg_start_compress(jpeg, TRUE);
	for (int y = 0; y < image->height; y++)
	{
		JSAMPROW	row = image->pixels + (size_t) y * stride;
		Status		status = y % POLL_ROWS == 0 ? call_poll(writer->call) : status_ok();

		if (status.code != LS_OK)
			writer_fail(writer, status);
		jpeg_write_scanlines(jpeg, &row, 1);
	}
	jpeg_finish_compress(jpeg);
}

/* Encode with one colour per pixel, or per pair of pixels in a row. */
static Status
encode_jpeg(const Call *call, const Image *image, int quality, int luma_factor, EncodedImage *encoded)
{
	JpegWriter	writer = {.call = call, .image = image, .quality = quality, .luma_factor = luma_factor};

	memset(encoded, 0, sizeof *encoded);
	if (quality < 1 || quality > 100)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the JPEG quality is %d", quality),
								"Quality goes from 1 (smallest) to 100 (best).");
	if (image->width > JPEG_MAX_DIMENSION || image->height > JPEG_MAX_DIMENSION)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "%d x %d pixels do not fit in a JPEG image",
											 image->width, image->height),
								"JPEG allows %ld pixels in each direction; use PNG.", JPEG_MAX_DIMENSION);
	writer.status = status_ok();
	if (setjmp(writer.jump) == 0)
		write_image(&writer);
	jpeg_destroy_compress(&writer.jpeg);
	if (writer.status.code != LS_OK)
	{
		call_free(call, writer.encoded.bytes);
		return writer.status;
	}
	*encoded = writer.encoded;
	return status_ok();
}

/* 4:4:4: lesions' colour edges matter. */
Status
jpeg_encode(const Call *call, const Image *image, int quality, EncodedImage *encoded)
{
	return encode_jpeg(call, image, quality, 1, encoded);
}

Status
jpeg_encode_422(const Call *call, const Image *image, int quality, EncodedImage *encoded)
{
	return encode_jpeg(call, image, quality, image->channels == 3 ? 2 : 1, encoded);
}

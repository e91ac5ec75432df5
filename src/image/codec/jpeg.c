/*
 * jpeg.c: JPEG read through libjpeg-turbo.
 *
 * As in png.c, libjpeg calls run as a body under one setjmp, and all that must
 * outlive a jump is in the reader, in the caller's frame. Its memory is capped
 * by max_memory_to_use (coefficients of a progressive file are the large
 * part), the number of scans by SCANS_MAX, and the progress monitor polls the
 * call between the rows of every scan.
 *
 * libjpeg repairs what it can and goes on: a truncated file becomes grey below
 * the cut. In a medical archive that is a broken image, so warnings that mean
 * lost pixels are errors here; other warnings are ignored. A file that lacks
 * only its end marker has all its pixels and is accepted.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "image/codec/formats.h"

#define SCANS_MAX 100			/* progressive files have about 10; hostile ones thousands */
#define LOSSLESS_FRAME 0xC3		/* marker SOF3 */

typedef struct JpegReader
{
	const Call *call;
	const uint8_t *bytes;
	size_t		size;

	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_source_mgr source;
	struct jpeg_progress_mgr progress;
	jmp_buf		jump;
	Status		status;			/* why a body ended */

	const DecodeRequest *request;
	Image	   *image;			/* the result; freed by the caller on failure */
	void	   *row;			/* one row of CMYK and, behind it, one of RGB */
	bool		ended;			/* the bytes are used up and an end marker was made up */
} JpegReader;

/* Leave the running body with this status. */
static void
reader_fail(JpegReader *reader, Status status)
{
	reader->status = status;
	longjmp(reader->jump, 1);
}

/* Leave the running body unless status is OK. */
static void
reader_check(JpegReader *reader, Status status)
{
	if (status.code != LS_OK)
		reader_fail(reader, status);
}

static Status
not_lossy(void)
{
	return format_unsupported("JPEG", "lossless or hierarchical coding");
}

static Status
not_8_bits(void)
{
	return format_unsupported("JPEG", "a sample precision other than 8 bits");
}

/* Turn libjpeg's current message into a Status. */
static Status
libjpeg_status(j_common_ptr jpeg)
{
	char		text[JMSG_LENGTH_MAX];

	switch (jpeg->err->msg_code)
	{
		case JERR_OUT_OF_MEMORY:
			if (jpeg->mem == NULL || jpeg->mem->max_memory_to_use == 0)
				return status_error(LS_OUT_OF_MEMORY, "libjpeg ran out of memory");
			/* FALLTHROUGH */
		case JERR_NO_BACKING_STORE:
			return status_with_hint(status_error(LS_LIMIT_EXCEEDED,
												 "the JPEG image needs more than %ld bytes to decode",
												 jpeg->mem->max_memory_to_use),
									"Raise lesionseg.max_memory, or store the image as a baseline JPEG.");
		case JERR_SOF_UNSUPPORTED:
			return not_lossy();
		case JERR_BAD_PRECISION:
			return not_8_bits();
		case JERR_CONVERSION_NOTIMPL:
			return format_unsupported("JPEG", "a colour space that is not handled");
		default:
			jpeg->err->format_message(jpeg, text);
			return format_broken("JPEG", text);
	}
}

static void
reader_error(j_common_ptr jpeg)
{
	reader_fail(jpeg->client_data, libjpeg_status(jpeg));
}

/* Stop at warnings that mean lost pixels; level is -1 for warnings and >= 0
 * for traces. libjpeg-turbo 3 reads lossless files of some colours, older ones
 * none: all servers give one answer, by the trace that names a frame's marker. */
static void
reader_message(j_common_ptr jpeg, int level)
{
	const JpegReader *reader = jpeg->client_data;

	if (level >= 0)
	{
		if (jpeg->err->msg_code == JTRC_SOF && jpeg->err->msg_parm.i[0] == LOSSLESS_FRAME)
			reader_fail(jpeg->client_data, not_lossy());
		return;
	}
	switch (jpeg->err->msg_code)
	{
		case JWRN_HIT_MARKER:
		case JWRN_HUFF_BAD_CODE:
		case JWRN_ARITH_BAD_CODE:
		case JWRN_MUST_RESYNC:
		case JWRN_NOT_SEQUENTIAL:
			if (reader->ended)
				reader_fail(jpeg->client_data, format_truncated("JPEG", reader->size));
			reader_error(jpeg);
			break;
		default:
			break;
	}
}

static void
source_nothing(j_decompress_ptr jpeg)
{
	(void) jpeg;
}

/*
 * May the file lack only its end marker? Only if its last scan has begun; if
 * that scan is cut, libjpeg warns, which is an error above. For missing scans
 * there is no warning, so in an image of several scans every bit of every
 * coefficient must have had its scan. With arithmetic coding a cut scan gives
 * no warning either, so the answer is no.
 */
static bool
last_scan_begun(const JpegReader *reader)
{
	const struct jpeg_decompress_struct *jpeg = &reader->jpeg;

	if (reader->image == NULL || reader->image->pixels == NULL || jpeg->arith_code)
		return false;
	if (!jpeg->progressive_mode)
		return jpeg->comps_in_scan == jpeg->num_components;
	if (jpeg->coef_bits == NULL)
		return false;
	for (int component = 0; component < jpeg->num_components; component++)
		for (int i = 0; i < DCTSIZE2; i++)
			if (jpeg->coef_bits[component][i] != 0)
				return false;
	return true;
}

/* All bytes are in the buffer from the start. If libjpeg asks for more, the
 * file is cut; once, an end marker is made up. */
static boolean
source_fill(j_decompress_ptr jpeg)
{
	static const JOCTET end_marker[] = {0xFF, JPEG_EOI};
	JpegReader *reader = jpeg->client_data;

	if (reader->ended || !last_scan_begun(reader))
		reader_fail(reader, format_truncated("JPEG", reader->size));
	reader->ended = true;
	jpeg->src->next_input_byte = end_marker;
	jpeg->src->bytes_in_buffer = sizeof end_marker;
	return TRUE;
}

static void
source_skip(j_decompress_ptr jpeg, long count)
{
	JpegReader *reader = jpeg->client_data;

	if (count <= 0)
		return;
	if ((size_t) count > jpeg->src->bytes_in_buffer)
		reader_fail(reader, format_truncated("JPEG", reader->size));
	jpeg->src->next_input_byte += count;
	jpeg->src->bytes_in_buffer -= (size_t) count;
}

/* Called between the rows of blocks of every scan. */
static void
reader_progress(j_common_ptr jpeg)
{
	JpegReader *reader = jpeg->client_data;

	if (reader->jpeg.input_scan_number > SCANS_MAX)
		reader_fail(reader, format_broken("JPEG", "it has more scans than any encoder writes"));
	reader_check(reader, call_poll(reader->call));
}

/* Body: read all that comes before the first scan. */
static void
read_header(JpegReader *reader)
{
	j_decompress_ptr jpeg = &reader->jpeg;
	size_t		max_memory = reader->call->host.max_memory;

	jpeg->err = jpeg_std_error(&reader->errors);
	jpeg->client_data = reader;
	reader->errors.error_exit = reader_error;
	reader->errors.emit_message = reader_message;
	jpeg_create_decompress(jpeg);	/* keeps err and client_data */
	jpeg->mem->max_memory_to_use = max_memory < LONG_MAX ? (long) max_memory : LONG_MAX;

	reader->source.next_input_byte = reader->bytes;
	reader->source.bytes_in_buffer = reader->size;
	reader->source.init_source = source_nothing;
	reader->source.fill_input_buffer = source_fill;
	reader->source.skip_input_data = source_skip;
	reader->source.resync_to_restart = jpeg_resync_to_restart;
	reader->source.term_source = source_nothing;
	jpeg->src = &reader->source;

	reader->progress.progress_monitor = reader_progress;
	jpeg->progress = &reader->progress;
	jpeg_read_header(jpeg, TRUE);
	if (jpeg->data_precision != 8)	/* libjpeg-turbo 3 would say so after the header */
		reader_fail(reader, not_8_bits());
}

/* Choose the smallest scale, in eighths, that still covers the size asked
 * for. libjpeg offers every eighth, but those between the powers of two have
 * no vector code: 5/8 takes as long as full size. */
static unsigned
choose_scale(const DecodeRequest *request, unsigned width, unsigned height)
{
	unsigned	eighths = 1;

	if (request->width == 0)
		return 8;
	while (eighths < 8 && ((width * eighths + 7) / 8 < (unsigned) request->width ||
						   (height * eighths + 7) / 8 < (unsigned) request->height))
		eighths *= 2;
	return eighths;
}

/* Turn a row of CMYK into RGB. Ink is stored inverted (255 = no ink), as Adobe
 * does. All other writers follow, also in files without Adobe's marker. */
static void
cmyk_to_rgb(const uint8_t *cmyk, int width, uint8_t *rgb)
{
	for (int x = 0; x < width; x++, cmyk += 4, rgb += 3)
		for (int c = 0; c < 3; c++)
			rgb[c] = (uint8_t) ((cmyk[c] * cmyk[3] + 127) / 255);
}

/* Body: decode the pixels. */
static void
read_pixels(JpegReader *reader)
{
	j_decompress_ptr jpeg = &reader->jpeg;
	bool		cmyk;
	int			width;
	int			height;

	read_header(reader);
	reader_check(reader, image_check_size(reader->call, (int) jpeg->image_width, (int) jpeg->image_height));
	if (jpeg->num_components == 3 && reader->request->jpeg_colour != JPEG_COLOUR_BY_FILE)
		jpeg->jpeg_color_space = reader->request->jpeg_colour == JPEG_COLOUR_RGB ? JCS_RGB : JCS_YCbCr;
	cmyk = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
	if (cmyk)
		jpeg->out_color_space = JCS_CMYK;
	else if (reader->request->as == DECODE_RGB)
		jpeg->out_color_space = JCS_RGB;
	else
		jpeg->out_color_space = JCS_GRAYSCALE;
	jpeg->scale_num = choose_scale(reader->request, jpeg->image_width, jpeg->image_height);
	jpeg->scale_denom = 8;
	jpeg_calc_output_dimensions(jpeg);
	width = (int) jpeg->output_width;
	height = (int) jpeg->output_height;
	reader_check(reader, rows_begin(reader->call, reader->request, width, height, reader->image));
	if (cmyk)
		reader_check(reader, call_alloc_array(reader->call, (size_t) width, 4 + 3, &reader->row));
	jpeg_start_decompress(jpeg);
	for (int y = 0; y < height; y++)
	{
		uint8_t    *out = rows_at(reader->request, reader->image, y);
		JSAMPROW	row = cmyk ? reader->row : out;

		if (y % POLL_ROWS == 0)
			reader_check(reader, call_poll(reader->call));
		jpeg_read_scanlines(jpeg, &row, 1);
		if (cmyk)
		{
			uint8_t    *rgb = row + (size_t) width * 4;

			cmyk_to_rgb(row, width, rgb);
			pixels_store(reader->request, rgb, 3, width, out);
		}
		reader_check(reader, rows_done(reader->request, reader->image));
	}
	jpeg_finish_decompress(jpeg);
}

/* Run a body of libjpeg calls; return why it ended. */
static Status
jpeg_run(JpegReader *reader, void (*body) (JpegReader *reader))
{
	reader->status = status_ok();
	if (setjmp(reader->jump) == 0)
		body(reader);
	return reader->status;
}

/* Release all that libjpeg and the bodies allocated. */
static void
reader_close(JpegReader *reader)
{
	jpeg_destroy_decompress(&reader->jpeg);
	call_free(reader->call, reader->row);
}

Status
jpeg_header(const Call *call, const uint8_t *bytes, size_t size, ImageInfo *info)
{
	JpegReader	reader = {.call = call, .bytes = bytes, .size = size};
	Status		status = jpeg_run(&reader, read_header);

	if (status.code == LS_OK)
	{
		info->width = (int) reader.jpeg.image_width;
		info->height = (int) reader.jpeg.image_height;
		info->channels = reader.jpeg.num_components;
		info->bits = reader.jpeg.data_precision;
	}
	reader_close(&reader);
	return status;
}

Status
jpeg_decode(const Call *call, const uint8_t *bytes, size_t size, const DecodeRequest *request,
			Image *image)
{
	JpegReader	reader = {.call = call, .bytes = bytes, .size = size, .request = request, .image = image};
	Status		status = jpeg_run(&reader, read_pixels);

	reader_close(&reader);
	return status;
}

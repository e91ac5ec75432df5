/*
 * jpeg_2000.c: JPEG 2000 (ISO 15444-1) through OpenJPEG.
 *
 * OpenJPEG takes its memory from malloc and trusts the codestream's headers, so
 * they are read first (jpeg_2000_header.h): the size must be the data set's, and
 * what decoding will take must lie within max_memory. An image of one tile is
 * decoded strip by strip, so that a cancel does not wait for the whole; of
 * one with more tiles, the reading of each asks the call.
 */
#include <openjpeg.h>
#include <string.h>

#include "core/checked.h"
#include "dicom/pixels/jpeg_2000_header.h"
#include "dicom/pixels/raster.h"

#define STREAM_PIECE 65536
#define STRIP_SAMPLES 600000	/* decoded between two polls */
#define STRIP_ROWS_LEAST 64		/* code blocks have so many rows: fewer would be decoded twice */
#define TILE_BYTES 16384		/* what OpenJPEG keeps for each tile of three components */

/* The bytes that OpenJPEG reads. */
typedef struct Source
{
	const Call *call;
	const uint8_t *bytes;
	size_t		size;
	size_t		at;
	Status		status;			/* the first failure */
} Source;

/* Check the header against the data set and the limits. */
static Status
check_codestream(const Call *call, const Jpeg2000Header *stream, const DicomPixels *pixels)
{
	uint64_t	need;

	if (stream->width != (uint32_t) pixels->width || stream->height != (uint32_t) pixels->height ||
		stream->components != (uint32_t) pixels->samples)
		return dicom_broken("its JPEG 2000 stream's size or components are not those of the data set");
	need = (uint64_t) stream->width * stream->height * stream->components * 2 * sizeof(OPJ_INT32);
	if (stream->tiles > call->host.max_memory / TILE_BYTES || need + stream->tiles * TILE_BYTES > call->host.max_memory)
		return status_with_hint(status_error(LS_LIMIT_EXCEEDED,
											 "the JPEG 2000 image needs %llu bytes to decode, the limit is %zu",
											 (unsigned long long) (need + stream->tiles * TILE_BYTES), call->host.max_memory),
								"Raise lesionseg.max_memory, or store the image uncompressed.");
	return status_ok();
}

static OPJ_SIZE_T
source_read(void *buffer, OPJ_SIZE_T count, void *user)
{
	Source	   *source = user;
	size_t		left = source->size - source->at;

	if (source->status.code == LS_OK)
		source->status = call_poll(source->call);
	if (source->status.code != LS_OK || left == 0)
		return (OPJ_SIZE_T) -1;
	if (count > left)
		count = left;
	memcpy(buffer, source->bytes + source->at, count);
	source->at += count;
	return count;
}

static OPJ_OFF_T
source_skip(OPJ_OFF_T count, void *user)
{
	Source	   *source = user;

	if (count < 0 || (uint64_t) count > source->size - source->at)
		return -1;
	source->at += (size_t) count;
	return count;
}

static OPJ_BOOL
source_seek(OPJ_OFF_T offset, void *user)
{
	Source	   *source = user;

	if (offset < 0 || (uint64_t) offset > source->size)
		return OPJ_FALSE;
	source->at = (size_t) offset;
	return OPJ_TRUE;
}

/* Keep OpenJPEG's first complaint. */
static void
keep_message(const char *message, void *user)
{
	Source	   *source = user;

	if (source->status.code == LS_OK)
		source->status = status_with_hint(status_error(LS_INVALID_IMAGE,
													   "the DICOM image's JPEG 2000 stream is broken: %.*s",
													   (int) strcspn(message, "\n"), message),
										  "Store an intact copy of the file.");
}

static void
drop_message(const char *message, void *user)
{
	(void) message;
	(void) user;
}

/* Why a call of OpenJPEG failed. */
static Status
failure(const Source *source)
{
	return source->status.code != LS_OK ? source->status : dicom_broken("its JPEG 2000 stream cannot be decoded");
}

/* Check what OpenJPEG made of the components' descriptions. */
static Status
check_components(const opj_image_t *image)
{
	for (OPJ_UINT32 c = 0; c < image->numcomps; c++)
	{
		if (image->comps[c].dx != 1 || image->comps[c].dy != 1)
			return dicom_unsupported("JPEG 2000 with components of different sizes");
		if (image->comps[c].prec < 1 || image->comps[c].prec > 16)
			return dicom_unsupported("JPEG 2000 with samples of more than 16 bits");
		if (image->comps[c].prec != image->comps[0].prec || image->comps[c].sgnd != image->comps[0].sgnd)
			return dicom_unsupported("JPEG 2000 with components of different kinds");
	}
	return status_ok();
}

/* Copy decoded rows, the first of them row `top`, into a raster. */
static Status
store_rows(const opj_image_t *image, const Raster *raster, int top, int rows, uint8_t *out)
{
	for (int c = 0; c < raster->samples; c++)
	{
		const opj_image_comp_t *component = &image->comps[c];

		if (component->data == NULL || component->w != (OPJ_UINT32) raster->width || component->h != (OPJ_UINT32) rows)
			return dicom_broken("its JPEG 2000 stream lacks a component");
		for (int y = 0; y < rows; y++)
		{
			const OPJ_INT32 *in = component->data + (size_t) y * component->w;
			uint8_t    *at = out + (size_t) (top + y) * raster->row_step + (size_t) c * raster->sample_step;

			for (int x = 0; x < raster->width; x++, at += raster->pixel_step)
			{
				at[0] = (uint8_t) in[x];
				if (raster->sample_bytes == 2)
					at[1] = (uint8_t) ((uint32_t) in[x] >> 8);
			}
		}
	}
	return status_ok();
}

/* Decode strip by strip into a new raster; the caller frees it on failure. */
static Status
decode_strips(Source *source, opj_codec_t *codec, opj_stream_t *stream, opj_image_t *image, const Jpeg2000Header *header,
			  const DicomPixels *pixels, Raster *raster)
{
	int			strip = STRIP_SAMPLES / (pixels->width * pixels->samples);
	uint8_t    *out;

	TRY(check_components(image));
	TRY(raster_create(source->call, pixels, image->comps[0].prec > 8 ? 2 : 1, raster, &out));
	raster_set_precision(raster, (int) image->comps[0].prec);
	raster->is_signed = pixels->is_signed || image->comps[0].sgnd != 0;
	if (header->transformed && pixels->samples == 3)
		raster->photometric = PHOTOMETRIC_RGB;
	if (strip < STRIP_ROWS_LEAST)
		strip = STRIP_ROWS_LEAST;
	if (header->tiles > 1)
		strip = pixels->height;
	for (int y = 0; y < pixels->height; y += strip)
	{
		int			rows = pixels->height - y < strip ? pixels->height - y : strip;
		OPJ_INT32	left = (OPJ_INT32) header->left;
		OPJ_INT32	top = (OPJ_INT32) header->top + y;

		TRY(call_poll(source->call));
		if (!opj_set_decode_area(codec, image, left, top, left + pixels->width, top + rows) ||
			!opj_decode(codec, stream, image))
			return failure(source);
		TRY(store_rows(image, raster, y, rows, out));
	}
	return status_ok();
}

/* Run OpenJPEG on a codestream whose header has been checked. */
static Status
decode_codestream(Source *source, const Jpeg2000Header *header, const DicomPixels *pixels, Raster *raster)
{
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(STREAM_PIECE, OPJ_TRUE);
	opj_image_t *image = NULL;
	opj_dparameters_t parameters;
	Status		status;

	opj_set_default_decoder_parameters(&parameters);
	if (codec == NULL || stream == NULL || !opj_setup_decoder(codec, &parameters))
		status = status_error(LS_OUT_OF_MEMORY, "OpenJPEG ran out of memory");
	else
	{
		opj_set_error_handler(codec, keep_message, source);
		opj_set_warning_handler(codec, drop_message, NULL);
		opj_set_info_handler(codec, drop_message, NULL);
		opj_stream_set_read_function(stream, source_read);
		opj_stream_set_skip_function(stream, source_skip);
		opj_stream_set_seek_function(stream, source_seek);
		opj_stream_set_user_data(stream, source, NULL);
		opj_stream_set_user_data_length(stream, source->size);
		if (!opj_read_header(stream, codec, &image))
			status = failure(source);
		else
			status = decode_strips(source, codec, stream, image, header, pixels, raster);
	}
	opj_image_destroy(image);
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return status;
}

Status
jpeg_2000_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
				 Raster *raster)
{
	Source		source = {.call = call, .status = status_ok()};
	Jpeg2000Header header;
	Status		status;

	memset(raster, 0, sizeof *raster);
	TRY(jpeg_2000_header(&bytes, &size, &header));
	TRY(check_codestream(call, &header, pixels));
	source.bytes = bytes;
	source.size = size;
	status = decode_codestream(&source, &header, pixels, raster);
	if (status.code != LS_OK)
		raster_free(call, raster);
	return status;
}

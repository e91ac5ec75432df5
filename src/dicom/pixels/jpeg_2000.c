/*
 * jpeg_2000.c: JPEG 2000 (ISO 15444-1) through OpenJPEG.
 *
 * OpenJPEG takes its memory from malloc and trusts the codestream's headers,
 * so we read them first (jpeg_2000_header.h): the size must be the data set's,
 * and the memory for decoding must be within max_memory. An image of one tile
 * is decoded strip by strip, so that a cancel does not wait for the whole
 * image. With more tiles OpenJPEG can decode only one area after opening, so
 * the stream is opened again for each area.
 */
#include <openjpeg.h>
#include <string.h>

#include "core/checked.h"
#include "dicom/pixels/jpeg_2000_header.h"
#include "dicom/pixels/raster.h"

#define STREAM_PIECE 65536
#define STRIP_SAMPLES 600000	/* decoded between two polls */
#define STRIP_ROWS_LEAST 64		/* code blocks have so many rows: fewer would be decoded twice */
#define TILE_BYTES 16384		/* bytes that OpenJPEG keeps for each tile of three components */

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
											 (unsigned long long) (need + stream->tiles * TILE_BYTES),
											 call->host.max_memory),
								"Raise lesionseg.max_memory, or store the image uncompressed.");
	return status_ok();
}

/* A part of the image, in pixels from its upper left corner. */
typedef struct Area
{
	int			left;
	int			top;
	int			width;
	int			height;
} Area;

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

/* The failure of a call of OpenJPEG. */
static Status
openjpeg_failure(const Source *source)
{
	return source->status.code != LS_OK ? source->status : dicom_broken("its JPEG 2000 stream cannot be decoded");
}

/* Check the components as OpenJPEG read them. */
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

/* Copy a decoded area into a raster. */
static Status
store_area(const opj_image_t *image, const Area *area, const Raster *raster)
{
	uint8_t    *out = (uint8_t *) raster->owned + (size_t) area->top * raster->row_step +
		(size_t) area->left * raster->pixel_step;

	for (int c = 0; c < raster->samples; c++)
	{
		const opj_image_comp_t *component = &image->comps[c];

		if (component->data == NULL || component->w != (OPJ_UINT32) area->width ||
			component->h != (OPJ_UINT32) area->height)
			return dicom_broken("its JPEG 2000 stream lacks a component");
		for (int y = 0; y < area->height; y++)
		{
			const OPJ_INT32 *in = component->data + (size_t) y * component->w;
			uint8_t    *at = out + (size_t) y * raster->row_step + (size_t) c * raster->sample_step;

			for (int x = 0; x < area->width; x++, at += raster->pixel_step)
			{
				at[0] = (uint8_t) in[x];
				if (raster->sample_bytes == 2)
					at[1] = (uint8_t) ((uint32_t) in[x] >> 8);
			}
		}
	}
	return status_ok();
}

/* Make the raster if this is the first area. */
static Status
need_raster(const Source *source, const opj_image_t *image, const Jpeg2000Header *header, const DicomPixels *pixels,
			Raster *raster)
{
	uint8_t    *out;

	if (raster->owned != NULL)
		return status_ok();
	TRY(raster_create(source->call, pixels, image->comps[0].prec > 8 ? 2 : 1, raster, &out));
	raster_set_precision(raster, (int) image->comps[0].prec);
	raster->is_signed = pixels->is_signed || image->comps[0].sgnd != 0;
	if (header->transformed && pixels->samples == 3)
		raster->photometric = PHOTOMETRIC_RGB;
	return status_ok();
}

static int
at_least(int value, int least)
{
	return value > least ? value : least;
}

static int
at_most(int value, int most)
{
	return value < most ? value : most;
}

/* Decode an area into the raster, strip by strip if the image is one tile; the
 * caller frees the raster on failure. */
static Status
decode_area(Source *source, opj_codec_t *codec, opj_stream_t *stream, opj_image_t *image, const Jpeg2000Header *header,
			const Area *area, const Raster *raster)
{
	int			rows = header->tiles > 1 ? area->height :
		at_least(STRIP_SAMPLES / (area->width * raster->samples), STRIP_ROWS_LEAST);

	for (int y = 0; y < area->height; y += rows)
	{
		Area		strip = {area->left, area->top + y, area->width, at_most(rows, area->height - y)};
		OPJ_INT32	left = (OPJ_INT32) header->left + strip.left;
		OPJ_INT32	top = (OPJ_INT32) header->top + strip.top;

		TRY(call_poll(source->call));
		if (!opj_set_decode_area(codec, image, left, top, left + strip.width, top + strip.height) ||
			!opj_decode(codec, stream, image))
			return openjpeg_failure(source);
		TRY(store_area(image, &strip, raster));
	}
	return status_ok();
}

/* Open a codestream whose header has been checked, and decode an area. */
static Status
open_area(Source *source, const Jpeg2000Header *header, const DicomPixels *pixels, const Area *area, Raster *raster)
{
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(STREAM_PIECE, OPJ_TRUE);
	opj_image_t *image = NULL;
	opj_dparameters_t parameters;
	Status		status;

	source->at = 0;
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
		status = opj_read_header(stream, codec, &image) ? check_components(image) : openjpeg_failure(source);
		if (status.code == LS_OK)
			status = need_raster(source, image, header, pixels, raster);
		if (status.code == LS_OK)
			status = decode_area(source, codec, stream, image, header, area, raster);
	}
	opj_image_destroy(image);
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return status;
}

/* The size of an area: the whole image if it is one tile; else as many tiles
 * as can be decoded between two polls, or a part of one tile. */
static void
choose_area(const Jpeg2000Header *header, Area *area)
{
	int			width = (int) header->tile_width;
	int			height = (int) header->tile_height;
	int			samples = (int) header->components;
	int64_t		tile = (int64_t) width * height * samples;
	int			columns = ((int) header->width - 1) / width + 1;

	area->width = (int) header->width;
	area->height = (int) header->height;
	if (header->tiles == 1)
		return;
	if (tile > 2 * STRIP_SAMPLES)
	{
		area->width = width;
		area->height = at_most(height, at_least(STRIP_SAMPLES / (width * samples), STRIP_ROWS_LEAST));
		return;
	}
	if (tile * columns > STRIP_SAMPLES)
	{
		area->width = width * at_least((int) (STRIP_SAMPLES / tile), 1);
		area->height = height;
		return;
	}
	area->height = height * (int) (STRIP_SAMPLES / (tile * columns));
}

/* Decode a codestream whose header has been checked. */
static Status
decode_areas(Source *source, const Jpeg2000Header *header, const DicomPixels *pixels, Raster *raster)
{
	Area		size;

	choose_area(header, &size);
	for (int top = 0; top < pixels->height; top += size.height)
	{
		for (int left = 0; left < pixels->width; left += size.width)
		{
			Area		area = {
				left, top, at_most(size.width, pixels->width - left), at_most(size.height, pixels->height - top)
			};

			TRY(open_area(source, header, pixels, &area, raster));
		}
	}
	return status_ok();
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
	status = decode_areas(&source, &header, pixels, raster);
	if (status.code != LS_OK)
		raster_free(call, raster);
	return status;
}

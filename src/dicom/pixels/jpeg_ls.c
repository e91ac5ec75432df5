/*
 * jpeg_ls.c: JPEG-LS through CharLS. No C++ exception passes its C interface.
 * It decodes a frame in one call that cannot be stopped: a cancel waits for
 * the frame, a tenth of a second for each megapixel of colour.
 */
#include <string.h>

#include <charls/charls.h>

#include "core/checked.h"
#include "dicom/pixels/raster.h"

static Status
jpeg_ls_broken(charls_jpegls_errc error)
{
	return status_with_hint(status_error(LS_INVALID_IMAGE, "the DICOM image's JPEG-LS stream is broken: %s",
										 charls_get_error_message(error)),
							"Store an intact copy of the file.");
}

/* Read the stream's header and check it against the data set's. */
static Status
read_header(charls_jpegls_decoder *decoder, const DicomPixels *pixels, const uint8_t *bytes, size_t size,
			charls_frame_info *info)
{
	charls_jpegls_errc error = charls_jpegls_decoder_set_source_buffer(decoder, bytes, size);

	if (error == CHARLS_JPEGLS_ERRC_SUCCESS)
		error = charls_jpegls_decoder_read_header(decoder);
	if (error == CHARLS_JPEGLS_ERRC_SUCCESS)
		error = charls_jpegls_decoder_get_frame_info(decoder, info);
	if (error != CHARLS_JPEGLS_ERRC_SUCCESS)
		return jpeg_ls_broken(error);
	if (info->width != (uint32_t) pixels->width || info->height != (uint32_t) pixels->height ||
		info->component_count != pixels->samples)
		return dicom_broken("its JPEG-LS stream's size or components are not those of the data set");
	if (info->bits_per_sample < 2 || info->bits_per_sample > 16)
		return dicom_broken("its JPEG-LS stream's samples have not 2 to 16 bits");
	return status_ok();
}

/* Decode into a new raster; the caller frees it on failure. */
static Status
decode_jpeg_ls(const Call *call, charls_jpegls_decoder *decoder, const DicomPixels *pixels, const uint8_t *bytes,
			   size_t size, Raster *raster)
{
	charls_interleave_mode mode = CHARLS_INTERLEAVE_MODE_NONE;
	charls_frame_info info;
	charls_jpegls_errc error;
	uint8_t    *out;

	TRY(read_header(decoder, pixels, bytes, size, &info));
	TRY(raster_create(call, pixels, info.bits_per_sample > 8 ? 2 : 1, raster, &out));
	raster_set_precision(raster, info.bits_per_sample);
	TRY(call_poll(call));
	error = charls_jpegls_decoder_decode_to_buffer(decoder, out, raster->row_step * (size_t) raster->height, 0);
	if (error == CHARLS_JPEGLS_ERRC_SUCCESS)
		error = charls_jpegls_decoder_get_interleave_mode(decoder, &mode);
	if (error != CHARLS_JPEGLS_ERRC_SUCCESS)
		return jpeg_ls_broken(error);
	if (mode == CHARLS_INTERLEAVE_MODE_NONE && raster->samples > 1)
	{
		raster->pixel_step = (size_t) raster->sample_bytes;
		raster->row_step = raster->pixel_step * (size_t) raster->width;
		raster->sample_step = raster->row_step * (size_t) raster->height;
	}
	return call_poll(call);
}

Status
jpeg_ls_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size, Raster *raster)
{
	charls_jpegls_decoder *decoder = charls_jpegls_decoder_create();
	Status		status;

	memset(raster, 0, sizeof *raster);
	if (decoder == NULL)
		return status_error(LS_OUT_OF_MEMORY, "CharLS ran out of memory");
	status = decode_jpeg_ls(call, decoder, pixels, bytes, size, raster);
	charls_jpegls_decoder_destroy(decoder);
	if (status.code != LS_OK)
		raster_free(call, raster);
	return status;
}

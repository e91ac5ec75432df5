/*
 * raster.c: make and free rasters, and view native pixel data as one.
 */
#include "dicom/pixels/raster.h"

#include <string.h>

#include "core/checked.h"
#include "image/codec/formats.h"

#define POLL_BYTES (1024 * 1024)

/* Set the fields that come from the header. */
static void
set_header_fields(const DicomPixels *pixels, Raster *raster)
{
	memset(raster, 0, sizeof *raster);
	raster->width = pixels->width;
	raster->height = pixels->height;
	raster->samples = pixels->samples;
	raster->sample_bytes = pixels->bits_allocated / 8;
	raster->bits = pixels->bits_stored;
	raster->shift = pixels->high_bit + 1 - pixels->bits_stored;
	raster->is_signed = pixels->is_signed;
	raster->photometric = pixels->photometric;
}

/* Lay samples out pixel by pixel. */
static void
interleave(Raster *raster)
{
	raster->sample_step = (size_t) raster->sample_bytes;
	raster->pixel_step = raster->sample_step * (size_t) raster->samples;
	raster->row_step = raster->pixel_step * (size_t) raster->width;
}

Status
raster_create(const Call *call, const DicomPixels *pixels, int sample_bytes, Raster *raster, uint8_t **bytes)
{
	size_t		rows;

	set_header_fields(pixels, raster);
	raster->sample_bytes = sample_bytes;
	if (raster->photometric == PHOTOMETRIC_YBR_FULL_422)
		raster->photometric = PHOTOMETRIC_YBR_FULL;	/* decoders return a colour for every pixel */
	TRY(image_check_size(call, raster->width, raster->height));
	if (pixels->bits_allocated == 1)
		return dicom_unsupported("samples of 1 bit outside of a segmentation");
	interleave(raster);
	if (!checked_mul(raster->row_step, (size_t) raster->height, &rows))
		return status_error(LS_LIMIT_EXCEEDED, "an image of %d x %d pixels does not fit in memory", raster->width,
							raster->height);
	TRY(call_alloc_array(call, rows, 1, &raster->owned));
	raster->bytes = raster->owned;
	*bytes = raster->owned;
	return status_ok();
}

void
raster_set_precision(Raster *raster, int precision)
{
	if (raster->bits + raster->shift <= precision)
		return;
	raster->bits = precision;
	raster->shift = 0;
}

void
raster_free(const Call *call, Raster *raster)
{
	call_free(call, raster->owned);
	raster->owned = NULL;
	raster->bytes = NULL;
}

/* Exchange the bytes of 16-bit words: samples of 8 bits in a big-endian OW. A frame of an odd size may begin and end
 * within one. */
static Status
swap_words(const Call *call, const DicomElement *data, const FrameBytes *frame, Raster *raster)
{
	size_t		begin = (size_t) (frame->bytes - data->value);
	uint8_t    *out;

	if (frame->size > 0 && ((begin + frame->size - 1) | 1) >= data->length)
		return dicom_broken("PixelData (7FE0,0010) ends within a word");
	TRY(call_alloc(call, frame->size, &raster->owned));
	out = raster->owned;
	for (size_t i = 0; i < frame->size; i++)
	{
		if (i % POLL_BYTES == 0)
		{
			Status		status = call_poll(call);

			if (status.code != LS_OK)
			{
				raster_free(call, raster);
				return status;
			}
		}
		out[i] = data->value[(begin + i) ^ 1];
	}
	raster->bytes = out;
	return status_ok();
}

Status
native_raster(const DicomSet *set, const DicomPixels *pixels, const FrameBytes *frame, Raster *raster)
{
	size_t		bytes = (size_t) (pixels->bits_allocated / 8);

	set_header_fields(pixels, raster);
	if (raster->sample_bytes == 0)
		return dicom_unsupported("samples of 1 bit outside of a segmentation");
	if (pixels->photometric == PHOTOMETRIC_YBR_FULL_422 && (pixels->width % 2 == 1 || bytes != 1))
		return dicom_unsupported("YBR_FULL_422 with an odd width or 16 bits");
	raster->bytes = frame->bytes;
	raster->big_endian = set->syntax->big_endian;
	if (raster->big_endian && bytes == 1 && pixels->data->vr == DICOM_VR('O', 'W'))
		TRY(swap_words(set->call, pixels->data, frame, raster));
	if (pixels->photometric == PHOTOMETRIC_YBR_FULL_422)
	{
		raster->row_step = 2 * (size_t) pixels->width;
		return status_ok();
	}
	interleave(raster);
	if (pixels->planar && pixels->samples > 1)
	{
		raster->pixel_step = bytes;
		raster->row_step = bytes * (size_t) pixels->width;
		raster->sample_step = raster->row_step * (size_t) pixels->height;
	}
	return status_ok();
}

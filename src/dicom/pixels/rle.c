/*
 * rle.c: DICOM's run-length coding (PS3.5 annex G). A frame begins with 16
 * numbers: the number of segments and their offsets. Then come the segments,
 * in PackBits: each is one plane of bytes, the high byte of a sample before
 * the low one.
 */
#include <string.h>

#include "dicom/pixels/raster.h"

#define HEADER 64				/* 16 numbers of 32 bits */
#define POLL_BYTES 262144

static uint32_t
header_number(const uint8_t *bytes, int n)
{
	const uint8_t *b = bytes + 4 * n;

	return (uint32_t) b[0] | (uint32_t) b[1] << 8 | (uint32_t) b[2] << 16 | (uint32_t) b[3] << 24;
}

/* Expand one segment into every step-th byte of out. Bytes beyond `count`
 * are padding. */
static Status
expand_segment(const Call *call, const uint8_t *in, const uint8_t *end, uint8_t *out, size_t step, size_t count)
{
	size_t		done = 0;
	size_t		next_poll = 0;

	while (done < count)
	{
		unsigned	code;
		size_t		run;

		if (done >= next_poll)
		{
			TRY(call_poll(call));
			next_poll = done + POLL_BYTES;
		}
		if (in == end)
			return dicom_broken("a run-length coded plane ends too early");
		code = *in++;
		if (code == 128)
			continue;
		run = code < 128 ? code + 1 : 257 - code;
		if ((size_t) (end - in) < (code < 128 ? run : 1))
			return dicom_broken("a run-length coded plane ends too early");
		for (size_t i = 0; i < run && done < count; i++, done++)
			out[done * step] = in[code < 128 ? i : 0];
		in += code < 128 ? run : 1;
	}
	return status_ok();
}

/* Expand all segments into a raster. */
static Status
expand_segments(const Call *call, const uint8_t *bytes, size_t size, const Raster *raster, uint8_t *out)
{
	int			planes = raster->samples * raster->sample_bytes;
	size_t		count = (size_t) raster->width * (size_t) raster->height;

	if (size < HEADER)
		return dicom_broken("a run-length coded frame is shorter than its header");
	if (header_number(bytes, 0) != (uint32_t) planes)
		return dicom_broken("a run-length coded frame has not one plane for each byte of a pixel");
	for (int i = 0; i < planes; i++)
	{
		uint32_t	start = header_number(bytes, 1 + i);
		uint32_t	end = i + 1 < planes ? header_number(bytes, 2 + i) :
			(uint32_t) (size < UINT32_MAX ? size : UINT32_MAX);
		int			sample = i / raster->sample_bytes;
		int			byte = raster->sample_bytes - 1 - i % raster->sample_bytes;

		if (start < HEADER || end < start || end > size)
			return dicom_broken("a plane of a run-length coded frame lies outside of it");
		TRY(expand_segment(call, bytes + start, bytes + end,
						   out + (size_t) sample * raster->sample_step + (size_t) byte, raster->pixel_step, count));
	}
	return status_ok();
}

Status
rle_decode(const Call *call, const DicomPixels *pixels, const uint8_t *bytes, size_t size, Raster *raster)
{
	uint8_t    *out;
	Status		status;

	TRY(raster_create(call, pixels, pixels->bits_allocated / 8, raster, &out));
	status = expand_segments(call, bytes, size, raster, out);
	if (status.code != LS_OK)
		raster_free(call, raster);
	return status;
}

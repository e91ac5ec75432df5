/*
 * jpeg_stream.c: see jpeg_stream.h.
 */
#include "dicom/pixels/jpeg_stream.h"

#include <string.h>

/* Read the frame header's fields. */
static Status
read_frame(const uint8_t *segment, size_t length, JpegStream *stream)
{
	if (length < 6)
		return dicom_broken("its JPEG frame header is too short");
	stream->precision = segment[0];
	stream->height = segment[1] << 8 | segment[2];
	stream->width = segment[3] << 8 | segment[4];
	stream->components = segment[5];
	if (stream->components < 1 || stream->components > JPEG_COMPONENTS_MAX ||
		length < 6 + 3 * (size_t) stream->components)
		return dicom_broken("its JPEG frame header makes no sense");
	for (int i = 0; i < stream->components; i++)
	{
		stream->component[i].id = segment[6 + 3 * i];
		stream->component[i].horizontal = segment[7 + 3 * i] >> 4;
		stream->component[i].vertical = segment[7 + 3 * i] & 15;
	}
	return status_ok();
}

/* Does this marker start a frame? */
static bool
is_frame_marker(unsigned marker)
{
	return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

Status
jpeg_stream_read(const uint8_t *bytes, size_t size, JpegStream *stream)
{
	size_t		at = 2;

	memset(stream, 0, sizeof *stream);
	stream->adobe = -1;
	if (size < 4 || bytes[0] != 0xFF || bytes[1] != 0xD8)
		return dicom_broken("a frame is not a JPEG stream, as its transfer syntax has it");
	while (size - at >= 4 && bytes[at] == 0xFF)
	{
		unsigned	marker = bytes[at + 1];
		size_t		length;
		const uint8_t *segment = bytes + at + 4;

		if (marker == 0xFF)		/* fill bytes may stand before a marker */
		{
			at++;
			continue;
		}
		length = (size_t) bytes[at + 2] << 8 | bytes[at + 3];
		if (length < 2 || length > size - at - 2)
			break;
		length -= 2;
		if (is_frame_marker(marker))
		{
			stream->process = (int) (marker & 15);
			stream->after_frame = at + 4 + length;
			return read_frame(segment, length, stream);
		}
		if (marker == 0xE0 && length >= 5 && memcmp(segment, "JFIF", 5) == 0)
			stream->jfif = true;
		if (marker == 0xEE && length >= 12 && memcmp(segment, "Adobe", 5) == 0)
			stream->adobe = segment[11];
		if (marker == 0xDA)
			break;
		at += 4 + length;
	}
	return dicom_broken("a frame's JPEG stream has no frame header");
}

bool
jpeg_stream_is_ybr(const JpegStream *stream, Photometric photometric)
{
	if (stream->jfif)
		return true;
	if (stream->adobe >= 0)
		return stream->adobe != 0;
	return photometric == PHOTOMETRIC_YBR_FULL || photometric == PHOTOMETRIC_YBR_FULL_422;
}

/*
 * inflate.c: see inflate.h. zlib's own few kilobytes come from malloc; the
 * output, which grows with the input, comes from the call.
 */
#include "dicom/data/inflate.h"

#include <limits.h>
#include <string.h>

#include <zlib.h>

#include "core/buffer.h"

#define PIECE (256 * 1024)		/* bytes made between two polls */

/* Expand piece by piece; the caller ends the stream and frees the buffer. */
static Status
inflate_pieces(z_stream *stream, size_t most, ByteBuffer *out, bool *whole)
{
	int			result = Z_OK;

	while (result != Z_STREAM_END && out->size < most)
	{
		uint8_t    *room;
		size_t		before = out->size;

		TRY(call_poll(out->call));
		room = buffer_extend(out, PIECE);
		if (out->status.code == LS_LIMIT_EXCEEDED)
			return status_with_hint(status_error(LS_LIMIT_EXCEEDED,
												 "the deflated DICOM file needs more than %zu bytes",
												 out->call->host.max_memory),
									"Raise lesionseg.max_memory, or store the file in Explicit VR Little Endian.");
		TRY(out->status);
		stream->next_out = room;
		stream->avail_out = PIECE;
		result = inflate(stream, Z_NO_FLUSH);
		out->size = before + PIECE - stream->avail_out;
		if (result == Z_MEM_ERROR)
			return status_error(LS_OUT_OF_MEMORY, "zlib ran out of memory");
		if (result != Z_OK && result != Z_STREAM_END)
			return status_with_hint(status_error(LS_INVALID_IMAGE, "the deflated DICOM file is broken: %s",
												 result == Z_BUF_ERROR ? "it ends too early" :
												 stream->msg != NULL ? stream->msg : "its stream makes no sense"),
									"Store an intact copy of the file.");
	}
	*whole = result == Z_STREAM_END;
	return status_ok();
}

Status
dicom_inflate(const Call *call, const uint8_t *bytes, size_t size, size_t most, uint8_t **inflated,
			  size_t *inflated_size, bool *whole)
{
	z_stream	stream;
	ByteBuffer		out;
	Status		status;

	*inflated = NULL;
	memset(&stream, 0, sizeof stream);
	if (size > UINT_MAX)
		return status_with_hint(status_error(LS_ABOVE_ALL_LIMITS, "the deflated DICOM file has %zu bytes", size),
								"Store the file in Explicit VR Little Endian.");
	if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
		return status_error(LS_OUT_OF_MEMORY, "zlib ran out of memory");
	stream.next_in = (Bytef *) bytes;
	stream.avail_in = (uInt) size;
	buffer_init(&out, call);
	status = inflate_pieces(&stream, most, &out, whole);
	inflateEnd(&stream);
	if (status.code != LS_OK)
	{
		buffer_free(&out);
		return status;
	}
	*inflated = out.bytes;
	*inflated_size = out.size;
	return status_ok();
}

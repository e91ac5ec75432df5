/*
 * buffer.h: bytes or text that grow, for DICOM files, JSON and HTML pages.
 * Numbers are little endian.
 *
 * Appending returns no status: the first failure is kept in `status`, nothing
 * is appended after it, and the caller checks once, at the end.
 */
#ifndef LESIONSEG_CORE_BUFFER_H
#define LESIONSEG_CORE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

typedef struct ByteBuffer
{
	const Call *call;
	union
	{
		uint8_t    *bytes;		/* owned by call; NULL while empty */
		char	   *text;		/* the same; a 0 follows, which size does not count */
	};
	size_t		size;
	size_t		capacity;
	Status		status;			/* the first failure */
} ByteBuffer;

/* Start an empty buffer, whose memory will come from call. */
void		buffer_init(ByteBuffer *buffer, const Call *call);

/* Append count bytes without a value and return their address, for the caller
 * to write them; NULL after a failure. */
uint8_t    *buffer_extend(ByteBuffer *buffer, size_t count);

void		buffer_add(ByteBuffer *buffer, const void *bytes, size_t count);
void		buffer_add_text(ByteBuffer *buffer, const char *text);
void		buffer_add_u16(ByteBuffer *buffer, unsigned value);
void		buffer_add_u32(ByteBuffer *buffer, uint32_t value);

/* Append printf-formatted text. */
void		buffer_printf(ByteBuffer *buffer, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Overwrite four bytes with a 32-bit number. */
void		buffer_put_u32(ByteBuffer *buffer, size_t offset, uint32_t value);

/* Free the bytes; the buffer is empty again. */
void		buffer_free(ByteBuffer *buffer);

#endif

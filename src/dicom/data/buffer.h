/*
 * buffer.h: a growing buffer of bytes, for the writers of this room. Numbers
 * are little endian.
 *
 * Appending returns no status: the first failure is kept in `status`, nothing
 * is appended after it, and the caller checks once, at the end.
 */
#ifndef LESIONSEG_DICOM_BUFFER_H
#define LESIONSEG_DICOM_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

typedef struct ByteBuffer
{
	const Call *call;
	uint8_t    *bytes;			/* owned; buffer_free frees them */
	size_t		size;
	size_t		capacity;
	Status		status;
} ByteBuffer;

/* Start an empty buffer. */
void		buffer_init(ByteBuffer *buffer, const Call *call);

/* Append count bytes without a value and return their address, for the caller
 * to write them; NULL after a failure. */
uint8_t    *buffer_extend(ByteBuffer *buffer, size_t count);

void		buffer_add(ByteBuffer *buffer, const void *bytes, size_t count);
void		buffer_add_text(ByteBuffer *buffer, const char *text);
void		buffer_add_u16(ByteBuffer *buffer, unsigned value);
void		buffer_add_u32(ByteBuffer *buffer, uint32_t value);

/* Append a printf-formatted text of at most 255 bytes. */
void		buffer_printf(ByteBuffer *buffer, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Overwrite four bytes with a 32-bit number. */
void		buffer_put_u32(ByteBuffer *buffer, size_t offset, uint32_t value);

/* Free the bytes. */
void		buffer_free(ByteBuffer *buffer);

#endif

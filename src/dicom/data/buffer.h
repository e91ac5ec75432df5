/*
 * buffer.h: bytes that are appended to; what the writers of this room write
 * into. Numbers are little endian.
 *
 * Appending cannot fail as far as the caller sees: the first failure is kept
 * in `status`, nothing is appended after it, and the caller looks once, at
 * the end.
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
	uint8_t    *bytes;			/* owned: buffer_free, or the caller takes it */
	size_t		size;
	size_t		capacity;
	Status		status;
} ByteBuffer;

/* Start an empty buffer. */
void		buffer_init(ByteBuffer *buffer, const Call *call);

/* Make room for count more bytes and return where they start, to be written
 * to; NULL after a failure. They count as appended. */
uint8_t    *buffer_extend(ByteBuffer *buffer, size_t count);

void		buffer_add(ByteBuffer *buffer, const void *bytes, size_t count);
void		buffer_add_text(ByteBuffer *buffer, const char *text);
void		buffer_add_u16(ByteBuffer *buffer, unsigned value);
void		buffer_add_u32(ByteBuffer *buffer, uint32_t value);

/* Append a printf-formatted text of at most 255 bytes. */
void		buffer_printf(ByteBuffer *buffer, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/* Write a 32-bit number over bytes that are there already. */
void		buffer_put_u32(ByteBuffer *buffer, size_t offset, uint32_t value);

/* Free the bytes. */
void		buffer_free(ByteBuffer *buffer);

#endif

/*
 * buffer.c: see buffer.h.
 */
#include "core/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/checked.h"

#define FIRST_CAPACITY 4096

void
buffer_init(ByteBuffer *buffer, const Call *call)
{
	memset(buffer, 0, sizeof *buffer);
	buffer->call = call;
	buffer->status = status_ok();
}

/* Move the bytes to a larger block, of at least `needed` bytes. */
static void
buffer_grow(ByteBuffer *buffer, size_t needed)
{
	size_t		capacity = buffer->capacity == 0 ? FIRST_CAPACITY : buffer->capacity;
	void	   *larger;

	while (capacity < needed)
		capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
	if (capacity > buffer->call->host.max_memory && needed <= buffer->call->host.max_memory)
		capacity = buffer->call->host.max_memory;
	buffer->status = call_alloc(buffer->call, capacity, &larger);
	if (buffer->status.code != LS_OK)
		return;
	if (buffer->size > 0)
		memcpy(larger, buffer->bytes, buffer->size);
	call_free(buffer->call, buffer->bytes);
	buffer->bytes = larger;
	buffer->capacity = capacity;
}

uint8_t *
buffer_extend(ByteBuffer *buffer, size_t count)
{
	size_t		needed;
	uint8_t    *start;

	if (buffer->status.code != LS_OK)
		return NULL;
	if (!checked_add(buffer->size, count, &needed) || !checked_add(needed, 1, &needed))
		buffer->status = status_error(LS_LIMIT_EXCEEDED, "%zu more bytes do not fit in memory", count);
	else if (needed > buffer->capacity)
		buffer_grow(buffer, needed);
	if (buffer->status.code != LS_OK)
		return NULL;
	start = buffer->bytes + buffer->size;
	buffer->size += count;
	buffer->text[buffer->size] = '\0';
	return start;
}

void
buffer_add(ByteBuffer *buffer, const void *bytes, size_t count)
{
	uint8_t    *start = count == 0 ? NULL : buffer_extend(buffer, count);

	if (start != NULL)
		memcpy(start, bytes, count);
}

void
buffer_add_text(ByteBuffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void
buffer_add_u16(ByteBuffer *buffer, unsigned value)
{
	uint8_t		bytes[2] = {(uint8_t) value, (uint8_t) (value >> 8)};

	buffer_add(buffer, bytes, sizeof bytes);
}

void
buffer_add_u32(ByteBuffer *buffer, uint32_t value)
{
	buffer_add_u16(buffer, value & 0xFFFF);
	buffer_add_u16(buffer, value >> 16);
}

void
buffer_printf(ByteBuffer *buffer, const char *format,...)
{
	va_list		arguments;
	uint8_t    *start;
	int			size;

	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	start = size < 0 ? NULL : buffer_extend(buffer, (size_t) size);
	if (start == NULL)
		return;
	va_start(arguments, format);
	(void) vsnprintf((char *) start, (size_t) size + 1, format, arguments);
	va_end(arguments);
}

void
buffer_put_u32(ByteBuffer *buffer, size_t offset, uint32_t value)
{
	if (buffer->status.code != LS_OK)
		return;
	for (int i = 0; i < 4; i++)
		buffer->bytes[offset + (size_t) i] = (uint8_t) (value >> (8 * i));
}

void
buffer_free(ByteBuffer *buffer)
{
	call_free(buffer->call, buffer->bytes);
	buffer->bytes = NULL;
	buffer->size = 0;
	buffer->capacity = 0;
}

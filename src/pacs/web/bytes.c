/*
 * bytes.c: bytes that grow.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checked.h"
#include "pacs/web/bytes.h"

/* More than this is given back between two uses. */
#define KEPT (1 << 20)

Status
bytes_append(Bytes *bytes, const void *data, size_t size)
{
	size_t		needed;

	if (!checked_add(bytes->size, size, &needed) || !checked_add(needed, 1, &needed))
		return status_error(LS_OUT_OF_MEMORY, "too many bytes");
	if (needed > bytes->capacity)
	{
		size_t		capacity = bytes->capacity < 256 ? 256 : bytes->capacity;
		char	   *grown;

		while (capacity < needed && checked_mul(capacity, 2, &capacity))
			;
		grown = capacity < needed ? NULL : realloc(bytes->data, capacity);
		if (grown == NULL)
			return status_error(LS_OUT_OF_MEMORY, "out of memory for %zu bytes", needed);
		bytes->data = grown;
		bytes->capacity = capacity;
	}
	if (size > 0)
		memcpy(bytes->data + bytes->size, data, size);
	bytes->size += size;
	bytes->data[bytes->size] = '\0';
	return status_ok();
}

Status
bytes_print(Bytes *bytes, const char *format,...)
{
	char		text[1024];
	va_list		arguments;
	int			length;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t) length >= sizeof text)
		return status_error(LS_INTERNAL, "text of more than %zu bytes", sizeof text - 1);
	return bytes_append(bytes, text, (size_t) length);
}

Status
bytes_append_escaped(Bytes *bytes, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text != '\0'; text++)
	{
		if (strchr(plain, *text) != NULL)
			TRY(bytes_append(bytes, text, 1));
		else
			TRY(bytes_print(bytes, "%%%02X", (unsigned char) *text));
	}
	return status_ok();
}

void
bytes_reset(Bytes *bytes)
{
	if (bytes->capacity > KEPT)
		bytes_free(bytes);
	bytes->size = 0;
	if (bytes->data != NULL)
		bytes->data[0] = '\0';
}

void
bytes_free(Bytes *bytes)
{
	free(bytes->data);
	memset(bytes, 0, sizeof *bytes);
}

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

/* Bytes of the UTF-8 character at text; 0: there is none (RFC 3629, section 4). */
static size_t
utf8_length(const unsigned char *text)
{
	size_t		length = text[0] < 0x80 ? 1 : text[0] < 0xC2 ? 0 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 :
		text[0] < 0xF5 ? 4 : 0;
	size_t		i;

	for (i = 1; i < length; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	if ((text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] > 0x9F) ||
		(text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] > 0x8F))
		return 0;
	return length;
}

void
bytes_make_utf8(char *text)
{
	while (*text != '\0')
	{
		size_t		length = utf8_length((const unsigned char *) text);

		if (length == 0)
			*text = '?';
		text += length == 0 ? 1 : length;
	}
}

/*
 * markup.c: see markup.h.
 */
#include "report/markup.h"

#include <string.h>

#define NO_CHARACTER 0xFFFD

/* The character at the start of data, which is not at its end; *length is how many bytes it takes. */
static uint32_t
next_character(const uint8_t *data, int *length)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	int			bytes = data[0] < 0x80 ? 1 : data[0] >> 5 == 6 ? 2 : data[0] >> 4 == 14 ? 3 : data[0] >> 3 == 30 ?
		4 : 0;
	uint32_t	character;

	*length = 1;
	if (bytes == 0)
		return NO_CHARACTER;
	if (bytes == 1)
		return data[0];
	character = data[0] & (0x7Fu >> bytes);
	for (int i = 1; i < bytes; i++)
	{
		if (data[i] >> 6 != 2)		/* also stops at the 0 at the end */
			return NO_CHARACTER;
		character = character << 6 | (data[i] & 0x3Fu);
	}
	*length = bytes;
	if (character < least[bytes] || character > 0x10FFFF || (character >= 0xD800 && character < 0xE000))
		return NO_CHARACTER;
	return character;
}

void
markup_data(Markup *markup, const char *data)
{
	const uint8_t *at = (const uint8_t *) data;

	while (*at != 0)
	{
		int			length;
		uint32_t	character = next_character(at, &length);
		bool		control = (character < 0x20 && character != '\t' && character != '\n') ||
			(character >= 0x7F && character < 0xA0) || (character & 0xFFFE) == 0xFFFE ||
			(character >= 0xFDD0 && character <= 0xFDEF);

		at += length;
		if (control)
			character = NO_CHARACTER;
		if (character > 0x7E || strchr("&<>\"'`=", (int) character) != NULL)
			buffer_printf(markup, "&#%u;", (unsigned) character);
		else
			buffer_add(markup, at - 1, 1);
	}
}

void
markup_base64(Markup *markup, const uint8_t *bytes, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3)
	{
		uint32_t	three = (uint32_t) bytes[i] << 16;
		char		four[4] = {0, 0, '=', '='};

		if (i + 1 < size)
			three |= (uint32_t) bytes[i + 1] << 8;
		if (i + 2 < size)
			three |= bytes[i + 2];
		for (size_t k = 0; k < 4 && k < size - i + 1; k++)
			four[k] = digits[three >> (18 - 6 * k) & 63];
		buffer_add(markup, four, sizeof four);
	}
}

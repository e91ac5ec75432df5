/*
 * markup.c: see markup.h.
 */
#include "report/markup.h"

#include <string.h>

#define NO_CHARACTER 0xFFFD
#define POLL_BYTES 65536		/* of data between two polls */

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

/* Add a character as its number: "&#60;". */
static void
add_reference(Markup *markup, uint32_t character)
{
	char		room[12];
	size_t		at = sizeof room;

	room[--at] = ';';
	do
	{
		room[--at] = (char) ('0' + character % 10);
		character /= 10;
	} while (character > 0);
	room[--at] = '#';
	room[--at] = '&';
	buffer_add(markup, room + at, sizeof room - at);
}

/* The character as it is written: control characters are not. */
static uint32_t
harmless_character(uint32_t character)
{
	bool		control = (character < 0x20 && character != '\t' && character != '\n') ||
		(character >= 0x7F && character < 0xA0) || (character & 0xFFFE) == 0xFFFE ||
		(character >= 0xFDD0 && character <= 0xFDEF);

	return control ? NO_CHARACTER : character;
}

/* Add a piece of data, at most about POLL_BYTES; return where it ends. */
static const uint8_t *
add_piece(Markup *markup, const uint8_t *at)
{
	const uint8_t *start = at;
	const uint8_t *plain = at;	/* from here to `at`, all stands for itself */

	while (*at != 0 && at - start < POLL_BYTES)
	{
		int			length;
		uint32_t	character = harmless_character(next_character(at, &length));

		if (character > 0x7E || strchr("&<>\"'`=", (int) character) != NULL)
		{
			buffer_add(markup, plain, (size_t) (at - plain));
			add_reference(markup, character);
			plain = at + length;
		}
		at += length;
	}
	buffer_add(markup, plain, (size_t) (at - plain));
	return at;
}

void
markup_data(Markup *markup, const char *data)
{
	const uint8_t *at = (const uint8_t *) data;

	while (*at != 0 && markup->status.code == LS_OK)
	{
		at = add_piece(markup, at);
		if (*at != 0 && markup->status.code == LS_OK)
			markup->status = call_poll(markup->call);
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

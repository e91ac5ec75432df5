/*
 * uid.c: see uid.h.
 */
#include "core/uid.h"

#include <stddef.h>
#include <string.h>

bool
is_uid(const char *text)
{
	size_t		length = 0;
	size_t		digits;

	do
	{
		digits = strspn(text + length, "0123456789");
		length += digits + 1;
	} while (digits > 0 && length < UID_SIZE && text[length - 1] == '.');
	return digits > 0 && length <= UID_SIZE && text[length - 1] == '\0';
}

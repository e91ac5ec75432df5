/*
 * status.c: formatting of Status values.
 */
#include "core/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 sequence that starts with this byte; 1 for a byte that
 * starts none. */
static size_t
sequence_length(unsigned char lead)
{
	return lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
}

/* Format into text of that size. Longer text is cut, but never within a UTF-8
 * sequence: a server would refuse a broken one. */
static void
format_text(char *text, size_t size, const char *format, va_list args)
{
	size_t		end;

	if (vsnprintf(text, size, format, args) < (int) size)
		return;
	end = strlen(text);
	while (end > 0 && ((unsigned char) text[end - 1] & 0xC0) == 0x80)
		end--;
	if (end > 0 && end - 1 + sequence_length((unsigned char) text[end - 1]) > strlen(text))
		text[end - 1] = '\0';
}

Status
status_error(StatusCode code, const char *format,...)
{
	Status		status = status_ok();
	va_list		args;

	status.code = code;
	va_start(args, format);
	format_text(status.message, sizeof status.message, format, args);
	va_end(args);
	return status;
}

Status
status_with_hint(Status status, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	format_text(status.hint, sizeof status.hint, format, args);
	va_end(args);
	return status;
}

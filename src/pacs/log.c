/*
 * log.c: lines of log, or a counter on a terminal.
 *
 * Names and messages come from rows and from the PACS. So each line is written
 * without their control characters: they would end the line and begin
 * another one that says something else, or give orders to a terminal.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "pacs/log.h"
#include "pacs/web/bytes.h"

#define LINE_SIZE 4096			/* the rest of a longer line is left out */

/* The time in front of every line that no terminal shows. */
static void
print_time(FILE *out)
{
	time_t		now = time(NULL);
	struct tm	parts;
	char		text[32];

	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &parts));
	fprintf(out, "%s ", text);
}

static int
is_terminal(FILE *out)
{
	return isatty(fileno(out));
}

/* Put a question mark in the place of each control character: those of ASCII, and those of U+0080 to U+009F. */
static void
replace_controls(char *text)
{
	for (; *text != '\0'; text++)
	{
		unsigned char byte = (unsigned char) *text;

		if (byte < ' ' || byte == 0x7F)
			*text = '?';
		else if (byte == 0xC2 && (unsigned char) text[1] < 0xA0)
			text[0] = text[1] = '?';
	}
}

static void
print_arguments(FILE *out, const char *format, va_list arguments)
{
	char		line[LINE_SIZE];

	vsnprintf(line, sizeof line, format, arguments);
	bytes_make_utf8(line);
	replace_controls(line);
	fputs(line, out);
}

/* Print what may hold anything, in its line. */
static void
print_safely(FILE *out, const char *format,...)
			__attribute__((format(printf, 2, 3)));

static void
print_safely(FILE *out, const char *format,...)
{
	va_list		arguments;

	va_start(arguments, format);
	print_arguments(out, format, arguments);
	va_end(arguments);
}

void
log_object(const char *what, const char *uid, const char *format,...)
{
	static long count = 0;
	static time_t shown = 0;
	va_list		arguments;

	count++;
	if (is_terminal(stdout))
	{
		if (time(NULL) == shown)
			return;
		shown = time(NULL);
		putchar('\r');
		print_safely(stdout, "%s %ld: %s", what, count, uid);
		printf("\033[K");
		fflush(stdout);
		return;
	}
	print_time(stdout);
	print_safely(stdout, "%s %s ", what, uid);
	va_start(arguments, format);
	print_arguments(stdout, format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

void
log_text(const char *format,...)
{
	va_list		arguments;

	if (is_terminal(stdout))
		printf("\r\033[K");
	else
		print_time(stdout);
	va_start(arguments, format);
	print_arguments(stdout, format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
}

/* One line of an error, and its hint. */
static void
print_error(const char *what, const char *uid, const Status *status)
{
	if (is_terminal(stderr))
		fprintf(stderr, "\r\033[K");
	else
		print_time(stderr);
	print_safely(stderr, "%s %s%s%s", what, uid, *uid == '\0' ? "" : ": ", status->message);
	if (status->hint[0] != '\0')
		print_safely(stderr, " (%s)", status->hint);
	fputc('\n', stderr);
}

void
log_failure(const char *what, const char *uid, const Status *status)
{
	print_error(what, uid, status);
}

void
log_error(const Status *status)
{
	print_error("lesionseg-pacs:", "", status);
}

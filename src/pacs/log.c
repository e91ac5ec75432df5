/*
 * log.c: lines of log, or a counter on a terminal.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "pacs/log.h"

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
		printf("\r%s %ld: %s\033[K", what, count, uid);
		fflush(stdout);
		return;
	}
	print_time(stdout);
	printf("%s %s ", what, uid);
	va_start(arguments, format);
	vprintf(format, arguments);
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
	vprintf(format, arguments);
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
	fprintf(stderr, "%s %s%s%s", what, uid, *uid == '\0' ? "" : ": ", status->message);
	if (status->hint[0] != '\0')
		fprintf(stderr, " (%s)", status->hint);
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

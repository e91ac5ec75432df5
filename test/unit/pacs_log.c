/*
 * pacs_log.c: what rows and the PACS say stays in its line of the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "pacs/log.h"

#define TIME_LENGTH 20			/* "2026-01-31 14:00:00 " */
#define FORGED "a\n2026-01-31 14:00:00 sent 5\r\x1b[2J\x7f\xC2\x9Bm\xFF\xC3\xA9"
#define IN_ITS_LINE "a?2026-01-31 14:00:00 sent 5??[2J???m?\xC3\xA9"

/* Where a stream goes in its place. */
typedef struct Kept
{
	FILE	   *stream;
	FILE	   *file;
	int			before;			/* its own descriptor */
} Kept;

static Kept
keep(FILE *stream)
{
	Kept		kept = {stream, tmpfile(), -1};

	assert_non_null(kept.file);
	fflush(stream);
	kept.before = dup(fileno(stream));
	assert_true(dup2(fileno(kept.file), fileno(stream)) >= 0);
	return kept;
}

/* What was written to it, which goes on as before. */
static void
written(Kept *kept, char *text, size_t size)
{
	size_t		length;

	fflush(kept->stream);
	assert_true(dup2(kept->before, fileno(kept->stream)) >= 0);
	close(kept->before);
	rewind(kept->file);
	length = fread(text, 1, size - 1, kept->file);
	text[length] = '\0';
	fclose(kept->file);
}

static void
test_lines(void **state)
{
	char		text[1024];
	Kept		kept = keep(stdout);

	(void) state;
	log_object(FORGED, FORGED, "by %s", FORGED);
	written(&kept, text, sizeof text);
	assert_string_equal(text + TIME_LENGTH, IN_ITS_LINE " " IN_ITS_LINE " by " IN_ITS_LINE "\n");

	kept = keep(stdout);
	log_text("would send %s", FORGED);
	written(&kept, text, sizeof text);
	assert_string_equal(text + TIME_LENGTH, "would send " IN_ITS_LINE "\n");
}

static void
test_errors(void **state)
{
	char		text[1024];
	Status		failure = status_with_hint(status_error(LS_UNSUPPORTED, "%s", FORGED), "%s", FORGED);
	Kept		kept = keep(stderr);

	(void) state;
	log_failure(FORGED, FORGED, &failure);
	written(&kept, text, sizeof text);
	assert_string_equal(text + TIME_LENGTH, IN_ITS_LINE " " IN_ITS_LINE ": " IN_ITS_LINE " (" IN_ITS_LINE ")\n");
}

/* A line that is longer than any ends. */
static void
test_long_line(void **state)
{
	static char name[10000];
	static char text[20000];
	Kept		kept = keep(stdout);

	(void) state;
	memset(name, 'x', sizeof name - 1);
	log_text("%s", name);
	written(&kept, text, sizeof text);
	assert_int_equal(strspn(text + TIME_LENGTH, "x"), 4095);
	assert_string_equal(text + TIME_LENGTH + 4095, "\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

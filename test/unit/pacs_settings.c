/*
 * pacs_settings.c: the command line of lesionseg-pacs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/settings.h"

#define WORDS_MAX 16

/* The words of a command line, and what they are read into. */
typedef struct Line
{
	char		text[512];
	char	   *words[WORDS_MAX + 1];
	int			count;
	PacsSettings settings;
} Line;

/* Read "pull --url ...", words parted by |. */
static Status
read_line(const char *text, Line *line)
{
	char	   *word;
	char	   *rest;

	memset(line, 0, sizeof *line);
	snprintf(line->text, sizeof line->text, "lesionseg-pacs|%s", text);
	for (word = strtok_r(line->text, "|", &rest); word != NULL && line->count < WORDS_MAX;
		 word = strtok_r(NULL, "|", &rest))
		line->words[line->count++] = word;
	return settings_read(line->count, line->words, &line->settings);
}

static void
assert_refused(const char *text, const char *message)
{
	Line		line;
	Status		status = read_line(text, &line);

	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, message);
}

static void
test_defaults(void **state)
{
	Line		line;

	(void) state;
	assert_int_equal(read_line("pull|--url|http://h/dicom-web//", &line).code, LS_OK);
	assert_int_equal(line.settings.command, PACS_PULL);
	assert_string_equal(line.settings.url, "http://h/dicom-web");
	assert_int_equal(line.settings.modalities.count, 2);
	assert_string_equal(line.settings.modalities.values[0], "XC");
	assert_int_equal(line.settings.sop_classes.count, 2);
	assert_true(line.settings.sends[OBJECT_SEG] && line.settings.sends[OBJECT_PICTURE] &&
				line.settings.sends[OBJECT_REPORT]);
	assert_int_equal(line.settings.max_size, 400L << 20);
	assert_int_equal(line.settings.limit, 0);
	assert_null(line.settings.database);
}

static void
test_options(void **state)
{
	Line		line;

	(void) state;
	assert_int_equal(read_line("run|--url=https://h:8/x|--modality|OT|--send|seg,picture|"
							   "--every|5|--model|unet|--masks|"
							   "--match|StudyDate=2026-|--db|dbname=d user=u passfile=p", &line).code, LS_OK);
	assert_int_equal(line.settings.command, PACS_RUN);
	assert_int_equal(line.settings.modalities.count, 1);
	assert_string_equal(line.settings.modalities.values[0], "OT");
	assert_false(line.settings.sends[OBJECT_REPORT]);
	assert_true(line.settings.sends[OBJECT_SEG] && line.settings.sends[OBJECT_PICTURE]);
	assert_int_equal(line.settings.every, 5);
	assert_string_equal(line.settings.model, "unet");
	assert_true(line.settings.masks);
	assert_int_equal(read_line("help", &line).code, LS_OK);
	assert_int_equal(line.settings.command, PACS_HELP);
	assert_int_equal(read_line("--version", &line).code, LS_OK);
	assert_int_equal(line.settings.command, PACS_VERSION);
}

static void
test_refuse(void **state)
{
	(void) state;
	assert_refused("", "the first word must be pull, push or run");
	assert_refused("fetch", "the first word must be pull, push or run, not fetch");
	assert_refused("pull", "--url is missing");
	assert_refused("pull|--url|ftp://h", "--url takes http://... or https://...");
	assert_refused("pull|--url|http://h|--nonsense", "--nonsense is no option, or its value is missing");
	assert_refused("pull|--url|http://h|more", "more: options begin with --");
	assert_refused("pull|--url|http://h|--limit|0", "--limit 0: it takes a whole number from 1 to 9223372036854775807");
	assert_refused("pull|--url|http://h|--connections|4x", "--connections 4x: it takes a whole number from 1 to 64");
	assert_refused("pull|--url|http://h|--match|x", "--match x: it takes KEY=VALUE");
	assert_refused("pull|--url|http://h|--sop-class|x", "--sop-class x: it takes a UID");
	assert_refused("pull|--url|http://h|--model|unet", "--model is an option of run");
	assert_refused("run|--url|http://h|--dry-run", "--dry-run is an option of pull and push");
	assert_refused("push|--url|http://h|--masks", "--masks is an option of pull and run");
	assert_refused("push|--url|http://h|--all", "--all is an option of pull and run");
	assert_refused("push|--url|http://h|--modality|XC", "--modality is an option of pull and run");
	assert_refused("push|--url|http://h|--max-size|1", "--max-size is an option of pull and run");
	assert_refused("push|--url|http://h|--every|5", "--every is an option of run");
	assert_refused("pull|--url|http://h|--every|5", "--every is an option of run");
	assert_refused("pull|--url|http://h|--retry", "--retry is an option of push and run");
	assert_refused("pull|--url|http://h|--send|seg", "--send is an option of push and run");
	assert_refused("pull|--url|http://h|--predictions|p", "--predictions is an option of push and run");
	assert_refused("push|--url|http://h|--send|seg,x", "--send x: it takes a list of seg, picture, report");
	assert_refused("push|--url|http://h|--send|report", "--send: a report refers to the segmentation: give seg, too");
}

/* No secret on the command line. */
static void
test_secrets(void **state)
{
	(void) state;
	assert_refused("pull|--url|http://me:secret@h/x", "--url has a user in it, whom others can see");
	assert_refused("pull|--url|http://h|--db|dbname=d password=secret",
				   "--db has a password in it, which others can see");
	assert_refused("pull|--url|http://h|--db|postgresql://me:secret@h/d",
				   "--db has a password in it, which others can see");
	assert_refused("pull|--url|http://h|--db|dbname=postgresql://me:secret@h/d",
				   "--db has a password in it, which others can see");
	assert_refused("pull|--url|http://h|--sop-class|..", "--sop-class ..: it takes a UID");
}

/* Nor one in a message: the line may end in a log. */
static void
test_no_echo(void **state)
{
	static const char *const lines[] = {
		"pull|--url|http://h|--db|password=ge secret", "pull|--url|http://h|--db|secret",
		"pull|--url|http://h|--db|postgresql://me:sec ret:secret@h:x/d", "pull|--url|http://h|--db|pasword=secret",
		"pull|--url|http://h|--db|host=h|password=secret", "pull|--url|http://h|--pasword=secret",
		"pull|--url|ftp://me:secret@h", "pull|--url|me:secret@h/x", "password=secret",
	};

	(void) state;
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
	{
		Line		line;
		Status		status = read_line(lines[i], &line);

		assert_int_equal(status.code, LS_INVALID_ARGUMENT);
		if (strstr(status.message, "secret") != NULL || strstr(status.hint, "secret") != NULL)
			fail_msg("%s: %s", lines[i], status.message);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_no_echo),
	};

	unsetenv("LESIONSEG_PACS_URL");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

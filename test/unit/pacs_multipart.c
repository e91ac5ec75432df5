/*
 * pacs_multipart.c: multipart bodies, read and written, and text in URLs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/web/multipart.h"

#define TYPE "multipart/related; type=\"application/dicom\"; boundary="

/* Read a body, in memory of exactly its size; the parts' contents, "|" behind each. */
static Status
read_parts(const char *type, const char *body, size_t size, char *parts)
{
	char	   *copy = malloc(size > 0 ? size : 1);
	MultipartReader reader;
	Status		status;
	bool		found = true;

	memcpy(copy, body, size);
	parts[0] = '\0';
	status = multipart_open(&reader, type, copy, size);
	while (status.code == LS_OK && found)
	{
		MultipartPart part;

		status = multipart_next(&reader, &part, &found);
		if (status.code == LS_OK && found)
			sprintf(parts + strlen(parts), "%.*s|", (int) part.size, part.data);
	}
	free(copy);
	return status;
}

/* The body has these parts. */
static void
assert_parts(const char *type, const char *body, const char *expected)
{
	char		parts[256];
	Status		status = read_parts(type, body, strlen(body), parts);

	if (status.code != LS_OK)
		fail_msg("%s: %s", body, status.message);
	assert_string_equal(parts, expected);
}

static void
assert_refused(const char *type, const char *body, StatusCode code, const char *message)
{
	char		parts[256];
	Status		status = read_parts(type, body, strlen(body), parts);

	assert_int_equal(status.code, code);
	assert_string_equal(status.message, message);
}

static void
test_read(void **state)
{
	(void) state;
	assert_parts(TYPE "b", "--b\r\nContent-Type: application/dicom\r\n\r\nfile\r\n--b--\r\n", "file|");
	assert_parts(TYPE "b", "\r\n--b\r\nA: 1\r\nB: 2\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--", "one|two|");
	assert_parts(TYPE "\"b c\"", "before\r\n--b c \r\n\r\n\r\n\r\n--b c--after", "\r\n|");
	assert_parts(TYPE "b; charset=x", "--b\r\n\r\n\r\n--b\r\n\r\nx\r\n--b--", "|x|");
	assert_parts("Multipart/Related;Boundary=b", "--b\r\n\r\n--c\r\n--b--", "--c|");
	assert_parts(TYPE "b", "--b--", "");
}

static void
test_refuse(void **state)
{
	char		type[128] = TYPE;
	const char *no_end = "a part of the multipart body has no end";

	(void) state;
	assert_refused("text/html", "file", LS_UNSUPPORTED, "the answer is \"text/html\", not multipart/related");
	assert_refused("multipart/related; type=x", "", LS_INVALID_ARGUMENT,
				   "the Content-Type \"multipart/related; type=x\" has no boundary");
	assert_refused(TYPE, "", LS_INVALID_ARGUMENT, "the boundary of a multipart body has 0 characters");
	memset(type + strlen(TYPE), 'b', 71);
	assert_refused(type, "", LS_INVALID_ARGUMENT, "the boundary of a multipart body has 71 characters");
	assert_refused(TYPE "b", "", LS_INVALID_ARGUMENT, "the multipart body does not hold its boundary");
	assert_refused(TYPE "b", "--", LS_INVALID_ARGUMENT, "the multipart body does not hold its boundary");
	assert_refused(TYPE "b", "--b\r\nContent-Type: x", LS_INVALID_ARGUMENT,
				   "a part of the multipart body ends in its headers");
	assert_refused(TYPE "b", "--b\r\n\r\nfile", LS_INVALID_ARGUMENT, no_end);
	assert_refused(TYPE "b", "--b\r\n\r\nfile\r\n--", LS_INVALID_ARGUMENT, no_end);
	assert_refused(TYPE "b", "--b\r\n\r\n", LS_INVALID_ARGUMENT, no_end);
}

/* The file in an answer: a part of it, or all of it. */
static void
test_find_file(void **state)
{
	MultipartPart file;

	(void) state;
	assert_int_equal(multipart_find_file(TYPE "b", "--b\r\n\r\nfile\r\n--b--", 19, &file).code, LS_OK);
	assert_int_equal(file.size, 4);
	assert_memory_equal(file.data, "file", 4);
	assert_int_equal(multipart_find_file("application/dicom", "file", 4, &file).code, LS_OK);
	assert_int_equal(file.size, 4);
	assert_int_equal(multipart_find_file("Application/DICOM ; transfer-syntax=1.2", "file", 4, &file).code, LS_OK);
	assert_int_equal(multipart_find_file("application/dicom", "", 0, &file).code, LS_INVALID_ARGUMENT);
	assert_int_equal(multipart_find_file(TYPE "b", "--b--", 5, &file).code, LS_INVALID_ARGUMENT);
	assert_int_equal(multipart_find_file(TYPE "b", "--b\r\n\r\n\r\n--b--", 15, &file).code, LS_INVALID_ARGUMENT);
	assert_int_equal(multipart_find_file("application/dicom+json", "[]", 2, &file).code, LS_UNSUPPORTED);
	assert_int_equal(multipart_find_file("text/html", "<html>", 6, &file).code, LS_UNSUPPORTED);
}

/* What is written can be read, zero bytes and line ends in it included. */
static void
test_write(void **state)
{
	static const char file[] = "\r\n--\0b\r\n";
	Bytes		body = {0};
	MultipartReader reader;
	MultipartPart part;
	bool		found;

	(void) state;
	assert_int_equal(multipart_add(&body, "bound", "application/dicom", file, sizeof file).code, LS_OK);
	assert_int_equal(multipart_add(&body, "bound", "application/dicom", "", 0).code, LS_OK);
	assert_int_equal(multipart_close(&body, "bound").code, LS_OK);
	assert_int_equal(multipart_open(&reader, TYPE "bound", body.data, body.size).code, LS_OK);
	assert_int_equal(multipart_next(&reader, &part, &found).code, LS_OK);
	assert_true(found);
	assert_int_equal(part.size, sizeof file);
	assert_memory_equal(part.data, file, sizeof file);
	assert_int_equal(multipart_next(&reader, &part, &found).code, LS_OK);
	assert_true(found);
	assert_int_equal(part.size, 0);
	assert_int_equal(multipart_next(&reader, &part, &found).code, LS_OK);
	assert_false(found);
	bytes_free(&body);
}

static void
test_escape(void **state)
{
	Bytes		text = {0};

	(void) state;
	assert_int_equal(bytes_append_escaped(&text, "20260101-, M\xC3\xBCller&x=1/%").code, LS_OK);
	assert_string_equal(text.data, "20260101-%2C%20M%C3%BCller%26x%3D1%2F%25");
	bytes_free(&text);
}

/* What is no UTF-8 becomes '?'; the rest stays. */
static void
test_utf8(void **state)
{
	static const char *const texts[][2] = {
		{"plain", "plain"},
		{"M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80", "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"M\xfcller", "M?ller"}, {"cut \xc3", "cut ?"}, {"cut \xe2\x82", "cut ??"}, {"\xc0\xaf", "??"},
		{"\xed\xa0\x80", "???"}, {"\xf4\x90\x80\x80", "????"}, {"", ""},
	};
	char		text[64];

	(void) state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
	{
		snprintf(text, sizeof text, "%s", texts[i][0]);
		bytes_make_utf8(text);
		assert_string_equal(text, texts[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_find_file),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

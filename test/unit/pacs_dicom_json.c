/*
 * pacs_dicom_json.c: what a PACS answers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "pacs/web/dicom_json.h"

#define VALUE(tag, vr, value) "\"" tag "\": {\"vr\": \"" vr "\", \"Value\": [" value "]}"
#define STUDY VALUE("0020000D", "UI", "\"1.2.3\"")
#define INSTANCE STUDY "," VALUE("0020000E", "UI", "\"1.2.4\"") "," VALUE("00080018", "UI", "\"1.2.5\"") "," \
	VALUE("00080016", "UI", "\"1.2.840.10008.5.1.4.1.1.77.1.4\"")

/* Read a list of which one is expected. */
static void
read_one(const char *json, bool instances, PacsItem *item)
{
	PacsList	list = {0};
	Status		status = list_append_json(&list, json, strlen(json), instances);

	if (status.code != LS_OK)
		fail_msg("%s: %s", json, status.message);
	assert_int_equal(list.count, 1);
	*item = list.items[0];
	list_free(&list);
}

static void
assert_refused(const char *json, bool instances, const char *message)
{
	PacsList	list = {0};
	Status		status = list_append_json(&list, json, strlen(json), instances);

	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, message);
	list_free(&list);
}

static void
test_studies(void **state)
{
	PacsItem	item;
	PacsList	list = {0};

	(void) state;
	read_one("[{" STUDY "," VALUE("00100020", "LO", "\"P\xC3\xBC\"") "," VALUE("00201208", "IS", "12") "}]", false,
			 &item);
	assert_string_equal(item.study, "1.2.3");
	assert_string_equal(item.patient, "P\xC3\xBC");
	assert_int_equal(item.study_instances, 12);
	assert_string_equal(item.series, "");

	assert_string_equal(item.modalities, "");
	read_one("[{" STUDY "," VALUE("00080061", "CS", "\"SR\", \"XC\"") "}]", false, &item);
	assert_string_equal(item.modalities, "SR\\XC");

	/* Numbers as text, as some write IS; attributes without a value. */
	read_one("[{" STUDY "," VALUE("00201208", "IS", "\"7\"") ", \"00100020\": {\"vr\": \"LO\"}}]", false, &item);
	assert_int_equal(item.study_instances, 7);
	assert_string_equal(item.patient, "");
	read_one("[{" STUDY "," VALUE("00201208", "IS", "\"7x\"") "}]", false, &item);
	assert_int_equal(item.study_instances, -1);

	/* No answer is an empty list. */
	assert_int_equal(list_append_json(&list, "", 0, false).code, LS_OK);
	assert_int_equal(list_append_json(&list, "[]", 2, false).code, LS_OK);
	assert_int_equal(list.count, 0);
}

static void
test_instances(void **state)
{
	PacsItem	item;

	(void) state;
	read_one("[{" INSTANCE "," VALUE("00080070", "LO", "\"lesionseg\"") "}]", true, &item);
	assert_string_equal(item.study, "1.2.3");
	assert_string_equal(item.series, "1.2.4");
	assert_string_equal(item.instance, "1.2.5");
	assert_string_equal(item.sop_class, "1.2.840.10008.5.1.4.1.1.77.1.4");
	assert_string_equal(item.manufacturer, "lesionseg");
}

/* Text is padded to an even length in a file, and by some in JSON, too. */
static void
test_padding(void **state)
{
	PacsItem	item;

	(void) state;
	read_one("[{" INSTANCE "," VALUE("00080070", "LO", "\"lesionseg \"") "," VALUE("00100020", "LO", "\" P 1  \"") ","
			 VALUE("00080061", "CS", "\"XC \", \" \"") "}]", true, &item);
	assert_string_equal(item.manufacturer, "lesionseg");
	assert_string_equal(item.patient, " P 1");
	assert_string_equal(item.modalities, "XC\\");
}

/* Nothing but UIDs gets into URLs and SQL. What has none is left out, the others are taken. */
static void
test_invalid(void **state)
{
	static const char *const refused[] = {
		"1", "{}", "{" VALUE("0020000D", "UI", "\"1/..\"") "}", "{" VALUE("0020000D", "UI", "\"..\"") "}",
		"{" VALUE("0020000D", "UI", "\"12345678901234567890123456789012345678901234567890123456789012345\"") "}",
	};
	char		json[512];
	PacsList	list = {0};

	(void) state;
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
	{
		snprintf(json, sizeof json, "[%s, {" STUDY "}]", refused[i]);
		assert_int_equal(list_append_json(&list, json, strlen(json), false).code, LS_OK);
		assert_int_equal(list.count, i + 1);
		assert_int_equal(list.invalid, i + 1);
		assert_string_equal(list.items[i].study, "1.2.3");
		assert_string_equal(list.why.message, "an item of the answer has no valid StudyInstanceUID (0020000D)");
	}
	assert_int_equal(list_append_json(&list, "[{" STUDY "}]", strlen("[{" STUDY "}]"), true).code, LS_OK);
	assert_string_equal(list.why.message, "an item of the answer has no valid SeriesInstanceUID (0020000E)");
	list_free(&list);
}

static void
test_uid(void **state)
{
	static const struct
	{
		const char *text;
		bool		valid;
	}			cases[] = {
		{"1", true}, {"1.2.840.10008.1", true}, {"0.0", true}, {"2.25.329800735698586629295641978511506172918", true},
		{"1234567890123456789012345678901234567890123456789012345678901234", true},
		{"12345678901234567890123456789012345678901234567890123456789012.34", false},
		{"12345678901234567890123456789012345678901234567890123456789012345", false},
		{"1.2.003", true},		/* some devices do */
		{"", false}, {".", false}, {"..", false}, {"1.", false}, {".1", false}, {"1..2", false}, {"1.2 ", false},
		{"1.a", false}, {"1/2", false}, {"-1", false}, {"1.2\n", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		if (is_uid(cases[i].text) != cases[i].valid)
			fail_msg("\"%s\"", cases[i].text);
}

static void
test_refuse(void **state)
{
	(void) state;
	assert_refused("{}", false, "the answer to a query is no JSON array");
	assert_refused("<html>", false, "the answer is no valid JSON: '[' or '{' expected near '<', in line 1");
}

static void
test_stow(void **state)
{
	static const char answer[] =
		"{\"00081199\": {\"vr\": \"SQ\", \"Value\": [{" VALUE("00081155", "UI", "\"1.1\"") "}]},"
		"\"00081198\": {\"vr\": \"SQ\", \"Value\": [{" VALUE("00081155", "UI", "\"1.2\"") ","
		VALUE("00081197", "US", "49442") "}, {" VALUE("00081155", "UI", "\"1.3\"") "}]}}";
	static const struct
	{
		const char *instance;
		StowState	state;
		int			reason;
	}			cases[] = {{"1.1", STOW_STORED, 0}, {"1.2", STOW_REFUSED, 0xC122}, {"1.3", STOW_REFUSED, 0},
						   {"1.4", STOW_UNSAID, 0}};
	StowState	found;
	int			reason;
	char		list[512];

	(void) state;
	snprintf(list, sizeof list, "[%s]", answer);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		assert_int_equal(stow_read_json(answer, strlen(answer), cases[i].instance, &found, &reason).code, LS_OK);
		assert_int_equal(found, cases[i].state);
		assert_int_equal(reason, cases[i].reason);
		assert_int_equal(stow_read_json(list, strlen(list), cases[i].instance, &found, &reason).code, LS_OK);
		assert_int_equal(found, cases[i].state);
	}
	assert_int_equal(stow_read_json("", 0, "1.1", &found, &reason).code, LS_OK);
	assert_int_equal(found, STOW_UNSAID);
	assert_int_equal(stow_read_json("<x/>", 4, "1.1", &found, &reason).code, LS_INVALID_ARGUMENT);
	assert_string_equal(stow_reason(0xC122), "the transfer syntax is not supported");
	assert_string_equal(stow_reason(0xC000), "it cannot be understood");
	assert_string_equal(stow_reason(0xA700), "out of resources");
	assert_string_equal(stow_reason(0), "no reason is given");
	assert_string_equal(stow_reason(0xB000), "it changed some of its elements");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_studies),
		cmocka_unit_test(test_instances),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_uid),
		cmocka_unit_test(test_refuse),
		cmocka_unit_test(test_stow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

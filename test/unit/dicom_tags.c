/*
 * dicom_tags.c: data sets read: tags as JSON against pydicom's words, what
 * dicom_info tells, and what is broken.
 */
#include "dicom_fixture.h"

#include <jansson.h>

#include "dicom/info.h"
#include "dicom/json.h"
#include "dicom/data/tags.h"
#include "dicom/data/values.h"

/* The JSON model of a file of test/data/dicom. */
static json_t *
file_json(const char *name)
{
	Call call = dicom_call();
	File		file = load_dicom(name);
	DicomSet	set;
	ByteBuffer		text;
	json_error_t error;
	json_t	   *json;

	assert_ok(dicom_read(&call, file.bytes, file.size, DICOM_ALL, &set));
	buffer_init(&text, &call);
	assert_ok(dicom_json(&set, &text));
	json = json_loadb((char *) text.bytes, text.size, JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		fail_msg("%s: %s: %.*s", name, error.text, (int) text.size, (char *) text.bytes);
	buffer_free(&text);
	dicom_free(&set);
	free(file.bytes);
	return json;
}

/* Every file's tags are what pydicom reads. */
static void
test_json(void **state)
{
	static const char *const names[] = {
		"tags", "tags_implicit", "tags_big", "text_latin1", "text_utf8", "text_greek", "text_cyrillic", "text_japanese",
		"text_katakana", "text_korean", "text_chinese", "text_gb18030"
	};

	(void) state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
	{
		char		name[64];
		File		expected;
		json_t	   *json;
		json_t	   *words;

		snprintf(name, sizeof name, "%s.json", names[i]);
		expected = load_dicom(name);
		words = json_loadb((char *) expected.bytes, expected.size, 0, NULL);
		assert_non_null(words);
		snprintf(name, sizeof name, "%s.dcm", names[i]);
		json = file_json(name);
		if (!json_equal(json, words))
			fail_msg("%s: %s", name, json_dumps(json, JSON_INDENT(1) | JSON_SORT_KEYS));
		json_decref(json);
		json_decref(words);
		free(expected.bytes);
	}
}

static DicomInfo
info_of(const char *name)
{
	Call call = dicom_call();
	File		file = load_dicom(name);
	DicomSet	set;
	DicomInfo	info;

	assert_ok(dicom_read(&call, file.bytes, file.size, DICOM_HEADER, &set));
	assert_ok(dicom_info(&set, &info));
	dicom_free(&set);
	free(file.bytes);
	return info;
}

static void
test_info(void **state)
{
	DicomInfo	info = info_of("three_rle.dcm");

	(void) state;
	assert_string_equal(info.sop_class, "1.2.840.10008.5.1.4.1.1.7");
	assert_string_equal(info.study, "1.2.826.0.1.3680043.8.498.7.1");
	assert_string_equal(info.series, "1.2.826.0.1.3680043.8.498.7.2");
	assert_string_equal(info.patient, "P-0042");
	assert_string_equal(info.modality, "XC");
	assert_string_equal(info.manufacturer, "Rendered");
	assert_string_equal(info.transfer_syntax, "1.2.840.10008.1.2.5");
	assert_true(info.has_image);
	assert_int_equal(info.frames, 3);
	assert_int_equal(info.width, 24);
	assert_int_equal(info.height, 18);
	assert_string_equal(info.photometric, "RGB");
	assert_true(info.spacing[0] == 0.05 && info.spacing[1] == 0.04);
	assert_string_equal(info.spacing_from, "PixelSpacing");
	assert_string_equal(info.acquired_at, "2024-02-29 10:11:12.5");
	info = info_of("pdf.dcm");
	assert_false(info.has_image);
	assert_null(info.spacing_from);
	assert_string_equal(info.sop_class, "1.2.840.10008.5.1.4.1.1.104.1");
}

/* A data set without a header, made of these elements in explicit little
 * endian. */
typedef struct Made
{
	uint8_t		bytes[4096];
	size_t		size;
} Made;

static void
add(Made *made, const void *bytes, size_t size)
{
	assert_true(made->size + size <= sizeof made->bytes);
	memcpy(made->bytes + made->size, bytes, size);
	made->size += size;
}

/* Read what was made, from a block of exactly its size. */
static Status
read_made(const Made *made, DicomSet *set)
{
	Call call = dicom_call();
	uint8_t    *bytes = malloc(made->size);
	Status		status;

	memcpy(bytes, made->bytes, made->size);
	call.host.max_memory = 1 << 20;
	status = dicom_read(&call, bytes, made->size, DICOM_ALL, set);
	if (status.code == LS_OK)
	{
		set->call = NULL;		/* the set is not used any more */
		free(set->elements);
	}
	free(bytes);
	return status;
}

#define CHARSET "\x08\0\x05\0CS\x0A\0ISO_IR 100"
#define SEQUENCE "\x08\0\x12\x21SQ\0\0\xFF\xFF\xFF\xFF"
#define ITEM "\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF"

static void
test_broken(void **state)
{
	static const struct
	{
		const char *bytes;
		size_t		size;
		const char *text;
	}			cases[] = {
		{"\x08\0\x05\0CS\x0B\0ISO_IR 100", 18, "(0008,0005) reaches beyond byte 18"},
		{"\x08\0\x05\0CS\x0A\0ISO_IR 100\x08\0\x16", 21, "truncated"},
		{CHARSET "\x08\0\x16\0..\x02\0" "12", 28, "(0008,0016): there is no value representation"},
		{CHARSET SEQUENCE "\xFE\xFF\xDD\xE0\0\0\0", 37, "truncated"},
		{CHARSET SEQUENCE "\x08\0\x16\0UI\x02\0" "12", 40, "(0008,0016): an item of a sequence should start here"},
		{CHARSET SEQUENCE ITEM "\xFE\xFF\xDD\xE0\0\0\0\0", 46, "(FFFE,E0DD): an item or a delimiter"},
		{CHARSET "\x08\0\x12\x21OB\0\0\xFF\xFF\xFF\xFF", 30, "(0008,2112): its length is undefined"},
		{CHARSET "\x08\0\x12\x21SQ\0\0\x10\0\0\0\xFE\xFF\0\xE0\x10\0\0\0" "12345678", 46, "(FFFE,E000) reaches beyond"},
		{CHARSET "\xFE\xFF\0\xE0\0\0\0\0", 26, "(FFFE,E000): an item or a delimiter"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Made		made = {.size = 0};
		DicomSet	set;

		add(&made, cases[i].bytes, cases[i].size);
		assert_failed(read_made(&made, &set), LS_INVALID_IMAGE, cases[i].text);
	}
}

/* Sequences may be so deep, and no deeper. */
static void
test_depth(void **state)
{
	(void) state;
	for (int depth = DICOM_DEPTH_MAX - 1; depth <= DICOM_DEPTH_MAX + 1; depth++)
	{
		Made		made = {.size = 0};
		DicomSet	set;

		add(&made, CHARSET, 18);
		for (int i = 0; i < depth; i++)
		{
			add(&made, SEQUENCE, 12);
			add(&made, ITEM, 8);
		}
		for (int i = 0; i < depth; i++)
			add(&made, "\xFE\xFF\x0D\xE0\0\0\0\0\xFE\xFF\xDD\xE0\0\0\0\0", 16);
		if (depth <= DICOM_DEPTH_MAX)
			assert_ok(read_made(&made, &set));
		else
		{
			Status		status = read_made(&made, &set);

			assert_failed(status, LS_ABOVE_ALL_LIMITS, "more than 16 sequences inside one another");
			assert_failed(pair_fault("image", status), LS_INVALID_IMAGE, "image: the DICOM file has more than");
		}
	}
}

/* What a deflated file expands to has a limit. */
static void
test_deflated_limit(void **state)
{
	Call call = dicom_call();
	File		file = load_dicom("rgb_deflated.dcm");
	DicomSet	set;

	(void) state;
	call.host.max_memory = 100 * 1024;
	assert_failed(dicom_read(&call, file.bytes, file.size, DICOM_ALL, &set), LS_LIMIT_EXCEEDED,
				  "needs more than 102400 bytes");
	call.host.max_memory = 1024 * 1024;
	assert_ok(dicom_read(&call, file.bytes, file.size, DICOM_ALL, &set));
	dicom_free(&set);
	assert_failed(dicom_read(&call, file.bytes, file.size - 100, DICOM_ALL, &set), LS_INVALID_IMAGE,
				  "deflated DICOM file is broken: it ends too early");
	free(file.bytes);
}

/* An unknown character set is an error where it is needed, and only there. */
static void
test_unknown_charset(void **state)
{
	static const char text[] = "\x08\0\x05\0CS\x0A\0ISO_IR 999\x10\0\x10\0PN\x04\0M\xFCl \x10\0\x20\0LO\x04\0P-42";
	Call call = dicom_call();
	DicomSet	set;
	ByteBuffer		json;

	(void) state;
	for (int plain = 0; plain < 2; plain++)
	{
		char		bytes[sizeof text];

		memcpy(bytes, text, sizeof text);
		if (plain)
			bytes[27] = 'u';
		assert_ok(dicom_read(&call, (uint8_t *) bytes, sizeof text - 1, DICOM_ALL, &set));
		buffer_init(&json, &call);
		if (plain)
			assert_ok(dicom_json(&set, &json));
		else
			assert_failed(dicom_json(&set, &json), LS_UNSUPPORTED, "(0008,0005) is \"ISO_IR 999\"");
		buffer_free(&json);
		dicom_free(&set);
	}
}

/* Characters beyond the last one, U+10FFFF, which iconv lets through, are replaced. */
static void
test_beyond_unicode(void **state)
{
	static const char text[] = "\x08\0\x05\0CS\x0A\0ISO_IR 192\x10\0\x10\0PN\x0A\0"
		"M\xF4\x90\x80\x80u\xF4\x8F\xBF\xBF";
	Call call = dicom_call();
	DicomSet	set;
	ByteBuffer		json;

	(void) state;
	assert_ok(dicom_read(&call, (const uint8_t *) text, sizeof text - 1, DICOM_ALL, &set));
	buffer_init(&json, &call);
	assert_ok(dicom_json(&set, &json));
	assert_non_null(strstr(json.text, "M\xEF\xBF\xBD" "u\xF4\x8F\xBF\xBF"));
	buffer_free(&json);
	dicom_free(&set);
}

/* What must be ASCII and is not counts as missing: it may be no text at all. */
static void
test_not_ascii(void **state)
{
	static const uint8_t uids[] =
		"\x08\0\x16\0UI\x02\0" "1\xFF" "\x08\0\x18\0UI\x02\0" "1\n" "\x08\0\x60\0CS\x02\0" "XC";
	Call		call = dicom_call();
	DicomSet	set;
	DicomInfo	info;

	(void) state;
	assert_ok(dicom_read(&call, uids, sizeof uids - 1, DICOM_ALL, &set));
	assert_ok(dicom_info(&set, &info));
	assert_string_equal(info.sop_class, "");
	assert_string_equal(info.sop_instance, "");
	assert_string_equal(info.modality, "XC");
	dicom_free(&set);
}

/* Add an element of text. */
static void
add_text(Made *made, uint32_t tag, const char *vr, const char *text)
{
	uint8_t		head[8] = {(uint8_t) (tag >> 16), (uint8_t) (tag >> 24), (uint8_t) tag, (uint8_t) (tag >> 8),
		(uint8_t) vr[0], (uint8_t) vr[1], (uint8_t) strlen(text), 0};

	add(made, head, 8);
	add(made, text, strlen(text));
}

/* Read the facts of what was made. */
static DicomInfo
info_of_made(const Made *made)
{
	Call		call = dicom_call();
	DicomSet	set;
	DicomInfo	info;

	assert_ok(dicom_read(&call, made->bytes, made->size, DICOM_HEADER, &set));
	assert_ok(dicom_info(&set, &info));
	dicom_free(&set);
	return info;
}

/* Dates with times of any length, with or without the offset of a time zone. */
static void
test_times(void **state)
{
	static const struct
	{
		const char *both;		/* AcquisitionDateTime, or NULL: */
		const char *time;		/* the time of AcquisitionDate 20240229 */
		const char *expected;
	}			cases[] = {
		{"20200101+0100", NULL, "2020-01-01 00:00:00"},
		{"20200101-0500", NULL, "2020-01-01 00:00:00"},
		{"2020010112+0100", NULL, "2020-01-01 12:00:00"},
		{"20200101120102.345678-0500", NULL, "2020-01-01 12:01:02.345678"},
		{"20200101120102", NULL, "2020-01-01 12:01:02"},
		{"2020", NULL, ""},
		{"20200101x", NULL, ""},
		{NULL, "10", "2024-02-29 10:00:00"},
		{NULL, "1020", "2024-02-29 10:20:00"},
		{NULL, "102030.5", "2024-02-29 10:20:30.5"},
		{NULL, "10:20:30", "2024-02-29 10:20:30"},
		{NULL, "10:20:30.25", "2024-02-29 10:20:30.25"},
		{NULL, "102030.1234567", "2024-02-29 10:20:30.123456"},
		{NULL, "24", ""},
		{NULL, " 1 2 3", ""},
		{NULL, "1020+1", "2024-02-29 10:20:00"},
		{NULL, "1-2030", ""},
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Made		made = {.size = 0};

		if (cases[i].both == NULL)
			add_text(&made, TAG_AcquisitionDate, "DA", "20240229");
		else
			add_text(&made, TAG_AcquisitionDateTime, "DT", cases[i].both);
		if (cases[i].time != NULL)
			add_text(&made, TAG_AcquisitionTime, "TM", cases[i].time);
		assert_string_equal(info_of_made(&made).acquired_at, cases[i].expected);
	}
}

/* Distances that cannot be are none; another attribute may have one. */
static void
test_spacings(void **state)
{
	static const struct
	{
		const char *text;
		const char *from;		/* NULL: not known */
	}			cases[] = {
		{"1e300\\1e300", NULL},
		{"1e-300\\1e-300", NULL},
		{"0.05\\20000", NULL},
		{"0\\0.05", NULL},
		{"0.001\\1.1", NULL},
		{"1e-6\\1e-3", "ImagerPixelSpacing"},
		{"1e4\\10", "ImagerPixelSpacing"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Made		made = {.size = 0};
		DicomInfo	info;

		add_text(&made, TAG_Modality, "CS", "XC");
		add_text(&made, TAG_ImagerPixelSpacing, "DS", cases[i].text);
		info = info_of_made(&made);
		if (cases[i].from == NULL)
			assert_null(info.spacing_from);
		else
			assert_string_equal(info.spacing_from, cases[i].from);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_deflated_limit),
		cmocka_unit_test(test_unknown_charset),
		cmocka_unit_test(test_beyond_unicode),
		cmocka_unit_test(test_not_ascii),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_spacings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

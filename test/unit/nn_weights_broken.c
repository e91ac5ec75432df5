/*
 * nn_weights_broken.c: weight files that are wrong, one way each.
 *
 * Every case is the good file with one thing changed in its header (text for
 * text) or its bytes, so that nothing else can be what is refused.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/weights/weights.h"
#include "weights_fixture.h"

/* The good file, split in two: header as text, data. The text is without the
 * checksums, which would hide what else is wrong with data. */
typedef struct Fixture
{
	Graph	   *graph;
	unsigned char *bytes;
	size_t		size;
	char	   *header;
	unsigned char *data;
	size_t		data_size;
} Fixture;

/* Remove the checksums from a header. */
static void
remove_checksums(char *header)
{
	const char *key = ",\"crc32\":\"";
	char	   *entry = strstr(header, key);
	char	   *end = strchr(entry + strlen(key), '"') + 1;

	memmove(entry, end, strlen(end) + 1);
}

static int
make_fixture(void **state)
{
	static Fixture fixture;
	WeightsInfo info = fixture_info();
	float		weights[FIXTURE_COUNT];
	void	   *bytes;
	size_t		length;

	fixture.graph = fixture_graph();
	for (int i = 0; i < FIXTURE_COUNT; i++)
		weights[i] = (float) i;
	if (fixture.graph == NULL ||
		weights_write(call_standalone(), &info, fixture.graph, weights, WEIGHTS_F32, &bytes,
					  &fixture.size).code != LS_OK)
		return -1;
	fixture.bytes = bytes;
	length = fixture.bytes[0] + 256u * fixture.bytes[1];
	fixture.header = strndup((char *) fixture.bytes + 8, length);
	remove_checksums(fixture.header);
	fixture.data = fixture.bytes + 8 + length;
	fixture.data_size = fixture.size - 8 - length;
	*state = &fixture;
	return 0;
}

static int
free_fixture(void **state)
{
	Fixture    *fixture = *state;

	call_free(call_standalone(), fixture->bytes);
	free(fixture->header);
	graph_free(fixture->graph);
	return 0;
}

/* Read from a copy of its exact size, so that a sanitizer sees one byte too far. */
static Status
read_copy(const Fixture *fixture, const void *bytes, size_t size)
{
	unsigned char *copy = malloc(size > 0 ? size : 1);
	float		weights[FIXTURE_COUNT];
	Status		status;

	memcpy(copy, bytes, size);
	status = weights_read(call_standalone(), copy, size, fixture->graph, weights);
	free(copy);
	return status;
}

/* Read a file made of header and data. */
static Status
read_parts(const Fixture *fixture, const char *header, size_t length, const void *data, size_t data_size)
{
	unsigned char *bytes = malloc(8 + length + data_size);
	Status		status;

	for (int i = 0; i < 8; i++)
		bytes[i] = (unsigned char) ((uint64_t) length >> 8 * i);
	memcpy(bytes + 8, header, length);
	memcpy(bytes + 8 + length, data, data_size);
	status = read_copy(fixture, bytes, 8 + length + data_size);
	free(bytes);
	return status;
}

/* Check that status is a refusal that says what it must and gives advice
 * where asked for. */
static void
assert_refused(Status status, const char *message, bool hint)
{
	if (status.code != LS_INVALID_WEIGHTS || strstr(status.message, message) == NULL ||
		(hint && status.hint[0] == '\0'))
		fail_msg("expected \"%s\", got code %d: %s (%s)", message, (int) status.code, status.message, status.hint);
}

static void
test_good(void **state)
{
	const Fixture *fixture = *state;

	assert_int_equal(read_copy(fixture, fixture->bytes, fixture->size).code, LS_OK);
	assert_int_equal(read_parts(fixture, fixture->header, strlen(fixture->header),
								fixture->data, fixture->data_size).code, LS_OK);
}

/* Cut the file after every byte, for both readers. */
static void
test_truncated(void **state)
{
	const Fixture *fixture = *state;

	for (size_t size = 0; size < fixture->size; size++)
	{
		size_t		header_end = (size_t) (fixture->data - fixture->bytes);
		WeightsInfo info;
		Status		status = read_copy(fixture, fixture->bytes, size);

		assert_refused(status, size < 8 ? "too short" : size < header_end ? "claims a header" : "not inside", true);
		status = weights_read_info(call_standalone(), fixture->bytes, size, &info);
		assert_int_equal(status.code, size < header_end ? LS_INVALID_WEIGHTS : LS_OK);
	}
	assert_int_equal(weights_read_info(call_standalone(), NULL, 0, &(WeightsInfo) {0}).code, LS_INVALID_WEIGHTS);
}

/* Damage that leaves a file well formed is found by the checksums, wherever
 * it is. */
static void
test_checksums(void **state)
{
	const Fixture *fixture = *state;
	unsigned char *bytes = malloc(fixture->size);
	size_t		data = (size_t) (fixture->data - fixture->bytes);
	char	   *digit;

	memcpy(bytes, fixture->bytes, fixture->size);
	for (size_t i = data; i < fixture->size; i++)
	{
		bytes[i] ^= 1;
		assert_refused(read_copy(fixture, bytes, fixture->size), "does not have the checksum", true);
		bytes[i] ^= 1;
	}
	bytes[fixture->size - 4] ^= 1;
	assert_refused(read_copy(fixture, bytes, fixture->size), "tensor \"head.bias\"", true);
	bytes[fixture->size - 4] ^= 1;
	assert_int_equal(read_copy(fixture, bytes, fixture->size).code, LS_OK);

	/* One digit of another value, then one that is none, then one less. */
	digit = strstr((char *) bytes + 8, "\"crc32\":\"") + strlen("\"crc32\":\"");
	*digit = *digit == '0' ? '1' : '0';
	assert_refused(read_copy(fixture, bytes, fixture->size), "tensor \"stem.weight\"", true);
	*digit = 'x';
	assert_refused(read_copy(fixture, bytes, fixture->size), "tensor \"stem.weight\"", true);
	memmove(digit, digit + 1, (size_t) ((char *) bytes + data - digit) - 1);
	bytes[data - 1] = ' ';
	assert_refused(read_copy(fixture, bytes, fixture->size), "\"crc32\" is not one checksum for each tensor", true);
	free(bytes);
}

/* One byte more than the tensors need. */
static void
test_trailing(void **state)
{
	const Fixture *fixture = *state;
	unsigned char *bytes = calloc(1, fixture->size + 1);

	memcpy(bytes, fixture->bytes, fixture->size);
	assert_refused(read_copy(fixture, bytes, fixture->size + 1), "1 bytes follow", true);
	free(bytes);
}

/* The length of the header, lied about. */
static void
test_header_length(void **state)
{
	const Fixture *fixture = *state;
	const uint64_t rest = fixture->size - 8;
	const uint64_t lies[] = {rest + 1, 1024 * 1024 + 1, (uint64_t) 1 << 32, INT64_MAX, UINT64_MAX - 7, UINT64_MAX};
	unsigned char *bytes = malloc(fixture->size);

	memcpy(bytes, fixture->bytes, fixture->size);
	for (size_t l = 0; l < sizeof lies / sizeof lies[0]; l++)
	{
		for (int i = 0; i < 8; i++)
			bytes[i] = (unsigned char) (lies[l] >> 8 * i);
		assert_refused(read_copy(fixture, bytes, fixture->size), "claims a header", true);
	}
	for (uint64_t length = 0; length <= rest; length++)
	{
		if (8 + length == (uint64_t) (fixture->data - fixture->bytes))
			continue;
		for (int i = 0; i < 8; i++)
			bytes[i] = (unsigned char) (length >> 8 * i);
		assert_int_equal(read_copy(fixture, bytes, fixture->size).code, LS_INVALID_WEIGHTS);
	}
	free(bytes);
}

/* The header, wrong as a whole. */
static void
test_header_text(void **state)
{
	static const struct
	{
		const char *header;
		const char *message;
	}			cases[] = {
		{"", "not valid"},
		{"    ", "not valid"},
		{"{", "not valid"},
		{"[]", "not a JSON object"},
		{"\"text\"", "not valid"},
		{"12", "not valid"},
		{"null", "not valid"},
		{"{} {}", "not valid"},
		{"{\"a\":}", "not valid"},
		{"{'a':1}", "not valid"},
		{"{\"\xFF\":1}", "not valid"},
		{"{\"a\\u0000b\":1}", "not valid"},
		{"{\"a\":1e999}", "not valid"},
		{"{\"a\":99999999999999999999}", "not valid"},
		{"{\"a\":{},\"a\":{}}", "duplicate"},
		{"{\"a\":{\"dtype\":1,\"dtype\":2}}", "duplicate"},
		{"\x89PNG\r\n\x1A\n", "not valid"},
		{"PK\x03\x04", "not valid"},
		{"{\"__metadata__\":1}", "metadata is not"},
		{"{\"__metadata__\":[]}", "metadata is not"},
		{"{\"a\":1}", "\"a\": no dtype"},
		{"{\"\":1}", "\"\": no dtype"},
		{"{\"\\u00e9\\n\":1}", "\"\?\?\?\": no dtype"},
		{"{\"a\":{\"dtype\":\"F32\"}}", "\"a\": no shape"},
	};
	const Fixture *fixture = *state;

	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
		assert_refused(read_parts(fixture, cases[c].header, strlen(cases[c].header), "", 0), cases[c].message, false);

	/* No tensors at all is a matter of what is missing. */
	assert_refused(read_parts(fixture, "{}", 2, "", 0), "\"stem.weight\": it is missing", true);
	assert_refused(read_parts(fixture, "{}", 2, "x", 1), "1 bytes follow", true);
	assert_refused(read_parts(fixture, "{\"a\":\0}", 7, "", 0), "not valid", true);
}

/* Nesting up to what the header's size allows. */
static void
test_nesting(void **state)
{
	static const struct
	{
		const char *text;
		size_t		count;
	}			cases[] = {{"[", 1000}, {"[", 1000000}, {"{\"a\":", 200000}};
	const Fixture *fixture = *state;

	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
	{
		size_t		step = strlen(cases[c].text);
		char	   *header = malloc(step * cases[c].count);

		for (size_t i = 0; i < cases[c].count; i++)
			memcpy(header + i * step, cases[c].text, step);
		assert_refused(read_parts(fixture, header, step * cases[c].count, "", 0), "not valid", true);
		free(header);
	}
}

/* One piece of the good header replaced. */
typedef struct Change
{
	const char *from;
	const char *to;
	const char *message;
	bool		hint;
} Change;

static void
check_changes(const Fixture *fixture, const Change *changes, size_t count)
{
	for (size_t c = 0; c < count; c++)
	{
		char	   *at = strstr(fixture->header, changes[c].from);
		char	   *header = malloc(strlen(fixture->header) + strlen(changes[c].to) + 1);

		if (at == NULL)
			fail_msg("the good header has no %s", changes[c].from);
		sprintf(header, "%.*s%s%s", (int) (at - fixture->header), fixture->header, changes[c].to,
				at + strlen(changes[c].from));
		assert_refused(read_parts(fixture, header, strlen(header), fixture->data, fixture->data_size),
					   changes[c].message, changes[c].hint);
		free(header);
	}
}

#define STEM "\"stem.weight\":{\"dtype\":\"F32\",\"shape\":[4,3,3,3],\"data_offsets\":[0,432]}"
#define NORM "\"norm.weight\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[432,448]}"
#define BIAS "\"head.bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[512,516]}"

static void
test_tensors(void **state)
{
	static const Change changes[] = {
		/* offsets */
		{"[0,432]", "[432,0]", "\"stem.weight\": offsets 432 to 0", true},
		{"[512,516]", "[512,517]", "\"head.bias\": offsets 512 to 517 are not inside the 516", true},
		{"[512,516]", "[9223372036854775800,9223372036854775804]", "\"head.bias\": offsets", true},
		{"[512,516]", "[-4,0]", "\"head.bias\": data_offsets", false},
		{"[512,516]", "[512.0,516.0]", "\"head.bias\": data_offsets", false},
		{"[512,516]", "[\"512\",\"516\"]", "\"head.bias\": data_offsets", false},
		{"[512,516]", "[512]", "\"head.bias\": data_offsets", false},
		{"[512,516]", "[512,516,516]", "\"head.bias\": data_offsets", false},
		{"[512,516]", "512", "\"head.bias\": data_offsets", false},
		{"\"data_offsets\":[512,516]", "\"offsets\":[512,516]", "\"head.bias\": data_offsets", false},
		{"[512,516]", "[508,516]", "\"head.bias\": shape and dtype need 4 bytes, the offsets hold 8", false},
		{"[512,516]", "[508,512]", "\"head.bias\": it overlaps", false},
		{"[512,516]", "[0,4]", "it overlaps", false},
		{"[0,432]", "[4,436]", "\"stem.weight\": there is a gap", false},
		{NORM ",", "", "\"norm.bias\": there is a gap", false},
		{"," BIAS, "", "4 bytes follow", true},
		/* dtypes */
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"dtype\":\"I32\",\"shape\":[1]", "\"head.bias\" has dtype I32", true},
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"dtype\":\"F31\",\"shape\":[1]", "\"head.bias\": dtype F31 is unknown",
		 true},
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"dtype\":\"f32\",\"shape\":[1]", "\"head.bias\": dtype f32 is unknown",
		 true},
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"dtype\":\"\",\"shape\":[1]", "\"head.bias\": dtype  is unknown", true},
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"dtype\":32,\"shape\":[1]", "\"head.bias\": no dtype", false},
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"shape\":[1]", "\"head.bias\": no dtype", false},
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"dtype\":\"F64\",\"shape\":[1]", "need 8 bytes", false},
		{"\"dtype\":\"F32\",\"shape\":[1]", "\"dtype\":\"BF16\",\"shape\":[1]", "need 2 bytes", false},
		/* shapes */
		{"\"shape\":[1]", "\"shape\":[2]", "need 8 bytes", false},
		{"\"shape\":[1]", "\"shape\":[0]", "need 0 bytes", false},
		{"\"shape\":[1]", "\"shape\":[-1]", "\"head.bias\": its shape is not", false},
		{"\"shape\":[1]", "\"shape\":[1.0]", "\"head.bias\": its shape is not", false},
		{"\"shape\":[1]", "\"shape\":[null]", "\"head.bias\": its shape is not", false},
		{"\"shape\":[1]", "\"shape\":[[1]]", "\"head.bias\": its shape is not", false},
		{"\"shape\":[1]", "\"shape\":1", "\"head.bias\": no shape", false},
		{"\"shape\":[1]", "\"shape\":{}", "\"head.bias\": no shape", false},
		{"\"shape\":[1]", "\"shape\":[1,1]", "\"head.bias\" has shape (1, 1), the network needs (1)", true},
		{"\"shape\":[1]", "\"shape\":[]", "\"head.bias\" has shape (), the network needs (1)", true},
		{"[4,3,3,3]", "[3,4,3,3]", "\"stem.weight\" has shape (3, 4, 3, 3), the network needs (4, 3, 3, 3)", true},
		{"[4,3,3,3]", "[108]", "\"stem.weight\" has shape (108)", true},
		{"[4,3,3,3]", "[4,3,9]", "\"stem.weight\" has shape (4, 3, 9)", true},
		{"[4,3,3,3]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,108]", "\"stem.weight\" has shape (1, 1,",
		 true},
		/* products that wrap a 64-bit size to the right number, or to zero */
		{"[4,3,3,3]", "[4294967296,4294967296]", "\"stem.weight\": its shape overflows", false},
		{"[4,3,3,3]", "[9223372036854775807,4]", "\"stem.weight\": its shape overflows", false},
		{"[4,3,3,3]", "[4611686018427387904,4]", "\"stem.weight\": its shape overflows", false},
		{"[4,3,3,3]", "[4611686018427387905,108]", "\"stem.weight\": its shape overflows", false},
		/* names */
		{"\"head.bias\"", "\"head.bia\"", "\"head.bias\": it is missing", true},
		{"\"head.bias\"", "\"num_batches_tracked\"", "\"head.bias\": it is missing", true},
		{"\"head.bias\"", "\"head.weight\"", "duplicate", true},
		{BIAS, BIAS "," BIAS, "duplicate", true},
		{BIAS, BIAS ",\"head.other\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[516,516]}",
		"\"head.other\": the network has no such tensor", true},
		{BIAS, BIAS ",\"head.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[512,516]}",
		"\"head.num_batches_tracked\": shape and dtype need 8", false},
		{BIAS, BIAS ",\"head.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[512,516]}",
		"\"head.num_batches_tracked\": a counter has more than one value", false},
	};

	check_changes(*state, changes, sizeof changes / sizeof changes[0]);
}

static void
test_metadata(void **state)
{
	static const Change changes[] = {
		{"\"format_version\":\"1\"", "\"format_version\":\"2\"", "format version 2, only version 1", true},
		{"\"format_version\":\"1\"", "\"format_version\":\"0\"", "format version 0, only version 1", true},
		{"\"format_version\":\"1\"", "\"format_version\":\"1.5\"", "format version 1.5", true},
		{"\"format_version\":\"1\"", "\"format_version\":\"-1\"", "format version -1", true},
		{"\"format_version\":\"1\"", "\"format_version\":\"one\"", "\"format_version\" is not a number", true},
		{"\"format_version\":\"1\"", "\"format_version\":\"\"", "\"format_version\" is not a number", true},
		{"\"format_version\":\"1\"", "\"format_version\":\"[1]\"", "\"format_version\" is not a number", true},
		{"\"format_version\":\"1\"", "\"format_version\":\"1] [1\"", "\"format_version\" is not a number", true},
		{"\"format_version\":\"1\"", "\"format_version\":1", "\"format_version\" is missing or no string", true},
		{"\"architecture\":\"unet\",", "", "\"architecture\" is missing", true},
		{"\"architecture\":\"unet\"", "\"architecture\":\"\"", "\"architecture\" is empty", true},
		{"\"architecture\":\"unet\"", "\"architecture\":\"un\xC3\xA9t\"", "\"architecture\" is not printable", true},
		{"\"architecture\":\"unet\"", "\"architecture\":\"u\\nt\"", "\"architecture\" is not printable", true},
		{"\"architecture\":\"unet\"",
			"\"architecture\":\"0123456789012345678901234567890123456789012345678901234567890123\"",
		"\"architecture\" is too long", true},
		{"\"config\":\"{\\\"base\\\": 16, \\\"depth\\\": 4}\"", "\"config\":\"[16]\"",
		 "\"config\" is not a JSON object", true},
		{"\"config\":\"{\\\"base\\\": 16, \\\"depth\\\": 4}\"", "\"config\":\"{\"", "\"config\" is not a JSON object",
		 true},
		{"\"config\":\"{\\\"base\\\": 16, \\\"depth\\\": 4}\"", "\"config\":{}", "\"config\" is missing or no string",
		 true},
		{"\"image_size\":\"256\"", "\"image_size\":\"-1\"", "\"image_size\" is not a whole number", true},
		{"\"image_size\":\"256\"", "\"image_size\":\"1.5\"", "\"image_size\" is not a whole number", true},
		{"\"image_size\":\"256\"", "\"image_size\":\"1e300\"", "\"image_size\" is not a whole number", true},
		{"\"image_size\":\"256\"", "\"image_size\":\"1,2\"", "\"image_size\" is not a number", true},
		{"\"std\":\"0.25,1.0,3.0\"", "\"std\":\"0.25,0,3.0\"", "\"std\" is out of range", true},
		{"\"std\":\"0.25,1.0,3.0\"", "\"std\":\"0.25,-1,3.0\"", "\"std\" is out of range", true},
		{"\"std\":\"0.25,1.0,3.0\"", "\"std\":\"0.25,1e-300,3.0\"", "\"std\" is out of range", true},
		{"\"std\":\"0.25,1.0,3.0\"", "\"std\":\"0.25,1e300,3.0\"", "\"std\" is out of range", true},
		{"\"std\":\"0.25,1.0,3.0\"", "\"std\":\"0.25,1.0\"", "\"std\" is not 3 numbers", true},
		{"\"std\":\"0.25,1.0,3.0\"", "\"std\":\"0.25,1.0,NaN\"", "\"std\" is not 3 numbers", true},
		{"\"std\":\"0.25,1.0,3.0\"", "\"std\":\"0.25,1.0,null\"", "\"std\" is not 3 numbers", true},
		{"\"mean\":\"", "\"mean\":\"1e99", "\"mean\" is", true},
		{"\"threshold\":\"0.45\"", "\"threshold\":\"1\"", "\"threshold\" is not between 0 and 1", true},
		{"\"threshold\":\"0.45\"", "\"threshold\":\"half\"", "\"threshold\" is not a number", true},
		{"\"temperature\":\"1.5\"", "\"temperature\":\"0\"", "\"temperature\" is not between 0.01 and 100", true},
		{"\"review_below\":\"0.75\"", "\"review_below\":\"2\"", "\"review_below\" is not between 0 and 1", true},
		{"\"dice_coefficients\":\"0.125,", "\"dice_coefficients\":\"", "\"dice_coefficients\" is not 6 numbers",
		true},
		{"\"dice_coefficients\":\"0.125,", "\"dice_coefficients\":\"1e9,", "\"dice_coefficients\" is not between",
		true},
		{"\"enhance\":\"auto\"", "\"enhance\":\"some\"", "\"enhance\" is not off, auto or always", true},
		{"\"split\":\"{\\\"columns\\\"", "\"split\":\"{\\\"columns", "\"split\" is not a JSON object", true},
		{"\"split\":\"", "\"split\":\"\\u00e9", "\"split\" is not printable ASCII", true},
		{",\"extension_version\":\"0.1\"", "", "\"extension_version\" is missing", true},
	};

	check_changes(*state, changes, sizeof changes / sizeof changes[0]);
}

/* Values no network can use, in every type that can hold them. */
static void
test_values(void **state)
{
	static const struct
	{
		size_t		at;
		float		value;
		const char *message;
	}			cases[] = {
		{0, NAN, "\"stem.weight\": element 0 is not a finite"},
		{107, INFINITY, "\"stem.weight\": element 107 is not a finite"},
		{128, -INFINITY, "\"head.bias\": element 0 is not a finite"},
		{121, -1e-30f, "\"norm.running_var\": element 1 is a negative variance"},
	};
	static const struct
	{
		const char *dtype;
		const char *offsets;
		unsigned char bytes[8];
		size_t		size;
	}			types[] = {
		{"F16", "[512,514]", {0x00, 0x7C}, 2},
		{"F16", "[512,514]", {0x01, 0xFC}, 2},
		{"BF16", "[512,514]", {0x80, 0x7F}, 2},
		{"BF16", "[512,514]", {0xC0, 0xFF}, 2},
		{"F64", "[512,520]", {0, 0, 0, 0, 0, 0, 0xF0, 0x7F}, 8},
		{"F64", "[512,520]", {0, 0, 0, 0, 0, 0, 0xF8, 0xFF}, 8},
		{"F64", "[512,520]", {0, 0, 0, 0, 0, 0, 0x00, 0x48}, 8},	/* 2^129: finite, but not in float32 */
	};
	const Fixture *fixture = *state;
	unsigned char data[520];

	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
	{
		memcpy(data, fixture->data, fixture->data_size);
		memcpy(data + 4 * cases[c].at, &cases[c].value, 4);
		assert_refused(read_parts(fixture, fixture->header, strlen(fixture->header), data, fixture->data_size),
					   cases[c].message, false);
	}
	for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
	{
		char		header[2048];
		char	   *at = strstr(fixture->header, BIAS);

		sprintf(header, "%.*s\"head.bias\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":%s}}",
				(int) (at - fixture->header), fixture->header, types[t].dtype, types[t].offsets);
		memcpy(data, fixture->data, 512);
		memset(data + 512, 0, 8);
		assert_int_equal(read_parts(fixture, header, strlen(header), data, 512 + types[t].size).code, LS_OK);
		memcpy(data + 512, types[t].bytes, types[t].size);
		assert_refused(read_parts(fixture, header, strlen(header), data, 512 + types[t].size),
					   "\"head.bias\": element 0 is not a finite", false);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_trailing),
		cmocka_unit_test(test_header_length),
		cmocka_unit_test(test_header_text),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_tensors),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, make_fixture, free_fixture);
}

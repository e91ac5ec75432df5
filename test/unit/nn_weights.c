/*
 * nn_weights.c: weight files that are right: round trips, conversions, the
 * exact bytes, and files of other tools.
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

#include "nn/tensor.h"
#include "nn/weights/weights.h"
#include "nn/weights/weights_dtype.h"
#include "weights_fixture.h"

/* Values that need all of float32, different everywhere, variances >= 0. */
static void
fill(float *weights)
{
	for (int i = 0; i < FIXTURE_COUNT; i++)
		weights[i] = (float) (i + 1) / 7.0f;
	weights[0] = -0.0f;
	weights[1] = 0x1p-149f;
	weights[2] = -1e-3f;
}

static void
assert_ok(Status status)
{
	if (status.code != LS_OK)
		fail_msg("%s", status.message);
}

static void
test_round_trip(void **state)
{
	static const WeightsStorage storages[] = {WEIGHTS_F32, WEIGHTS_BF16, WEIGHTS_F16};
	const Call *call = call_standalone();
	Graph	   *graph = fixture_graph();
	WeightsInfo info = fixture_info();
	float		weights[FIXTURE_COUNT];

	(void) state;
	assert_non_null(graph);
	fill(weights);
	for (int s = 0; s < 3; s++)
	{
		float		loaded[FIXTURE_COUNT];
		WeightsInfo read;
		void	   *bytes;
		void	   *again;
		size_t		size;
		size_t		size_again;

		assert_ok(weights_write(call, &info, graph, weights, storages[s], &bytes, &size));
		assert_int_equal(((unsigned char *) bytes)[0] % 8, 0);
		assert_ok(weights_read_info(call, bytes, size, &read));
		assert_int_equal(read.format_version, 1);
		assert_string_equal(read.architecture, info.architecture);
		assert_string_equal(read.config, info.config);
		assert_int_equal(read.traits.image_size, info.traits.image_size);
		assert_memory_equal(read.mean, info.mean, sizeof info.mean);
		assert_memory_equal(read.std, info.std, sizeof info.std);
		assert_string_equal(read.extension_version, info.extension_version);
		assert_true(read.traits.threshold == info.traits.threshold);
		assert_true(read.traits.temperature == info.traits.temperature);
		assert_true(read.traits.review_below == info.traits.review_below);
		assert_memory_equal(read.traits.dice_coefficients, info.traits.dice_coefficients,
							sizeof info.traits.dice_coefficients);
		assert_int_equal(read.traits.enhance, info.traits.enhance);
		assert_string_equal(read.split, info.split);

		assert_ok(weights_read(call, bytes, size, graph, loaded));
		for (int p = 0; p < graph->param_count; p++)
		{
			const GraphParam *param = &graph->params[p];
			bool		statistics = param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE;

			for (size_t i = param->offset; i < param->offset + param->count; i++)
			{
				float		expected = weights[i];

				if (storages[s] == WEIGHTS_BF16 && !statistics)
					expected = bfloat16_to_float(bfloat16_from_float(expected));
				if (storages[s] == WEIGHTS_F16 && !statistics)
					expected = float16_to_float(float16_from_float(expected));
				assert_memory_equal(&loaded[i], &expected, sizeof expected);
			}
		}

		/* The same input gives the same bytes, and so does what was read. */
		assert_ok(weights_write(call, &read, graph, loaded, storages[s], &again, &size_again));
		assert_int_equal(size, size_again);
		assert_memory_equal(bytes, again, size);
		call_free(call, bytes);
		call_free(call, again);
	}
	graph_free(graph);
}

/* The header as a whole, for it is a format others read. */
static void
test_header_text(void **state)
{
	static const char expected[] =
		"{\"__metadata__\":{\"format_version\":\"1\",\"architecture\":\"unet\","
		"\"config\":\"{\\\"base\\\": 16, \\\"depth\\\": 4}\",\"image_size\":\"256\","
		"\"mean\":\"0.699999988,-0.100000001,9.99999994e-9\",\"std\":\"0.25,1.0,3.0\",\"extension_version\":\"0.1\","
		"\"threshold\":\"0.45\",\"temperature\":\"1.5\",\"review_below\":\"0.75\","
		"\"dice_coefficients\":\"0.125,-1e-6,1.5,0.0,123.25,-2.0\","
		"\"crc32\":\"7eddc5f1bd25422edc0ea1a5f0d77ef1e7bf03e043b8a9c01a6eba20\",\"enhance\":\"auto\","
		"\"split\":\"{\\\"columns\\\": [\\\"patient\\\"], \\\"seed\\\": 7}\"},"
		"\"norm.running_mean\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]},"
		"\"norm.running_var\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[16,32]},"
		"\"stem.weight\":{\"dtype\":\"BF16\",\"shape\":[4,3,3,3],\"data_offsets\":[32,248]},"
		"\"norm.weight\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[248,256]},"
		"\"norm.bias\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[256,264]},"
		"\"head.weight\":{\"dtype\":\"BF16\",\"shape\":[1,4,1,1],\"data_offsets\":[264,272]},"
		"\"head.bias\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[272,274]}}";
	const Call *call = call_standalone();
	Graph	   *graph = fixture_graph();
	WeightsInfo info = fixture_info();
	float		weights[FIXTURE_COUNT];
	unsigned char *bytes;
	void	   *memory;
	size_t		size;
	size_t		length;

	(void) state;
	fill(weights);
	assert_ok(weights_write(call, &info, graph, weights, WEIGHTS_BF16, &memory, &size));
	bytes = memory;
	length = bytes[0] + 256u * bytes[1];
	for (int i = 2; i < 8; i++)
		assert_int_equal(bytes[i], 0);
	assert_int_equal(length % 8, 0);
	assert_true(length >= sizeof expected - 1 && length < sizeof expected - 1 + 8);
	assert_memory_equal(bytes + 8, expected, sizeof expected - 1);
	for (size_t i = sizeof expected - 1; i < length; i++)
		assert_int_equal(bytes[8 + i], ' ');
	assert_int_equal(size, 8 + length + 274);
	call_free(call, memory);
	graph_free(graph);
}

/* All 65536 halves: exact there and back, and rounding on the way to them. */
static void
test_float16(void **state)
{
	(void) state;
	for (uint32_t h = 0; h < 65536; h++)
	{
		float		value = float16_to_float((uint16_t) h);

		if ((h & 0x7C00) == 0x7C00 && (h & 0x3FF) != 0)
		{
			assert_true(isnan(value));
			assert_int_equal(float16_from_float(value), (h & 0x8000) | 0x7E00);
			continue;
		}
		assert_int_equal(float16_from_float(value), h);
	}
	for (uint32_t h = 0; h < 0x7BFF; h++)
	{
		float		low = float16_to_float((uint16_t) h);
		float		high = float16_to_float((uint16_t) (h + 1));
		float		middle = (low + high) / 2;	/* exact in float32 */

		assert_true(high > low);
		assert_int_equal(float16_from_float(middle), h + (h & 1));
		assert_int_equal(float16_from_float(nextafterf(middle, 0)), h);
		assert_int_equal(float16_from_float(nextafterf(middle, INFINITY)), h + 1);
		assert_int_equal(float16_from_float(-nextafterf(middle, INFINITY)), (h + 1) | 0x8000);
	}
	assert_true(float16_to_float(0x3C00) == 1.0f);
	assert_true(float16_to_float(0x0001) == 0x1p-24f);
	assert_true(float16_to_float(0x7BFF) == 65504.0f);
	assert_int_equal(float16_from_float(nextafterf(65520.0f, 0)), 0x7BFF);
	assert_int_equal(float16_from_float(65520.0f), 0x7C00);
	assert_int_equal(float16_from_float(1e30f), 0x7C00);
	assert_int_equal(float16_from_float(-INFINITY), 0xFC00);
	assert_int_equal(float16_from_float(1e-30f), 0);
	assert_int_equal(float16_from_float(-1e-45f), 0x8000);
}

/* A file as PyTorch tools write it: no metadata of ours, every float type,
 * tensors in an order of their own, batch counters, odd alignment. */
static void
test_foreign_file(void **state)
{
	static const char header[] =
		"{\"__metadata__\":{\"format\":\"pt\"},"
		"\"norm.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
		"\"head.bias\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[8,10]},"
		"\"stem.weight\":{\"dtype\":\"F32\",\"shape\":[4,3,3,3],\"data_offsets\":[10,442]},"
		"\"norm.bias\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[474,482]},"
		"\"norm.weight\":{\"dtype\":\"F64\",\"shape\":[4],\"data_offsets\":[442,474]},"
		"\"head.weight\":{\"data_offsets\":[482,498],\"dtype\":\"F32\",\"shape\":[1,4,1,1]},"
		"\"norm.running_mean\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[498,514]},"
		"\"norm.running_var\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[514,530]}}   ";
	const size_t length = sizeof header - 1;
	const Call *call = call_standalone();
	Graph	   *graph = fixture_graph();
	const GraphParam *scale = &graph->params[graph_find_param(graph, "norm.weight")];
	const GraphParam *shift = &graph->params[graph_find_param(graph, "norm.bias")];
	const GraphParam *bias = &graph->params[graph_find_param(graph, "head.bias")];
	double		third = 1.0 / 3;
	WeightsInfo info;
	float		weights[FIXTURE_COUNT];
	unsigned char *bytes = calloc(1, 8 + length + 530);

	(void) state;
	bytes[0] = (unsigned char) length;
	bytes[1] = (unsigned char) (length >> 8);
	memcpy(bytes + 8, header, length);
	bytes[8 + length + 8] = 0x00;
	bytes[8 + length + 9] = 0xC5;	/* -5 in float16 */
	memcpy(bytes + 8 + length + 442 + 8, &third, sizeof third);
	bytes[8 + length + 474 + 6] = 0x20;
	bytes[8 + length + 474 + 7] = 0x41; /* 10 in bfloat16 */

	assert_ok(weights_read_info(call, bytes, 8 + length + 530, &info));
	assert_int_equal(info.format_version, 0);
	assert_string_equal(info.architecture, "");
	assert_string_equal(info.config, "");
	assert_true(info.mean[0] == 0.485f && info.mean[1] == 0.456f && info.mean[2] == 0.406f);
	assert_true(info.std[0] == 0.229f && info.std[1] == 0.224f && info.std[2] == 0.225f);

	memset(weights, 0xFF, sizeof weights);
	assert_ok(weights_read(call, bytes, 8 + length + 530, graph, weights));
	for (int i = 0; i < FIXTURE_COUNT; i++)
	{
		float		expected = 0;

		if ((size_t) i == bias->offset)
			expected = -5;
		if ((size_t) i == scale->offset + 1)
			expected = (float) third;
		if ((size_t) i == shift->offset + 3)
			expected = 10;
		assert_true(weights[i] == expected);
	}
	free(bytes);
	graph_free(graph);
}

/* What cannot be stored is refused and names the tensor. */
static void
test_unwritable(void **state)
{
	static const struct
	{
		float		value;
		WeightsStorage storage;
	}			cases[] = {
		{NAN, WEIGHTS_F32}, {INFINITY, WEIGHTS_F32}, {-INFINITY, WEIGHTS_BF16}, {NAN, WEIGHTS_F16},
		{65520, WEIGHTS_F16}, {-1e6f, WEIGHTS_F16}, {3.4e38f, WEIGHTS_BF16},
	};
	const Call *call = call_standalone();
	Graph	   *graph = fixture_graph();
	const GraphParam *mean = &graph->params[graph_find_param(graph, "norm.running_mean")];
	WeightsInfo info = fixture_info();
	float		weights[FIXTURE_COUNT];
	void	   *bytes;
	size_t		size;

	(void) state;
	for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++)
	{
		Status		status;

		fill(weights);
		weights[FIXTURE_COUNT - 1] = cases[c].value;
		status = weights_write(call, &info, graph, weights, cases[c].storage, &bytes, &size);
		assert_int_equal(status.code, LS_INVALID_WEIGHTS);
		assert_non_null(strstr(status.message, "\"head.bias\""));
		assert_true(status.hint[0] != '\0');
		assert_null(bytes);
	}

	/* Running statistics are stored as float32 and may be that large. */
	fill(weights);
	weights[mean->offset] = 1e6f;
	assert_ok(weights_write(call, &info, graph, weights, WEIGHTS_F16, &bytes, &size));
	call_free(call, bytes);
	graph_free(graph);
}

static bool
always_stop(void *user)
{
	(void) user;
	return true;
}

static void *
no_memory(void *user, size_t size)
{
	(void) user;
	(void) size;
	return NULL;
}

/* A cancel and a failed allocation come through, and leave nothing behind. */
static void
test_host_failures(void **state)
{
	Call stopping = *call_standalone();
	Call poor = *call_standalone();
	Graph	   *graph = fixture_graph();
	WeightsInfo info = fixture_info();
	float		weights[FIXTURE_COUNT];
	void	   *bytes;
	void	   *none;
	size_t		size;
	size_t		no_size;

	(void) state;
	stopping.poll = always_stop;
	poor.host.alloc = no_memory;
	fill(weights);
	assert_ok(weights_write(call_standalone(), &info, graph, weights, WEIGHTS_F32, &bytes, &size));
	assert_int_equal(weights_read(&stopping, bytes, size, graph, weights).code, LS_CANCELLED);
	assert_int_equal(weights_read(&poor, bytes, size, graph, weights).code, LS_OUT_OF_MEMORY);
	assert_int_equal(weights_write(&stopping, &info, graph, weights, WEIGHTS_F32, &none, &no_size).code,
					 LS_CANCELLED);
	assert_int_equal(weights_write(&poor, &info, graph, weights, WEIGHTS_F32, &none, &no_size).code,
					 LS_OUT_OF_MEMORY);
	poor.host.max_memory = 10;
	assert_int_equal(weights_write(&poor, &info, graph, weights, WEIGHTS_F32, &none, &no_size).code,
					 LS_LIMIT_EXCEEDED);
	call_free(call_standalone(), bytes);
	graph_free(graph);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_header_text),
		cmocka_unit_test(test_float16),
		cmocka_unit_test(test_foreign_file),
		cmocka_unit_test(test_unwritable),
		cmocka_unit_test(test_host_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

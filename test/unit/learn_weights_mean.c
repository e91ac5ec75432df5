/*
 * learn_weights_mean.c: the mean of weight files: its values by hand, what it
 * keeps of the files' metadata, and what it refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "learn/federated/weights_mean.h"
#include "shared_weights_fixture.h"

/* Add a file. */
static Status
add(WeightsMean *mean, const Call *call, const File *file, double n)
{
	return weights_mean_add(mean, call, file->bytes, file->size, n);
}

/* The mean of two files that count 1 and 3 times. */
static File
mean_of(const Call *call, const File *a, const File *b)
{
	WeightsMean *mean;
	File		file;

	assert_ok(weights_mean_create(&call->host, &mean));
	assert_ok(add(mean, call, a, 1));
	assert_ok(add(mean, call, b, 3));
	assert_ok(weights_mean_write(mean, call, &file.bytes, &file.size));
	weights_mean_free(mean);
	return file;
}

static void
test_values(void **state)
{
	TestCall	test;
	Network    *a;
	Network    *b;
	Network    *mean;
	File		file_a;
	File		file_b;
	File		file;

	(void) state;
	test_call_init(&test);
	a = make_network(&test.call, 4, 1);
	b = make_network(&test.call, 4, 2);
	mean = make_network(&test.call, 4, 3);
	a->weights[0] = 1;
	b->weights[0] = 3;			/* (1 + 9) / 4 */
	a->weights[1] = 0x1p-149f;
	b->weights[1] = 0;
	a->weights[2] = 3e38f;		/* a sum of floats would be infinite */
	b->weights[2] = 3e38f;
	a->weights[3] = 1;
	b->weights[3] = 1 + 0x1p-23f;	/* three quarters of the way are nearer to b */
	file_a = write_network(&test.call, a, WEIGHTS_F32);
	file_b = write_network(&test.call, b, WEIGHTS_F32);
	file = mean_of(&test.call, &file_a, &file_b);
	assert_ok(network_load(mean, &test.call, file.bytes, file.size));
	assert_true(mean->weights[0] == 2.5f);
	assert_true(mean->weights[1] == 0);
	assert_true(mean->weights[2] == 3e38f);
	assert_true(mean->weights[3] == 1 + 0x1p-23f);
	for (size_t i = 0; i < mean->graph->weight_count; i++)
	{
		float		expected = (float) (((double) a->weights[i] + 3 * (double) b->weights[i]) / 4);

		assert_memory_equal(&mean->weights[i], &expected, sizeof expected);
	}
	free_file(&test.call, &file);
	free_file(&test.call, &file_a);
	free_file(&test.call, &file_b);
	network_free(a);
	network_free(b);
	network_free(mean);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* One file gives its own bytes, whatever it counts; one of 16 bits the same
 * values in float32. */
static void
test_one(void **state)
{
	static const double counts[] = {WEIGHTS_MEAN_LEAST_N, 0.1, 1, 12345, WEIGHTS_MEAN_MOST_N};
	TestCall	test;
	Network    *network;
	Network    *loaded;
	WeightsMean *mean;
	File		file;
	File		result;

	(void) state;
	test_call_init(&test);
	network = make_network(&test.call, 4, 1);
	network->weights[0] = -0.0f;
	network->weights[1] = 0x1p-149f;
	file = write_network(&test.call, network, WEIGHTS_F32);
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
	{
		assert_ok(weights_mean_create(&test.call.host, &mean));
		assert_ok(add(mean, &test.call, &file, counts[i]));
		/* Written twice it is the same: a window asks more than once. */
		for (int times = 0; times < 2; times++)
		{
			assert_ok(weights_mean_write(mean, &test.call, &result.bytes, &result.size));
			assert_int_equal(result.size, file.size);
			assert_memory_equal(result.bytes, file.bytes, file.size);
			free_file(&test.call, &result);
		}
		weights_mean_free(mean);
	}
	free_file(&test.call, &file);

	file = write_network(&test.call, network, WEIGHTS_BF16);
	loaded = make_network(&test.call, 4, 2);
	assert_ok(network_load(loaded, &test.call, file.bytes, file.size));
	assert_ok(weights_mean_create(&test.call.host, &mean));
	assert_ok(add(mean, &test.call, &file, 7));
	assert_ok(weights_mean_write(mean, &test.call, &result.bytes, &result.size));
	assert_ok(network_load(network, &test.call, result.bytes, result.size));
	assert_memory_equal(network->weights, loaded->weights, network->graph->weight_count * sizeof(float));
	weights_mean_free(mean);
	free_file(&test.call, &file);
	free_file(&test.call, &result);
	network_free(network);
	network_free(loaded);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* What all files say stays; what they say differently goes. */
static void
test_metadata(void **state)
{
	const Call *call = call_standalone();
	Network    *network = make_network(call, 4, 1);
	Network    *loaded = make_network(call, 4, 2);
	WeightsMean *mean;
	File		one = write_network(call, network, WEIGHTS_F32);
	File		other;
	File		result;

	(void) state;
	network->traits.threshold = 0.4;
	network->traits.dice_coefficients[2] = 1.25;
	strcpy(network->split, "{\"columns\": []}");
	other = write_network(call, network, WEIGHTS_F32);
	assert_ok(weights_mean_create(&call->host, &mean));
	assert_ok(add(mean, call, &one, 1));
	assert_ok(add(mean, call, &one, 1));
	assert_false(weights_mean_splits_differ(mean));
	assert_ok(add(mean, call, &other, 1));
	assert_ok(add(mean, call, &one, 1));
	assert_true(weights_mean_splits_differ(mean));
	assert_ok(weights_mean_write(mean, call, &result.bytes, &result.size));
	assert_ok(network_load(loaded, call, result.bytes, result.size));
	assert_true(loaded->traits.threshold == 0);
	assert_true(loaded->traits.temperature == 1.5);
	assert_true(loaded->traits.review_below == 0.75);
	for (int i = 0; i < TRAITS_DICE_COEFFICIENTS; i++)
		assert_true(loaded->traits.dice_coefficients[i] == 0);
	assert_int_equal(loaded->traits.image_size, 32);
	assert_int_equal(loaded->traits.enhance, ENHANCE_MODE_AUTO);
	assert_string_equal(loaded->split, "");
	weights_mean_free(mean);
	free_file(call, &one);
	free_file(call, &other);
	free_file(call, &result);
	network_free(network);
	network_free(loaded);
}

/* Expect a failure of that code with that message. */
static void
assert_refused(Status status, StatusCode code, const char *message)
{
	assert_int_equal(status.code, code);
	assert_string_equal(status.message, message);
	assert_true(status.hint[0] != '\0');
}

/* After each refusal the mean is as it was. */
static void
test_refusals(void **state)
{
	static const double counts[] = {0, -1, 1e-101, 1e101, 1.0 / 0.0, 0.0 / 0.0};
	TestCall	test;
	const Call *call = &test.call;
	Network    *network;
	Network    *wide;
	WeightsMean *mean;
	File		good;
	File		bad;
	File		result;

	(void) state;
	test_call_init(&test);
	network = make_network(call, 4, 1);
	wide = make_network(call, 8, 1);
	good = write_network(call, network, WEIGHTS_F32);
	assert_ok(weights_mean_create(&call->host, &mean));
	assert_int_equal(weights_mean_add(mean, call, "none", 4, 1).code, LS_INVALID_WEIGHTS);
	assert_ok(add(mean, call, &good, 1));
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
		assert_int_equal(add(mean, call, &good, counts[i]).code, LS_INVALID_ARGUMENT);

	bad = write_network(call, wide, WEIGHTS_F32);
	assert_refused(add(mean, call, &bad, 1), LS_INVALID_WEIGHTS,
				   "tensor \"down.0.0.weight\" has shape (8, 3, 3, 3), the network needs (4, 3, 3, 3)");
	free_file(call, &bad);
	network->traits.image_size = 64;
	bad = write_network(call, network, WEIGHTS_F32);
	assert_refused(add(mean, call, &bad, 1), LS_INVALID_WEIGHTS,
				   "the weights are for images of 64 pixels, those of the first file of 32");
	free_file(call, &bad);
	network->traits.image_size = 32;
	network->traits.enhance = ENHANCE_MODE_OFF;
	bad = write_network(call, network, WEIGHTS_F32);
	assert_refused(add(mean, call, &bad, 1), LS_INVALID_WEIGHTS,
				   "the weights were trained with enhance \"off\", those of the first file with \"auto\"");
	free_file(call, &bad);
	network->traits.enhance = ENHANCE_MODE_AUTO;
	network->mean[1] = 0.5f;
	bad = write_network(call, network, WEIGHTS_F32);
	assert_refused(add(mean, call, &bad, 1), LS_INVALID_WEIGHTS,
				   "the mean and std of the input differ from those of the first file");
	free_file(call, &bad);

	assert_ok(weights_mean_write(mean, call, &result.bytes, &result.size));
	assert_memory_equal(result.bytes, good.bytes, good.size);
	free_file(call, &result);
	free_file(call, &good);
	weights_mean_free(mean);
	network_free(network);
	network_free(wide);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Bytes that are broken anywhere, cut off, or of another tool. */
static void
test_broken(void **state)
{
	TestCall	test;
	const Call *call = &test.call;
	Network    *network;
	WeightsMean *mean;
	File		file;
	unsigned char *bytes;
	Status		status;

	(void) state;
	test_call_init(&test);
	network = make_network(call, 4, 1);
	file = write_network(call, network, WEIGHTS_F32);
	bytes = file.bytes;
	for (size_t size = 0; size < file.size; size += 97)
	{
		assert_ok(weights_mean_create(&call->host, &mean));
		assert_int_equal(weights_mean_add(mean, call, bytes, size, 1).code, LS_INVALID_WEIGHTS);
		weights_mean_free(mean);
	}
	for (size_t i = 0; i < 3000; i += 5)
	{
		bytes[i] ^= 0x11;
		assert_ok(weights_mean_create(&call->host, &mean));
		status = weights_mean_add(mean, call, bytes, file.size, 1);
		assert_true(status.code == LS_OK || status.code == LS_INVALID_WEIGHTS);
		weights_mean_free(mean);
		bytes[i] ^= 0x11;
	}
	assert_ok(weights_mean_create(&call->host, &mean));
	memcpy(strstr((char *) bytes + 8, "format_version"), "farmat_version", 14);
	assert_refused(weights_mean_add(mean, call, bytes, file.size, 1), LS_INVALID_WEIGHTS,
				   "the file does not say of which architecture it is");
	memcpy(strstr((char *) bytes + 8, "farmat_version"), "format_version", 14);

	/* A config that would need a thousand times the memory. */
	memcpy(strstr((char *) bytes + 8, "depth\\\": 1"), "depth\\\": 6", 10);
	status = weights_mean_add(mean, call, bytes, file.size, 1);
	assert_int_equal(status.code, LS_INVALID_WEIGHTS);
	assert_non_null(strstr(status.message, "is too short for"));
	memcpy(strstr((char *) bytes + 8, "unet"), "vnet", 4);
	assert_refused(weights_mean_add(mean, call, bytes, file.size, 1), LS_INVALID_WEIGHTS,
				   "the file is for \"vnet\", which is no architecture here");
	weights_mean_free(mean);
	free_file(call, &file);
	network_free(network);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Stopped at any poll, or without the memory, it frees all. */
static void
test_stops(void **state)
{
	TestCall	test;
	Network    *network;
	WeightsMean *mean;
	File		file;
	File		result;
	Status		status = {.code = LS_CANCELLED};

	(void) state;
	test_call_init(&test);
	network = make_network(&test.call, 4, 1);
	file = write_network(&test.call, network, WEIGHTS_F32);
	for (long polls = 0; status.code == LS_CANCELLED; polls++)
	{
		test.polls = 0;
		test.stop_after = polls;
		assert_ok(weights_mean_create(&test.call.host, &mean));
		status = add(mean, &test.call, &file, 1);
		if (status.code == LS_OK)
			status = add(mean, &test.call, &file, 1);
		if (status.code == LS_OK)
			status = weights_mean_write(mean, &test.call, &result.bytes, &result.size);
		weights_mean_free(mean);
	}
	assert_ok(status);
	assert_true(test.polls > 20);
	free_file(&test.call, &result);
	test.stop_after = -1;

	/* The sums take twice the memory of the weights. */
	test.call.host.max_memory = 6 * network->graph->weight_count;
	assert_ok(weights_mean_create(&test.call.host, &mean));
	status = add(mean, &test.call, &file, 1);
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_non_null(strstr(status.hint, "lesionseg.max_memory"));
	weights_mean_free(mean);
	free_file(&test.call, &file);
	network_free(network);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * learn_dataset.c: the data set keeps what it was given, in memory and in the
 * temporary file alike, and refuses what is no pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "image/codec/codec.h"
#include "learn/dataset.h"
#include "test_call.h"

#define SIZE 16
#define RECORD (SIZE * SIZE * 4)

/* A PNG of noise (3 channels) or of a noise mask (1 channel). */
static EncodedImage
noise_png(const Call *call, uint64_t seed, int width, int height, int channels)
{
	EncodedImage encoded;
	Image		image;
	Rng			rng;

	rng_seed(&rng, seed, (uint64_t) channels);
	assert_int_equal(image_create(call, width, height, channels, &image).code, LS_OK);
	for (int i = 0; i < width * height * channels; i++)
		image.pixels[i] = channels == 3 ? (uint8_t) rng_next(&rng) : rng_next(&rng) & 1 ? 255 : 0;
	assert_int_equal(png_encode(call, &image, &encoded).code, LS_OK);
	image_free(call, &image);
	return encoded;
}

/* Add the pair of that seed at the data set's own size. */
static Status
add_noise(const Call *call, Dataset *dataset, uint64_t seed, int width, int height)
{
	EncodedImage image = noise_png(call, seed, width, height, 3);
	EncodedImage mask = noise_png(call, seed, width, height, 1);
	Status		status = dataset_add(dataset, call, image.bytes, image.size, mask.bytes, mask.size, NULL);

	call_free(call, image.bytes);
	call_free(call, mask.bytes);
	return status;
}

/* Check record `index` against the noise of that seed. */
static void
assert_noise(const Dataset *dataset, long index, uint64_t seed)
{
	uint8_t		rgb[SIZE * SIZE * 3];
	uint8_t		mask[SIZE * SIZE];
	Rng			rng;

	assert_int_equal(dataset_read(dataset, index, rgb, mask).code, LS_OK);
	rng_seed(&rng, seed, 3);
	for (size_t i = 0; i < sizeof rgb; i++)
		assert_int_equal(rgb[i], (uint8_t) rng_next(&rng));
	rng_seed(&rng, seed, 1);
	for (size_t i = 0; i < sizeof mask; i++)
		assert_int_equal(mask[i], rng_next(&rng) & 1 ? 255 : 0);
}

/* All in memory, some of it, none of it: the same data set. */
static void
test_memory_and_spill(void **state)
{
	const size_t memory[] = {1 << 20, 5 * RECORD + 17, RECORD, RECORD - 1, 0};
	const long	spilled[] = {0, 7, 11, 12, 12};

	(void) state;
	for (int m = 0; m < 5; m++)
	{
		TestCall	test;
		Dataset    *dataset;

		test_call_init(&test);
		assert_int_equal(dataset_create(&test.call.host, SIZE, memory[m], &dataset).code, LS_OK);
		assert_int_equal(dataset_size(dataset), SIZE);
		for (int i = 0; i < 12; i++)
			assert_int_equal(add_noise(&test.call, dataset, (uint64_t) i, SIZE, SIZE).code, LS_OK);
		assert_int_equal(dataset_count(dataset), 12);
		assert_int_equal(test.spilled, spilled[m] * RECORD);
		for (int i = 11; i >= 0; i--)
			assert_noise(dataset, i, (uint64_t) i);
		dataset_free(dataset);
		assert_int_equal(test.live, 0);
		test_call_end(&test);
	}
}

/* More records than a chunk and more chunks than the first table holds. */
static void
test_many_chunks(void **state)
{
	const int	size = 1500;	/* 9 MB a record: a chunk each */
	TestCall	test;
	Dataset    *dataset;
	Image		image;
	EncodedImage rgb;
	EncodedImage mask;
	uint8_t    *back = malloc((size_t) size * size * 4);

	(void) state;
	test_call_init(&test);
	test.call.max_pixels = 10 * 1000 * 1000;
	assert_int_equal(image_create(&test.call, size, size, 3, &image).code, LS_OK);
	assert_int_equal(png_encode(&test.call, &image, &rgb).code, LS_OK);
	image.channels = 1;
	memset(image.pixels, 255, (size_t) size * size);
	assert_int_equal(png_encode(&test.call, &image, &mask).code, LS_OK);
	image_free(&test.call, &image);

	assert_int_equal(dataset_create(&test.call.host, size, (size_t) 18 * size * size * 4, &dataset).code, LS_OK);
	for (int i = 0; i < 20; i++)
		assert_int_equal(dataset_add(dataset, &test.call, rgb.bytes, rgb.size, mask.bytes, mask.size, NULL).code,
						 LS_OK);
	assert_int_equal(test.spilled, 2L * size * size * 4);
	for (int i = 0; i < 20; i++)
	{
		memset(back, 7, (size_t) size * size * 4);
		assert_int_equal(dataset_read(dataset, i, back, back + (size_t) size * size * 3).code, LS_OK);
		assert_int_equal(back[0], 0);
		assert_int_equal(back[(size_t) size * size * 3 - 1], 0);
		assert_int_equal(back[(size_t) size * size * 3], 255);
		assert_int_equal(back[(size_t) size * size * 4 - 1], 255);
	}
	dataset_free(dataset);
	call_free(&test.call, rgb.bytes);
	call_free(&test.call, mask.bytes);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
	free(back);
}

/* Shrinking: the image by area average, a mask pixel by majority with half
 * counted as lesion. */
static void
test_resized(void **state)
{
	TestCall	test;
	Dataset    *dataset;
	Image		image;
	EncodedImage encoded[2];
	uint8_t		rgb[12];
	uint8_t		mask[4];

	(void) state;
	test_call_init(&test);
	assert_int_equal(image_create(&test.call, 4, 4, 3, &image).code, LS_OK);
	for (int i = 0; i < 48; i++)
		image.pixels[i] = (uint8_t) (i / 3 * 10);
	assert_int_equal(png_encode(&test.call, &image, &encoded[0]).code, LS_OK);
	image_free(&test.call, &image);
	assert_int_equal(image_create(&test.call, 4, 4, 1, &image).code, LS_OK);
	memset(image.pixels, 0, 16);
	image.pixels[0] = 255;		/* a quarter of the first */
	image.pixels[2] = image.pixels[7] = 255;	/* half of the second */
	image.pixels[8] = image.pixels[9] = image.pixels[13] = 255;	/* most of the third */
	assert_int_equal(png_encode(&test.call, &image, &encoded[1]).code, LS_OK);
	image_free(&test.call, &image);

	assert_int_equal(dataset_create(&test.call.host, 2, 1 << 20, &dataset).code, LS_OK);
	assert_int_equal(dataset_add(dataset, &test.call, encoded[0].bytes, encoded[0].size,
								 encoded[1].bytes, encoded[1].size, NULL).code, LS_OK);
	assert_int_equal(dataset_read(dataset, 0, rgb, mask).code, LS_OK);
	assert_int_equal(rgb[0], 25);
	assert_int_equal(rgb[3], 45);
	assert_int_equal(rgb[6], 105);
	assert_int_equal(rgb[9], 125);
	assert_int_equal(mask[0], 0);
	assert_int_equal(mask[1], 255);
	assert_int_equal(mask[2], 255);
	assert_int_equal(mask[3], 0);
	dataset_free(dataset);
	call_free(&test.call, encoded[0].bytes);
	call_free(&test.call, encoded[1].bytes);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* What is wrong with a pair, and nothing is added. */
static void
test_broken_pairs(void **state)
{
	TestCall	test;
	const Call *context = &test.call;
	Dataset    *dataset;
	EncodedImage image;
	EncodedImage small_mask;
	EncodedImage mask;
	Status		status;

	(void) state;
	test_call_init(&test);
	image = noise_png(context, 1, 30, 20, 3);
	mask = noise_png(context, 1, 30, 20, 1);
	small_mask = noise_png(context, 1, 20, 30, 1);
	assert_int_equal(dataset_create(&context->host, SIZE, 1 << 20, &dataset).code, LS_OK);

	status = dataset_add(dataset, context, image.bytes, image.size, small_mask.bytes, small_mask.size, NULL);
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_string_equal(status.message, "the image is 30 x 20 pixels, its mask 20 x 30");
	assert_string_equal(status.hint, "A mask may differ from its image in size, not in aspect ratio.");

	status = dataset_add(dataset, context, "nothing", 7, mask.bytes, mask.size, NULL);
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_memory_equal(status.message, "image: ", 7);
	status = dataset_add(dataset, context, image.bytes, image.size, "", 0, NULL);
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_memory_equal(status.message, "mask: ", 6);

	status = dataset_add(dataset, context, image.bytes, image.size / 2, mask.bytes, mask.size, NULL);
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_memory_equal(status.message, "image: ", 7);
	status = dataset_add(dataset, context, image.bytes, image.size, mask.bytes, mask.size - 20, NULL);
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_memory_equal(status.message, "mask: ", 6);

	test.call.max_pixels = 599;
	status = dataset_add(dataset, context, image.bytes, image.size, mask.bytes, mask.size, NULL);
	assert_int_equal(status.code, LS_INVALID_IMAGE);
	assert_string_equal(status.message, "image: the image is 30 x 20 pixels, the limit is 599 pixels");
	test.call.max_pixels = 600;
	assert_int_equal(dataset_count(dataset), 0);
	assert_int_equal(dataset_add(dataset, context, image.bytes, image.size, mask.bytes, mask.size, NULL).code, LS_OK);
	assert_int_equal(dataset_count(dataset), 1);

	assert_int_equal(dataset_read(dataset, 1, NULL, NULL).code, LS_INVALID_ARGUMENT);
	assert_int_equal(dataset_read(dataset, -1, NULL, NULL).code, LS_INVALID_ARGUMENT);
	dataset_free(dataset);
	call_free(context, image.bytes);
	call_free(context, mask.bytes);
	call_free(context, small_mask.bytes);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A file that fails. */
static bool
failing_write(void *user, int64_t offset, const void *data, size_t size)
{
	(void) user;
	(void) offset;
	(void) data;
	(void) size;
	return false;
}

static bool
failing_read(void *user, int64_t offset, void *data, size_t size)
{
	(void) user;
	(void) offset;
	(void) data;
	(void) size;
	return false;
}

/* Failures of memory and of the temporary file are told apart from the pair's, and leak nothing. */
static void
test_host_failures(void **state)
{
	TestCall	test;
	Dataset    *dataset;
	uint8_t		rgb[SIZE * SIZE * 3];
	uint8_t		mask[SIZE * SIZE];

	(void) state;
	test_call_init(&test);
	assert_int_equal(dataset_create(&test.call.host, 0, 0, &dataset).code, LS_INVALID_ARGUMENT);
	assert_null(dataset);
	assert_int_equal(dataset_create(&test.call.host, SIZE, 0, &dataset).code, LS_OK);
	assert_int_equal(add_noise(&test.call, dataset, 1, SIZE, SIZE).code, LS_OK);

	test.call.host.spill_write = failing_write;
	assert_int_equal(add_noise(&test.call, dataset, 2, SIZE, SIZE).code, LS_HOST_ERROR);
	test.call.host.spill_write = NULL;
	assert_int_equal(add_noise(&test.call, dataset, 2, SIZE, SIZE).code, LS_LIMIT_EXCEEDED);
	test.call.host.spill_read = failing_read;
	assert_int_equal(dataset_read(dataset, 0, rgb, mask).code, LS_HOST_ERROR);
	assert_int_equal(dataset_count(dataset), 1);
	dataset_free(dataset);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* However early or late the call asks to stop, nothing is added or leaked. */
static void
test_cancel(void **state)
{
	TestCall	test;
	const Call *context = &test.call;
	EncodedImage image;
	EncodedImage mask;
	Dataset    *dataset;
	long		polls;

	(void) state;
	test_call_init(&test);
	image = noise_png(context, 1, 300, 300, 3);
	mask = noise_png(context, 1, 300, 300, 1);
	assert_int_equal(dataset_create(&context->host, SIZE, 1 << 20, &dataset).code, LS_OK);
	test.polls = 0;
	assert_int_equal(dataset_add(dataset, context, image.bytes, image.size, mask.bytes, mask.size, NULL).code, LS_OK);
	polls = test.polls;
	assert_true(polls >= 4);
	for (long stop = 0; stop < polls; stop++)
	{
		test.polls = 0;
		test.stop_after = stop;
		assert_int_equal(dataset_add(dataset, context, image.bytes, image.size, mask.bytes, mask.size, NULL).code,
						 LS_CANCELLED);
		assert_int_equal(dataset_count(dataset), 1);
	}
	dataset_free(dataset);
	call_free(context, image.bytes);
	call_free(context, mask.bytes);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_and_spill),
		cmocka_unit_test(test_many_chunks),
		cmocka_unit_test(test_resized),
		cmocka_unit_test(test_broken_pairs),
		cmocka_unit_test(test_host_failures),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * infer_mask_png.c: a mask that becomes a PNG while it is made is the one that is
 * made and then encoded, byte for byte, and is not in memory.
 */
#include "between.h"
#include "bytes_call.h"
#include "image_fixture.h"

#include "infer/mask.h"

#define SIDE 48

/* Two lesions, the larger with a hole, and some doubt around them. */
static ProbabilityMap
make_map(int shift)
{
	ProbabilityMap map = {.size = SIDE, .values = malloc(SIDE * SIDE * sizeof(float))};

	for (int y = 0; y < SIDE; y++)
	{
		for (int x = 0; x < SIDE; x++)
		{
			int			away = (x - 20 - shift) * (x - 20 - shift) + (y - 20) * (y - 20);
			int			other = (x - 42) * (x - 42) + (y - 42) * (y - 42);

			map.values[y * SIDE + x] = away < 9 ? 0.1f : away < 150 ? 0.9f : other < 9 ? 0.8f : away < 260 ? 0.45f : 0;
		}
	}
	return map;
}

/* Both ways, byte for byte. */
static void
assert_same_png(const ProbabilityMap *maps, int count, const MaskOptions *options)
{
	static const double weights[] = {0.25, 0.75};
	Counts		counts;
	Call call = counting_call(&counts);
	EncodedImage whole;
	EncodedImage rows;
	Image		mask;

	assert_ok(mask_create(&call, maps, weights, count, options, &mask, NULL));
	assert_ok(png_encode(&call, &mask, &whole));
	assert_ok(mask_create_png(&call, maps, weights, count, options, &rows));
	assert_int_equal(whole.size, rows.size);
	assert_memory_equal(whole.bytes, rows.bytes, rows.size);
	image_free(&call, &mask);
	call_free(&call, whole.bytes);
	call_free(&call, rows.bytes);
	assert_int_equal(counts.allocated, 0);
}

static void
test_same_bytes(void **state)
{
	static const int sizes[][2] = {{1, 1}, {SIDE, SIDE}, {300, 200}, {200, 301}, {5, 900}, {30, 20}};
	ProbabilityMap maps[] = {make_map(0), make_map(3)};
	ProbabilityMap nearer[] = {make_map(1), make_map(2)};

	(void) state;
	for (int s = 0; s < 6; s++)
	{
		for (int bits = 0; bits < 16; bits++)
		{
			int			width = sizes[s][0];
			int			height = sizes[s][1];
			Window		window = {width / 4, height / 4, (width + 1) / 2, (height + 1) / 2};
			SecondLook	second = {.maps = nearer, .window = window, .image_width = width, .image_height = height,
				.valid = window, .weight = 0.7, .ramp = 4};
			MaskOptions options = {.width = width, .height = height, .threshold = bits & 8 ? 0.4 : 0.5,
				.largest_component = bits & 1, .fill_holes = bits & 2, .second = bits & 4 ? &second : NULL};

			assert_same_png(maps, 1, &options);
			assert_same_png(maps, 2, &options);
			if (bits & 4)
				assert_same_png(NULL, 1, &options);
		}
	}
	for (int i = 0; i < 2; i++)
	{
		free(maps[i].values);
		free(nearer[i].values);
	}
}

static void
test_memory(void **state)
{
	const double weight = 1;
	MaskOptions options = {.width = 6000, .height = 4000, .threshold = 0.5};
	ProbabilityMap map = make_map(0);
	Bytes		bytes;
	Call call = bytes_call(&bytes);
	EncodedImage png;

	(void) state;
	assert_ok(mask_create_png(&call, &map, &weight, 1, &options, &png));
	assert_between(bytes.most, 1, 6000 * 4000 / 20);
	call_free(&call, png.bytes);
	assert_int_equal(bytes.now, 0);
	free(map.values);
}

/* Sizes and thresholds of which there is no mask, a cancel at any poll, and memory that is refused. */
static void
test_failures(void **state)
{
	const double weight = 1;
	MaskOptions options = {.width = 90, .height = 170, .threshold = 0.5};
	ProbabilityMap map = make_map(0);
	Counts		counts;
	Call call = counting_call(&counts);
	EncodedImage png;
	long		polls;
	long		allocations;

	(void) state;
	assert_ok(mask_create_png(&call, &map, &weight, 1, &options, &png));
	call_free(&call, png.bytes);
	polls = counts.polls;
	allocations = counts.allocations;
	assert_true(polls > 3);
	for (long at = 1; at <= polls + allocations; at++)
	{
		call = counting_call(&counts);
		*(at <= polls ? &counts.cancel_at : &counts.fail_at) = at <= polls ? at : at - polls;
		assert_int_equal(mask_create_png(&call, &map, &weight, 1, &options, &png).code,
						 at <= polls ? LS_CANCELLED : LS_OUT_OF_MEMORY);
		assert_int_equal(counts.allocated, 0);
	}
	call = counting_call(&counts);
	call.max_pixels = 90 * 170 - 1;
	assert_failed(mask_create_png(&call, &map, &weight, 1, &options, &png), LS_LIMIT_EXCEEDED, "90 x 170");
	options.threshold = 2;
	assert_failed(mask_create_png(&call, &map, &weight, 1, &options, &png), LS_INVALID_ARGUMENT, "threshold");
	assert_int_equal(counts.allocated, 0);
	free(map.values);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * infer_hint.c: what a network says, fitted to a box that a person drew.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "infer/hint.h"
#include "infer/mask.h"
#include "test_call.h"

#define SIZE 28

/* A box and its window: 14 x 14 pixels of 140 x 140. */
static const Window box = {60, 50, 100, 100};

static void
test_check(void **state)
{
	const Window wrong[] = {
		{-1, 0, 5, 5}, {0, -1, 5, 5}, {0, 0, 0, 5}, {0, 0, 5, 0}, {96, 0, 5, 5}, {0, 76, 5, 5}, {0, 0, 65535, 5},
	};

	(void) state;
	assert_int_equal(hint_check_box(&(Window) {0, 0, 100, 80}, 100, 80).code, LS_OK);
	assert_int_equal(hint_check_box(&(Window) {99, 79, 1, 1}, 100, 80).code, LS_OK);
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(hint_check_box(&wrong[i], 100, 80).code, LS_INVALID_ARGUMENT);
}

/* A map of one value. */
static ProbabilityMap
even_map(const Call *call, float value)
{
	ProbabilityMap map = {.size = SIZE};
	void	   *memory;

	assert_int_equal(call_alloc_array(call, SIZE * SIZE, sizeof(float), &memory).code, LS_OK);
	map.values = memory;
	for (int i = 0; i < SIZE * SIZE; i++)
		map.values[i] = value;
	return map;
}

/* Is a pixel of the map in the box? The window has 5 map pixels to 25 of the image. */
static bool
in_box(int x, int y)
{
	return x >= 4 && x < 24 && y >= 4 && y < 24;
}

/* Fit an even map and check it: the share of the box that is lesion, what is outside, and that it mirrors. */
static void
assert_fitted(float value, double threshold, double least, double most)
{
	TestCall	test;
	ProbabilityMap map;
	Window		window = hint_window(&box, 1000, 1000);
	int			above = 0;

	test_call_init(&test);
	assert_int_equal(window.x, 40);
	assert_int_equal(window.y, 30);
	assert_int_equal(window.width, 140);
	assert_int_equal(window.height, 140);
	map = even_map(&test.call, value);
	assert_int_equal(hint_fit_box(&test.call, &box, &window, threshold, &map).code, LS_OK);
	for (int y = 0; y < SIZE; y++)
		for (int x = 0; x < SIZE; x++)
		{
			float		here = map.values[y * SIZE + x];

			assert_true(here >= 0 && here <= 1);
			if (!in_box(x, y))
				assert_true(here == value);
			else
				above += here > (float) threshold;
			assert_true(here == map.values[y * SIZE + SIZE - 1 - x]);
			assert_true(here == map.values[x * SIZE + y]);
		}
	assert_true(above >= least * 400 && above <= most * 400);
	probability_map_free(&test.call, &map);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

static void
test_fitted(void **state)
{
	(void) state;
	/* What the network finds too little or too much of is moved to 65 or 80 %; pixels that are alike move together. */
	assert_fitted(0, 0.5, 0.61, 0.67);
	assert_fitted(1, 0.5, 0.78, 0.82);
	assert_fitted(0.001F, 0.9, 0.61, 0.67);
	assert_fitted(0.999F, 0.1, 0.78, 0.82);
	/* At the threshold everywhere, the lesion is |a|^2.25 + |b|^2.25 < 1, which is 0.82 of the box. */
	assert_fitted(0.5F, 0.5, 0.78, 0.82);
}

/* Pixels that the network tells apart stay apart: what it is surest of is lesion. */
static void
test_follows_network(void **state)
{
	TestCall	test;
	ProbabilityMap map;
	Window		window = hint_window(&box, 1000, 1000);

	(void) state;
	test_call_init(&test);
	map = even_map(&test.call, 0.0001F);
	/* Three quarters of the box, to the left. */
	for (int y = 4; y < 24; y++)
		for (int x = 4; x < 19; x++)
			map.values[y * SIZE + x] = 0.9999F;
	assert_int_equal(hint_fit_box(&test.call, &box, &window, 0.5, &map).code, LS_OK);
	for (int y = 4; y < 24; y++)
		for (int x = 4; x < 24; x++)
			assert_int_equal(map.values[y * SIZE + x] > 0.5F, x < 19);
	probability_map_free(&test.call, &map);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A mask of a box has nothing outside of it, to the pixel. */
static void
test_nothing_outside(void **state)
{
	const double weight = 1;
	const Window narrow = {60, 50, 31, 7};
	TestCall	test;
	ProbabilityMap map;
	Window		window = hint_window(&narrow, 200, 150);
	SecondLook	look;
	MaskOptions options = {.width = 200,.height = 150,.threshold = 0.5,.second = &look};
	Image		mask;
	Image		probabilities;

	(void) state;
	test_call_init(&test);
	map = even_map(&test.call, 1);
	look = hint_look(&map, &narrow, &window, 200, 150);
	assert_int_equal(mask_create(&test.call, NULL, &weight, 1, &options, &mask, &probabilities).code, LS_OK);
	for (int y = 0; y < 150; y++)
		for (int x = 0; x < 200; x++)
		{
			bool		inside = x >= 60 && x < 91 && y >= 50 && y < 57;

			assert_int_equal(mask.pixels[y * 200 + x], inside ? 255 : 0);
			assert_int_equal(probabilities.pixels[y * 200 + x], inside ? 255 : 0);
		}
	image_free(&test.call, &mask);
	image_free(&test.call, &probabilities);
	probability_map_free(&test.call, &map);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A box so narrow that no pixel of the map lies in it leaves the map as it is. */
static void
test_narrow(void **state)
{
	const Window narrow = {60, 500, 800, 1};
	TestCall	test;
	ProbabilityMap map;
	Window		window = hint_window(&narrow, 1000, 1000);

	(void) state;
	test_call_init(&test);
	map = even_map(&test.call, 0.3F);
	assert_int_equal(hint_fit_box(&test.call, &narrow, &window, 0.5, &map).code, LS_OK);
	for (int i = 0; i < SIZE * SIZE; i++)
		assert_true(map.values[i] == 0.3F);
	probability_map_free(&test.call, &map);
	test_call_end(&test);
}

static void
test_cancel(void **state)
{
	TestCall	test;
	ProbabilityMap map;
	Window		window = hint_window(&box, 1000, 1000);

	(void) state;
	test_call_init(&test);
	map = even_map(&test.call, 0.3F);
	for (long stop = 0; stop < 2; stop++)
	{
		test.polls = 0;
		test.stop_after = stop;
		assert_int_equal(hint_fit_box(&test.call, &box, &window, 0.5, &map).code, LS_CANCELLED);
		assert_int_equal(test.live, 1);
	}
	probability_map_free(&test.call, &map);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_fitted),
		cmocka_unit_test(test_follows_network),
		cmocka_unit_test(test_nothing_outside),
		cmocka_unit_test(test_narrow),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

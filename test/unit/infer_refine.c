/*
 * infer_refine.c: where a second look goes, and what becomes of what it says.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "infer/refine.h"
#include "test_call.h"

#define SIZE 16

/* Check a window, number by number. */
static void
assert_window(Window window, int x, int y, int width, int height)
{
	assert_int_equal(window.x, x);
	assert_int_equal(window.y, y);
	assert_int_equal(window.width, width);
	assert_int_equal(window.height, height);
}

static void
test_window_around(void **state)
{
	(void) state;
	/* 20 x 10, margin 5 on every side of the longer: 30 x 30. */
	assert_window(window_around((Window) {40, 50, 20, 10}, 0.25, 100, 100), 35, 40, 30, 30);
	/* An odd difference: a pixel more, so that both ends grow alike. */
	assert_window(window_around((Window) {40, 50, 20, 9}, 0.25, 100, 100), 35, 39, 30, 31);
	/* At an edge it is moved inside. */
	assert_window(window_around((Window) {0, 50, 20, 10}, 0.25, 100, 100), 0, 40, 30, 30);
	assert_window(window_around((Window) {80, 90, 20, 10}, 0.25, 100, 100), 70, 70, 30, 30);
	/* A side that is too short for a square is taken whole. */
	assert_window(window_around((Window) {40, 5, 20, 10}, 0.25, 100, 24), 35, 0, 30, 24);
	assert_window(window_around((Window) {0, 0, 7, 5}, 0.5, 7, 5), 0, 0, 7, 5);
	assert_window(window_around((Window) {0, 0, 65535, 65535}, 0.5, 65535, 65535), 0, 0, 65535, 65535);
}

static void
test_window_scale(void **state)
{
	(void) state;
	assert_window(window_scale((Window) {4, 8, 2, 4}, 16, 16, 64, 32), 16, 16, 8, 8);
	/* What it touches: outwards. */
	assert_window(window_scale((Window) {1, 0, 1, 3}, 3, 3, 10, 4), 3, 0, 4, 4);
	assert_window(window_scale((Window) {0, 0, 65535, 1}, 65535, 1, 65535, 65535), 0, 0, 65535, 65535);
}

/* A map that is `skin`, and `lesion` in a rectangle. */
static ProbabilityMap
rectangle_map(const Call *call, float skin, float lesion, Window at)
{
	ProbabilityMap map = {.size = SIZE};
	void	   *memory;

	assert_int_equal(call_alloc_array(call, SIZE * SIZE, sizeof(float), &memory).code, LS_OK);
	map.values = memory;
	for (int y = 0; y < SIZE; y++)
		for (int x = 0; x < SIZE; x++)
			map.values[y * SIZE + x] = x >= at.x && x < at.x + at.width && y >= at.y && y < at.y + at.height ?
				lesion : skin;
	return map;
}

/* Where a second look at an image goes, if it is worth it. */
static bool
find_window(const Call *call, const ProbabilityMap *map, double threshold, int width, int height, Window *window)
{
	const double weight = 1;
	bool		worth;

	assert_int_equal(refine_window(call, map, &weight, 1, threshold, SIZE, width, height, window, &worth).code, LS_OK);
	return worth;
}

static void
test_worth(void **state)
{
	TestCall	test;
	ProbabilityMap map;
	Window		window;

	(void) state;
	test_call_init(&test);

	/* 40 x 30 pixels of an image of 160 x 240; the margin is 14 on each side: 68 x 68. */
	map = rectangle_map(&test.call, 0.1F, 0.9F, (Window) {8, 6, 4, 2});
	assert_true(find_window(&test.call, &map, 0.5, 160, 240, &window));
	assert_window(window, 66, 71, 68, 68);
	/* The largest part alone decides. */
	map.values[0] = 0.9F;
	assert_true(find_window(&test.call, &map, 0.5, 160, 240, &window));
	assert_window(window, 66, 71, 68, 68);
	/* Nothing is above the threshold. */
	assert_false(find_window(&test.call, &map, 0.95, 160, 240, &window));
	probability_map_free(&test.call, &map);

	/* It would be 328 x 328 of 512 x 512 pixels: more than two fifths. */
	map = rectangle_map(&test.call, 0.1F, 0.9F, (Window) {4, 4, 6, 6});
	assert_false(find_window(&test.call, &map, 0.5, 512, 512, &window));
	probability_map_free(&test.call, &map);
	map = rectangle_map(&test.call, 0.1F, 0.9F, (Window) {4, 4, 5, 5});
	assert_true(find_window(&test.call, &map, 0.5, 512, 512, &window));
	probability_map_free(&test.call, &map);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A mask and a map of SIZE x SIZE pixels; with a second look unless it is NULL. */
static void
make_masks(const Call *call, const ProbabilityMap *frame, const SecondLook *second, Image *mask, Image *map)
{
	const double weight = 1;
	const MaskOptions options = {.width = SIZE,.height = SIZE,.threshold = 0.5,.second = second};

	assert_int_equal(mask_create(call, frame, &weight, 1, &options, mask, map).code, LS_OK);
}

/* Outside of the window nothing changes; inside, the second look counts the more, the farther from the edge. */
static void
test_merged(void **state)
{
	TestCall	test;
	ProbabilityMap frame;
	ProbabilityMap nearer;
	SecondLook	second;
	Image		mask;
	Image		map;

	(void) state;
	test_call_init(&test);
	frame = rectangle_map(&test.call, 0.2F, 0, (Window) {0});
	nearer = rectangle_map(&test.call, 1, 0, (Window) {0});
	second = refine_second_look(&nearer, (Window) {4, 0, 8, 8}, SIZE, SIZE);
	assert_window(second.valid, 4, 0, 8, 8);
	assert_true(second.weight == 0.7);
	second.ramp = 2;
	make_masks(&test.call, &frame, &second, &mask, &map);
	for (int y = 0; y < SIZE; y++)
		for (int x = 0; x < SIZE; x++)
		{
			double		across = fmax(0, fmin(1, fmin(x + 0.5 - 4, 12 - x - 0.5) / 2));
			double		down = fmax(0, fmin(1, (8 - y - 0.5) / 2));	/* above is the image's edge */
			double		expected = 0.2 + across * down * 0.7 * 0.8;

			assert_int_equal(map.pixels[y * SIZE + x], (int) (255 * expected + 0.5));
			assert_int_equal(mask.pixels[y * SIZE + x], expected > 0.5 ? 255 : 0);
		}
	image_free(&test.call, &mask);
	image_free(&test.call, &map);

	/* Alone, and without a ramp: its own value where it is valid, else 0. */
	second.ramp = 0;
	second.weight = 1;
	second.valid = (Window) {5, 1, 3, 2};
	make_masks(&test.call, NULL, &second, &mask, &map);
	for (int y = 0; y < SIZE; y++)
		for (int x = 0; x < SIZE; x++)
			assert_int_equal(map.pixels[y * SIZE + x], x >= 5 && x < 8 && y >= 1 && y < 3 ? 255 : 0);
	image_free(&test.call, &mask);
	image_free(&test.call, &map);
	probability_map_free(&test.call, &frame);
	probability_map_free(&test.call, &nearer);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A second look that says the same as the first changes nothing: its map lies where its window is. */
static void
test_in_place(void **state)
{
	TestCall	test;
	ProbabilityMap frame;
	ProbabilityMap nearer;
	SecondLook	second;
	Image		mask;
	Image		map;

	(void) state;
	test_call_init(&test);
	/* Both say: lesion from 6 to 10 across, from 5 to 8 down. */
	frame = rectangle_map(&test.call, 0, 1, (Window) {6, 5, 4, 3});
	nearer = rectangle_map(&test.call, 0, 1, (Window) {4, 2, 8, 6});
	second = refine_second_look(&nearer, (Window) {4, 4, 8, 8}, SIZE, SIZE);
	make_masks(&test.call, &frame, &second, &mask, &map);
	for (int y = 0; y < SIZE; y++)
		for (int x = 0; x < SIZE; x++)
			assert_int_equal(mask.pixels[y * SIZE + x], x >= 6 && x < 10 && y >= 5 && y < 8 ? 255 : 0);
	image_free(&test.call, &mask);
	image_free(&test.call, &map);
	probability_map_free(&test.call, &frame);
	probability_map_free(&test.call, &nearer);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Put a map's values where the transposed and mirrored map has them. */
static void
turn_map(const ProbabilityMap *map, ProbabilityMap *turned)
{
	for (int y = 0; y < SIZE; y++)
		for (int x = 0; x < SIZE; x++)
			turned->values[x * SIZE + SIZE - 1 - y] = map->values[y * SIZE + x];
}

/* A turned image has the turned window and the turned map, bit for bit. */
static void
test_turned(void **state)
{
	enum
	{
		WIDTH = 101, HEIGHT = 67
	};
	TestCall	test;
	const double weight = 1;
	ProbabilityMap maps[4];
	SecondLook	looks[2];
	MaskOptions options = {.width = WIDTH,.height = HEIGHT,.threshold = 0.5};
	Image		masks[2];
	Image		pictures[2];
	Window		windows[2];

	(void) state;
	test_call_init(&test);
	for (int i = 0; i < 4; i++)
		maps[i] = rectangle_map(&test.call, 0.1F, 0.7F, (Window) {9, 3, 2, 3});
	for (int i = 0; i < SIZE * SIZE; i++)
	{
		maps[0].values[i] += (float) (i % 7) * 0.01F;
		maps[2].values[i] += (float) (i % 5) * 0.04F;
	}
	turn_map(&maps[0], &maps[1]);
	turn_map(&maps[2], &maps[3]);
	assert_true(find_window(&test.call, &maps[0], 0.5, WIDTH, HEIGHT, &windows[0]));
	assert_true(find_window(&test.call, &maps[1], 0.5, HEIGHT, WIDTH, &windows[1]));
	assert_window(windows[1], HEIGHT - windows[0].y - windows[0].height, windows[0].x, windows[0].height,
				  windows[0].width);
	looks[0] = refine_second_look(&maps[2], windows[0], WIDTH, HEIGHT);
	looks[1] = refine_second_look(&maps[3], windows[1], HEIGHT, WIDTH);
	for (int i = 0; i < 2; i++)
	{
		options.width = i == 0 ? WIDTH : HEIGHT;
		options.height = i == 0 ? HEIGHT : WIDTH;
		options.second = &looks[i];
		assert_int_equal(mask_create(&test.call, &maps[i], &weight, 1, &options, &masks[i], &pictures[i]).code, LS_OK);
	}
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
		{
			assert_int_equal(pictures[0].pixels[y * WIDTH + x], pictures[1].pixels[x * HEIGHT + HEIGHT - 1 - y]);
			assert_int_equal(masks[0].pixels[y * WIDTH + x], masks[1].pixels[x * HEIGHT + HEIGHT - 1 - y]);
		}
	for (int i = 0; i < 2; i++)
	{
		image_free(&test.call, &masks[i]);
		image_free(&test.call, &pictures[i]);
	}
	for (int i = 0; i < 4; i++)
		probability_map_free(&test.call, &maps[i]);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Members of an ensemble disagree by what both of their looks say. */
static void
test_disagreement(void **state)
{
	TestCall	test;
	const double weights[] = {1, 1};
	MaskOptions options = {.width = SIZE,.height = SIZE,.threshold = 0.5};
	ProbabilityMap frame[2];
	ProbabilityMap nearer[2];
	SecondLook	second;
	double		disagreement;

	(void) state;
	test_call_init(&test);
	for (int i = 0; i < 2; i++)
	{
		frame[i] = rectangle_map(&test.call, 0, 0, (Window) {0});
		nearer[i] = rectangle_map(&test.call, 0, i == 0 ? 0.8F : 0, (Window) {4, 4, 8, 8});
	}
	assert_int_equal(mask_disagreement(&test.call, frame, weights, 2, &options, &disagreement).code, LS_OK);
	assert_true(disagreement == 0);
	second = refine_second_look(nearer, (Window) {2, 2, 8, 8}, SIZE, SIZE);
	options.second = &second;
	assert_int_equal(mask_disagreement(&test.call, frame, weights, 2, &options, &disagreement).code, LS_OK);
	assert_true(disagreement == 1);
	for (int i = 0; i < 2; i++)
	{
		probability_map_free(&test.call, &frame[i]);
		probability_map_free(&test.call, &nearer[i]);
	}
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Stopped at any poll, nothing is left behind. */
static void
test_cancel(void **state)
{
	TestCall	test;
	const double weight = 1;
	ProbabilityMap map;
	Window		window;
	bool		worth;
	long		polls;

	(void) state;
	test_call_init(&test);
	map = rectangle_map(&test.call, 0.1F, 0.9F, (Window) {8, 6, 4, 2});
	test.polls = 0;
	assert_true(find_window(&test.call, &map, 0.5, 160, 240, &window));
	polls = test.polls;
	assert_true(polls > 0);
	for (long stop = 0; stop < polls; stop++)
	{
		test.polls = 0;
		test.stop_after = stop;
		assert_int_equal(refine_window(&test.call, &map, &weight, 1, 0.5, SIZE, 160, 240, &window, &worth).code,
						 LS_CANCELLED);
		assert_int_equal(test.live, 1);
	}
	probability_map_free(&test.call, &map);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_window_around),
		cmocka_unit_test(test_window_scale),
		cmocka_unit_test(test_worth),
		cmocka_unit_test(test_merged),
		cmocka_unit_test(test_in_place),
		cmocka_unit_test(test_turned),
		cmocka_unit_test(test_disagreement),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

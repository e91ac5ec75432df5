/*
 * measure_boundary.c: distances between outlines, against SciPy's on 40 pairs
 * of masks (measure_boundary_cases.h), by hand where one is empty, of another
 * size, odd or of many pixels, on any number of threads, cancelled and short of
 * memory.
 */
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "between.h"
#include "test_call.h"
#include "measure/boundary.h"
#include "measure_boundary_cases.h"

static const PixelSpacing unit = {1, 1};

/* A mask of so many pixels, all value. */
static Image
plain_mask(int width, int height, uint8_t value)
{
	Image		mask = {width, height, 1, malloc((size_t) width * (size_t) height)};

	memset(mask.pixels, value, (size_t) width * (size_t) height);
	return mask;
}

/* A mask of a case. */
static Image
case_mask(const char *bits)
{
	Image		mask = plain_mask(CASE_WIDTH, CASE_HEIGHT, 0);

	for (int i = 0; i < CASE_WIDTH * CASE_HEIGHT; i++)
	{
		const char	digit[2] = {bits[i / 4], '\0'};

		mask.pixels[i] = (strtol(digit, NULL, 16) >> (3 - i % 4) & 1) != 0 ? 255 : 0;
	}
	return mask;
}

static void
test_cases(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof boundary_cases / sizeof boundary_cases[0]; i++)
		for (int threads = 1; threads <= 3; threads++)
		{
			Image		predicted = case_mask(boundary_cases[i].predicted);
			Image		truth = case_mask(boundary_cases[i].truth);
			const PixelSpacing spacing = {boundary_cases[i].down, boundary_cases[i].across};
			Call		call = *call_standalone();
			BoundaryScore score;

			call.threads = threads;
			assert_int_equal(boundary_score(&call, &predicted, &truth, spacing, 0, &score).code, LS_OK);
			assert_true(score.has_distance);
			assert_true(fabs(score.hausdorff95 - boundary_cases[i].hausdorff95) < 1e-9);
			assert_true(fabs(score.assd - boundary_cases[i].assd) < 1e-9);
			assert_true(fabs(score.surface_dice - boundary_cases[i].surface_dice) < 1e-12);
			free(predicted.pixels);
			free(truth.pixels);
		}
}

static void
test_empty(void **state)
{
	Image		empty = plain_mask(8, 8, 0);
	Image		full = plain_mask(8, 8, 255);
	BoundaryScore score;

	(void) state;
	assert_int_equal(boundary_score(call_standalone(), &empty, &empty, unit, 0, &score).code, LS_OK);
	assert_true(score.has_distance && score.hausdorff95 == 0 && score.assd == 0 && score.surface_dice == 1);
	assert_int_equal(boundary_score(call_standalone(), &empty, &full, unit, 0, &score).code, LS_OK);
	assert_true(!score.has_distance && score.surface_dice == 0);
	assert_int_equal(boundary_score(call_standalone(), &full, &empty, unit, 0, &score).code, LS_OK);
	assert_true(!score.has_distance && score.surface_dice == 0);
	free(empty.pixels);
	free(full.pixels);
}

/* One pixel, one row as wide as can be, another size, a tolerance. */
static void
test_odd(void **state)
{
	const PixelSpacing impossible[] = {
		{0, 1}, {1, -1}, {NAN, 1}, {1, INFINITY}, {1e200, 1e200}, {1e-200, 1e-200}, {1.1e4, 1.1e4}, {9e-7, 9e-7},
		{0.01, 11}
	};
	Image		one = plain_mask(1, 1, 255);
	Image		wide = plain_mask(65535, 1, 0);
	Image		other = plain_mask(65535, 1, 0);
	Image		large = plain_mask(16, 16, 255);
	Image		small = plain_mask(8, 8, 255);
	BoundaryScore score;

	(void) state;
	assert_int_equal(boundary_score(call_standalone(), &one, &one, unit, 0, &score).code, LS_OK);
	assert_true(score.hausdorff95 == 0 && score.surface_dice == 1);
	wide.pixels[0] = other.pixels[65534] = 255;
	assert_int_equal(boundary_score(call_standalone(), &wide, &other, unit, 65534, &score).code, LS_OK);
	assert_true(score.hausdorff95 == 65534 && score.assd == 65534 && score.surface_dice == 1);
	assert_int_equal(boundary_score(call_standalone(), &wide, &other, unit, 65533.9, &score).code, LS_OK);
	assert_true(score.surface_dice == 0);
	assert_int_equal(boundary_score(call_standalone(), &small, &large, unit, 0, &score).code, LS_OK);
	assert_true(score.hausdorff95 == 0);
	assert_int_equal(boundary_score(call_standalone(), &wide, &large, unit, 0, &score).code, LS_INVALID_ARGUMENT);
	assert_int_equal(boundary_score(call_standalone(), &small, &large, unit, -1, &score).code, LS_INVALID_ARGUMENT);
	for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
		assert_int_equal(boundary_score(call_standalone(), &small, &large, impossible[i], 0, &score).code,
						 LS_INVALID_ARGUMENT);
	free(one.pixels);
	free(wide.pixels);
	free(other.pixels);
	free(large.pixels);
	free(small.pixels);
}

/* Every poll that cancels and every allocation that is too large leaves nothing behind. */
static void
test_stopped(void **state)
{
	Image		predicted = case_mask(boundary_cases[5].predicted);
	Image		truth = case_mask(boundary_cases[5].truth);
	BoundaryScore score;
	Status		status;

	(void) state;
	for (long polls = 0;; polls++)
	{
		TestCall	test;

		test_call_init(&test);
		test.stop_after = polls;
		status = boundary_score(&test.call, &predicted, &truth, unit, 0, &score);
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		if (status.code == LS_OK)
			break;
		assert_int_equal(status.code, LS_CANCELLED);
	}
	for (size_t limit = 1;; limit *= 2)
	{
		TestCall	test;

		test_call_init(&test);
		test.call.host.max_memory = limit;
		status = boundary_score(&test.call, &predicted, &truth, unit, 0, &score);
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		if (status.code == LS_OK)
			break;
		assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	}
	free(predicted.pixels);
	free(truth.pixels);
}

/* Bars one pixel wide are all boundary. Selecting among so many distances polls
 * often, not once for each partition. */
static void
test_many_values(void **state)
{
	Image		predicted = plain_mask(1500, 1000, 0);
	Image		truth = plain_mask(1500, 1000, 0);
	BoundaryScore score;
	TestCall	test;

	(void) state;
	for (int i = 0; i < 1500 * 1000; i++)
	{
		predicted.pixels[i] = i % 2 == 0 ? 255 : 0;
		truth.pixels[i] = i % 2 == 1 ? 255 : 0;
	}
	test_call_init(&test);
	assert_int_equal(boundary_score(&test.call, &predicted, &truth, unit, 0, &score).code, LS_OK);
	assert_true(score.hausdorff95 == 1 && score.assd == 1);
	assert_between(test.polls, 130, LONG_MAX);	/* 76 with one for each partition of the selection */
	test_call_end(&test);
	free(predicted.pixels);
	free(truth.pixels);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_many_values),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

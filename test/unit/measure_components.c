/*
 * measure_components.c: the largest component and filled holes, on masks one
 * can read, on random masks and on many runs.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "between.h"
#include "test_call.h"
#include "measure/components.h"
#include "measure/morphology.h"

/* A mask from rows of '#' and '.', separated by '/'. */
static Image
mask_from(const char *rows)
{
	int			width = (int) strcspn(rows, "/");
	int			height = (int) (strlen(rows) + 1) / (width + 1);
	Image		mask;

	assert_int_equal(image_create(call_standalone(), width, height, 1, &mask).code, LS_OK);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			mask.pixels[y * width + x] = rows[y * (width + 1) + x] == '#' ? 255 : 0;
	return mask;
}

typedef Status (*MaskFunction) (const Call *call, Image *mask);

/* What function makes of one mask is the other. */
static void
assert_becomes(MaskFunction function, const char *before, const char *after)
{
	Image		mask = mask_from(before);
	Image		expected = mask_from(after);

	assert_int_equal(function(call_standalone(), &mask).code, LS_OK);
	assert_memory_equal(mask.pixels, expected.pixels, (size_t) mask.width * (size_t) mask.height);
	image_free(call_standalone(), &mask);
	image_free(call_standalone(), &expected);
}

static void
test_largest(void **state)
{
	(void) state;
	assert_becomes(mask_keep_largest, "...", "...");
	assert_becomes(mask_keep_largest, "###", "###");
	assert_becomes(mask_keep_largest, "#.##", "..##");
	assert_becomes(mask_keep_largest, "##.##", "##...");
	assert_becomes(mask_keep_largest, "#..#/.##./....", "#..#/.##./....");	/* corners connect */
	assert_becomes(mask_keep_largest, "#.#.#/#.#.#/#.###", "..#.#/..#.#/..###");	/* joined from below */
	assert_becomes(mask_keep_largest, "#...#/#...#/#.#.#/##.##/.....", "#...#/#...#/#.#.#/##.##/.....");
	assert_becomes(mask_keep_largest, "##..../##..../....../...###/...###", "....../....../....../...###/...###");
}

static void
test_holes(void **state)
{
	(void) state;
	assert_becomes(mask_fill_holes, "...", "...");
	assert_becomes(mask_fill_holes, "###/#.#/###", "###/###/###");
	assert_becomes(mask_fill_holes, "###/#../###", "###/#../###");
	assert_becomes(mask_fill_holes, ".#./#.#/.#.", ".#./###/.#.");	/* corners do not let through */
	assert_becomes(mask_fill_holes, "#####/#...#/#.#.#/#...#/#####", "#####/#####/#####/#####/#####");
	assert_becomes(mask_fill_holes, "#####/#.#.#/#.#.#/#.#.#/###.#", "#####/###.#/###.#/###.#/###.#");
}

/* On random masks: as many components as lesion_shape finds, less all but
 * one; holes filled twice are holes filled once. */
static void
test_random(void **state)
{
	const Call *call = call_standalone();
	Rng			rng;

	(void) state;
	rng_seed(&rng, 3, 9);
	for (int round = 0; round < 200; round++)
	{
		Image		mask;
		Image		again;
		LesionShape before;
		LesionShape after;

		assert_int_equal(image_create(call, 31, 23, 1, &mask).code, LS_OK);
		assert_int_equal(image_create(call, 31, 23, 1, &again).code, LS_OK);
		for (int i = 0; i < 31 * 23; i++)
			mask.pixels[i] = rng_uniform(&rng) < 0.1 + 0.004 * round ? 255 : 0;
		assert_int_equal(lesion_shape(call, &mask, &before).code, LS_OK);
		assert_int_equal(mask_keep_largest(call, &mask).code, LS_OK);
		assert_int_equal(lesion_shape(call, &mask, &after).code, LS_OK);
		assert_int_equal(after.components, before.components > 0);
		assert_true(after.area * before.components >= before.area);
		assert_int_equal(mask_fill_holes(call, &mask).code, LS_OK);
		memcpy(again.pixels, mask.pixels, 31 * 23);
		assert_int_equal(mask_fill_holes(call, &again).code, LS_OK);
		assert_memory_equal(again.pixels, mask.pixels, 31 * 23);
		image_free(call, &mask);
		image_free(call, &again);
	}
}

/* Bars one pixel wide are as many runs as a mask can have; every step over all
 * of them polls each 4,096 runs. */
static void
test_many_runs(void **state)
{
	const MaskFunction functions[] = {mask_keep_largest, mask_keep_central, mask_fill_holes};
	const int	steps[] = {3, 5, 2};	/* connect, find the heaviest, clear; two more to weigh; connect, fill */

	(void) state;
	for (int f = 0; f < 3; f++)
	{
		Image		mask;
		TestCall	test;

		test_call_init(&test);
		assert_int_equal(image_create(&test.call, 1000, 800, 1, &mask).code, LS_OK);
		for (int i = 0; i < 1000 * 800; i++)
			mask.pixels[i] = i % 2 == 0 ? 255 : 0;
		test.polls = 0;
		assert_int_equal(functions[f] (&test.call, &mask).code, LS_OK);
		assert_between(test.polls, steps[f] * (500 * 800 / 4096), LONG_MAX);
		test.stop_after = test.polls - 1;	/* in the last of the steps */
		test.polls = 0;
		for (int i = 0; i < 1000 * 800; i++)
			mask.pixels[i] = i % 2 == 0 ? 255 : 0;
		assert_int_equal(functions[f] (&test.call, &mask).code, LS_CANCELLED);
		image_free(&test.call, &mask);
		assert_int_equal(test.live, 0);
		test_call_end(&test);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_many_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

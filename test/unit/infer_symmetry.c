/*
 * infer_symmetry.c: images seen in the symmetries of the square, and means of
 * maps, value by value.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "infer/mask.h"
#include "infer/symmetry.h"
#include "test_call.h"

/* A 3 x 2 image of 1 to 6. */
static void
test_images(void **state)
{
	static const uint8_t expected[SYMMETRIES][6] = {
		{1, 2, 3, 4, 5, 6},
		{3, 2, 1, 6, 5, 4},
		{4, 5, 6, 1, 2, 3},
		{6, 5, 4, 3, 2, 1},
		{1, 4, 2, 5, 3, 6},
		{4, 1, 5, 2, 6, 3},
		{3, 6, 2, 5, 1, 4},
		{6, 3, 5, 2, 4, 1},
	};
	TestCall	test;

	(void) state;
	test_call_init(&test);
	for (int channels = 1; channels <= 3; channels += 2)
	{
		Image		source;

		assert_int_equal(image_create(&test.call, 3, 2, channels, &source).code, LS_OK);
		for (int i = 0; i < 6 * channels; i++)
			source.pixels[i] = (uint8_t) (i / channels + 1 + 10 * (i % channels));
		for (int symmetry = 0; symmetry < SYMMETRIES; symmetry++)
		{
			Image		seen;

			assert_int_equal(symmetry_image(&test.call, symmetry, &source, &seen).code, LS_OK);
			assert_int_equal(seen.width, symmetry < 4 ? 3 : 2);
			assert_int_equal(seen.height, symmetry < 4 ? 2 : 3);
			assert_int_equal(seen.channels, channels);
			for (int i = 0; i < 6 * channels; i++)
				assert_int_equal(seen.pixels[i], expected[symmetry][i / channels] + 10 * (i % channels));
			image_free(&test.call, &seen);
		}
		test.stop_after = test.polls;
		assert_int_equal(symmetry_image(&test.call, 1, &source, &(Image) {0}).code, LS_CANCELLED);
		test.stop_after = -1;
		image_free(&test.call, &source);
	}
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Maps are put back upright: eight views of one map have it as their mean, and
 * agree. */
static void
test_mean_of_views(void **state)
{
	static const float upright[4] = {0, 0.25f, 0.5f, 1};
	static const int corners[SYMMETRIES][4] = {
		{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 3, 0, 1}, {3, 2, 1, 0},
		{0, 2, 1, 3}, {2, 0, 3, 1}, {1, 3, 0, 2}, {3, 1, 2, 0},
	};
	TestCall	test;
	SymmetryMean mean;
	float		map[4];
	double		disagreement;

	(void) state;
	test_call_init(&test);
	assert_int_equal(symmetry_mean_create(&test.call, 2, &mean).code, LS_OK);
	for (int symmetry = 0; symmetry < SYMMETRIES; symmetry++)
	{
		for (int i = 0; i < 4; i++)
			map[i] = upright[corners[symmetry][i]];
		symmetry_mean_add(&mean, symmetry, map, 0.3f);
	}
	symmetry_mean_finish(&mean, map, &disagreement);
	assert_memory_equal(map, upright, sizeof map);
	assert_true(disagreement == 0);
	symmetry_mean_free(&test.call, &mean);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* One pixel, probabilities in eighths: the mean, and pairs that disagree. */
static void
test_disagreement(void **state)
{
	TestCall	test;
	SymmetryMean mean;
	double		disagreement;
	float		map;

	(void) state;
	test_call_init(&test);
	for (int above = 0; above <= SYMMETRIES; above++)
	{
		assert_int_equal(symmetry_mean_create(&test.call, 1, &mean).code, LS_OK);
		for (int symmetry = 0; symmetry < SYMMETRIES; symmetry++)
			symmetry_mean_add(&mean, symmetry, &(float) {symmetry < above ? 0.875f : 0.125f}, 0.5f);
		symmetry_mean_finish(&mean, &map, &disagreement);
		assert_true(map == 0.125f + 0.75f * (float) above / 8);
		assert_true(disagreement == (above == 0 ? 0 : 1 - (above - 1) / 7.0));
		symmetry_mean_free(&test.call, &mean);
	}
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Masks of maps of 2 x 2, one of 1 x 1 among them: 1 - Dice over pairs, without those of weight 0. */
static void
test_members(void **state)
{
	float		values[3][4] = {{0.9f, 0.9f, 0.1f, 0.1f}, {0.9f, 0.1f, 0.1f, 0.1f}, {0.9f}};
	const ProbabilityMap maps[3] = {{2, values[0], 0}, {2, values[1], 0}, {1, values[2], 0}};
	const MaskOptions options = {.width = 2,.height = 2,.threshold = 0.5};
	const MaskOptions nothing = {.width = 2,.height = 2,.threshold = 0.95};
	TestCall	test;
	double		disagreement;

	(void) state;
	test_call_init(&test);
	assert_int_equal(mask_disagreement(&test.call, maps, (const double[]) {1, 3, 0}, 3, &options,
									   &disagreement).code, LS_OK);
	assert_true(disagreement == 1 - 2.0 / 3);
	assert_int_equal(mask_disagreement(&test.call, maps, (const double[]) {1, 3, 1}, 3, &options,
									   &disagreement).code, LS_OK);

	/* 2, 1 and 4 pixels: pairs share 1, 2 and 1. */
	assert_true(disagreement == 1 - 8.0 / 14);
	assert_int_equal(mask_disagreement(&test.call, maps, (const double[]) {0, 1, 0}, 3, &options,
									   &disagreement).code, LS_OK);
	assert_true(disagreement == 0);
	assert_int_equal(mask_disagreement(&test.call, maps, (const double[]) {1, 1, 1}, 3, &nothing,
									   &disagreement).code, LS_OK);
	assert_true(disagreement == 0);
	assert_int_equal(mask_disagreement(&test.call, maps, (const double[]) {1, 1, 1}, 3,
									   &(MaskOptions) {.threshold = 0.5}, &disagreement).code, LS_INVALID_ARGUMENT);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_mean_of_views),
		cmocka_unit_test(test_disagreement),
		cmocka_unit_test(test_members),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * measure_follow.c: two photographs of rendered lesions, registered; lesions that
 * grew; odd images; cancelled and short of memory.
 */
#include "follow_fixture.h"

#include "test_call.h"
#include "measure/follow/change.h"

#define PAIRS 12				/* of test_pairs and test_growth, or as many as FOLLOW_PAIRS says */

static Registration
registered(const Pair *pair)
{
	Call		call = *call_standalone();
	Registration registration;

	call.threads = 2;
	assert_ok(register_images(&call, &pair->before, &pair->mask_before, &pair->after, &pair->mask_after,
							  &registration));
	return registration;
}

static int
pairs_wanted(void)
{
	const char *wanted = getenv("FOLLOW_PAIRS");

	return wanted != NULL ? atoi(wanted) : getenv("LESIONSEG_TEST_QUICK") != NULL ? 1 : PAIRS;
}

/* The true map is found in 95 %, and confidence tells the rest. */
static void
test_pairs(void **state)
{
	int			pairs = pairs_wanted();
	int			right = 0;
	int			sure = 0;
	int			sure_and_wrong = 0;

	(void) state;
	for (int64_t seed = 1; seed <= pairs; seed++)
	{
		Pair		pair = pair_make(seed, 1);
		Registration registration = registered(&pair);
		bool		is_right = map_error(&registration.to_after, &pair.to_after) < 0.01;
		bool		is_sure = registration.sure;

		right += is_right;
		sure += is_sure;
		sure_and_wrong += is_sure && !is_right;
		pair_free(&pair);
	}
	print_message("of %d pairs %d are registered right, %d are sure, %d of these wrong\n", pairs, right, sure,
				  sure_and_wrong);
	assert_true(right >= 0.95 * pairs);
	assert_true(sure >= 0.85 * pairs);
	assert_int_equal(sure_and_wrong, 0);
}

/* Does a lesion touch the edge of a photograph? */
static bool
is_cut_off(const Image *mask)
{
	for (int x = 0; x < PHOTO_WIDTH; x++)
		if (mask->pixels[x] != 0 || mask->pixels[(PHOTO_HEIGHT - 1) * PHOTO_WIDTH + x] != 0)
			return true;
	for (int y = 0; y < PHOTO_HEIGHT; y++)
		if (mask->pixels[y * PHOTO_WIDTH] != 0 || mask->pixels[y * PHOTO_WIDTH + PHOTO_WIDTH - 1] != 0)
			return true;
	return false;
}

/* A lesion that grew by 10 % in area is reported so, where both photographs show
 * all of it. */
static void
test_growth(void **state)
{
	int			all = 0;
	int			near = 0;

	(void) state;
	if (getenv("LESIONSEG_TEST_QUICK") != NULL)	/* too long under memcheck; test_pairs covers the code */
		skip();
	for (int64_t seed = 1; seed <= pairs_wanted(); seed++)
	{
		Pair		pair = pair_make(seed, 1.1);
		Registration registration = registered(&pair);
		LesionChange change;
		double		percent;

		assert_ok(change_measure(call_standalone(), &pair.mask_before, &pair.mask_after, &registration.to_after,
								 &change));
		percent = 100.0 * (double) (change.after - change.before) / (double) change.before;
		assert_int_equal(change.after - change.before, change.fresh - change.gone);
		if (registration.sure && !is_cut_off(&pair.mask_before) &&
			!is_cut_off(&pair.mask_after))
		{
			all++;
			near += fabs(percent - 10) < 2;
		}
		pair_free(&pair);
	}
	print_message("of %d whole lesions that grew by 10 %%, %d are reported within 2 %%\n", all, near);
	assert_true(all >= 4 && near >= 0.9 * all);
}

/* Maps are inverted and rescaled. */
static void
test_maps(void **state)
{
	const Similarity map = {1.2, 0.3, 17, -5};
	Similarity	back = similarity_inverse(&map);
	Similarity	same = similarity_after(&map, &back);
	Similarity	large = similarity_rescale(&map, 2, 4);

	(void) state;
	assert_true(fabs(same.a - 1) < 1e-12 && fabs(same.b) < 1e-12 && fabs(same.x0) < 1e-12 && fabs(same.y0) < 1e-12);
	/* the point (6, 8) of the first is (12, 16) of one twice as large */
	assert_true(fabs(large.a * 12 - large.b * 16 + large.x0 - 4 * (1.2 * 6 - 0.3 * 8 + 17)) < 1e-9);
	assert_true(fabs(large.b * 12 + large.a * 16 + large.y0 - 4 * (0.3 * 6 + 1.2 * 8 - 5)) < 1e-9);
}

/* Masks shifted by a known map. */
static void
test_change(void **state)
{
	const Similarity map = {1, 0, 2, 0};
	Image		before = constant(10, 4, 1, 0);
	Image		after = constant(10, 4, 1, 0);
	Image		warped;
	LesionChange change;

	(void) state;
	before.pixels[3] = before.pixels[4] = before.pixels[9] = 255;
	after.pixels[6] = after.pixels[7] = 255;	/* 4 and 5 of the first */
	assert_ok(change_measure(call_standalone(), &before, &after, &map, &change));
	assert_int_equal(change.common, 32);
	assert_int_equal(change.before, 2);	/* what the second does not show is left out */
	assert_int_equal(change.after, 2);
	assert_int_equal(change.fresh, 1);
	assert_int_equal(change.gone, 1);
	assert_ok(change_warp(call_standalone(), &after, &map, 10, 4, &warped));
	for (int i = 0; i < 40; i++)
		assert_int_equal(warped.pixels[i], i == 4 || i == 5 ? 255 : 0);
	image_free(call_standalone(), &before);
	image_free(call_standalone(), &after);
	image_free(call_standalone(), &warped);
}

/* An image with itself, without lesion, of one pixel, of one colour, narrow. */
static void
test_odd(void **state)
{
	const int	sizes[][2] = {{1, 1}, {2, 1}, {20, 20}, {400, 26}};
	Pair		pair = pair_make(3, 1);
	Registration registration;
	Image		empty = constant(PHOTO_WIDTH, PHOTO_HEIGHT, 1, 0);
	const Similarity same = {1, 0, 0, 0};

	(void) state;
	assert_ok(register_images(call_standalone(), &pair.before, &pair.mask_before, &pair.before, &pair.mask_before,
							  &registration));
	assert_true(registration.confidence > 0.99 && map_error(&registration.to_after, &same) < 1e-4);
	assert_ok(register_images(call_standalone(), &pair.before, &pair.mask_before, &pair.after, &empty, &registration));
	assert_true(registration.confidence == 0 && map_error(&registration.to_after, &same) == 0);
	pair_free(&pair);
	image_free(call_standalone(), &empty);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
	{
		Image		image = constant(sizes[i][0], sizes[i][1], 3, 128);
		Image		mask = constant(sizes[i][0], sizes[i][1], 1, 255);

		assert_ok(register_images(call_standalone(), &image, &mask, &image, &mask, &registration));
		assert_true(!registration.sure);
		assert_true(isfinite(registration.to_after.a) && isfinite(registration.to_after.x0));
		image_free(call_standalone(), &image);
		image_free(call_standalone(), &mask);
	}
	{
		Image		image = constant(65535, 1, 3, 128);
		Image		mask = constant(65535, 1, 1, 255);

		assert_int_equal(register_images(call_standalone(), &image, &mask, &image, &mask, &registration).code,
						 LS_INVALID_IMAGE);
		image_free(call_standalone(), &image);
		image_free(call_standalone(), &mask);
	}
}

/* A map that turns or scales much needs more confidence. */
static void
test_far(void **state)
{
	static const struct
	{
		double		degrees;
		double		scale;
		double		sure;		/* from this confidence on */
	}			cases[] = {
		{0, 1, 0.4}, {45, 0.8, 0.4}, {-59, 1.29, 0.4}, {59, 1 / 1.29, 0.4},
		{61, 1, 0.5}, {-61, 1, 0.5}, {180, 1, 0.5}, {0, 1.31, 0.5}, {0, 1 / 1.31, 0.5}, {108.74, 0.6005, 0.5},
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		double		angle = cases[i].degrees * M_PI / 180;
		Similarity	map = {cases[i].scale * cos(angle), cases[i].scale * sin(angle), 7, -3};

		assert_true(registration_is_sure(cases[i].sure + 1e-6, &map));
		assert_false(registration_is_sure(cases[i].sure - 1e-6, &map));
	}
}

/* Another lesion is not taken for the same one. */
static void
test_others(void **state)
{
	int			sure = 0;

	(void) state;
	for (int64_t seed = 1; seed <= 6; seed++)
	{
		Pair		pair = pair_make(seed, 1);
		Pair		other = pair_make(seed + 100, 1);
		Registration registration;

		assert_ok(register_images(call_standalone(), &pair.before, &pair.mask_before, &other.after,
								  &other.mask_after, &registration));
		sure += registration.sure;
		pair_free(&pair);
		pair_free(&other);
	}
	assert_int_equal(sure, 0);
}

/* A poll that cancels and an allocation that is too large leave nothing behind. */
static void
test_stopped(void **state)
{
	Pair		pair = pair_make(14, 1);	/* where all is tried */
	StatusCode	code = LS_CANCELLED;
	Registration registration;

	(void) state;
	for (long polls = 0; code != LS_OK; polls += 1 + polls / 8)
	{
		TestCall	test;

		test_call_init(&test);
		test.stop_after = polls;
		code = register_images(&test.call, &pair.before, &pair.mask_before, &pair.after, &pair.mask_after,
							   &registration).code;
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		assert_true(code == LS_OK || code == LS_CANCELLED);
	}
	code = LS_LIMIT_EXCEEDED;
	for (size_t limit = 1024; code != LS_OK; limit *= 2)
	{
		TestCall	test;

		test_call_init(&test);
		test.call.host.max_memory = limit;
		code = register_images(&test.call, &pair.before, &pair.mask_before, &pair.after, &pair.mask_after,
							   &registration).code;
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		assert_true(code == LS_OK || code == LS_LIMIT_EXCEEDED);
	}
	pair_free(&pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_far),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

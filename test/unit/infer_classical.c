/*
 * infer_classical.c: methods without training: Otsu's thresholds against
 * scikit-image's (infer_otsu_cases.h), rendered lesions, odd images, cancelled and
 * short of memory.
 */
#include "image_fixture.h"

#include <math.h>

#include "image/synthetic.h"
#include "infer/classical/methods.h"
#include "infer_otsu_cases.h"
#include "test_call.h"
#include "measure/score.h"

static const char *const names[CLASSICAL_METHODS] = {"otsu", "adaptive", "kmeans", "region_growing", "chan_vese"};

static ClassicalOptions
default_options(void)
{
	ClassicalOptions options;

	options_default(&classical_option_table, &options);
	return options;
}

static void
test_names(void **state)
{
	ClassicalMethod method;
	Status		status;

	(void) state;
	for (int i = 0; i < CLASSICAL_METHODS; i++)
	{
		assert_ok(classical_find(names[i], &method));
		assert_int_equal(method, i);
	}
	status = classical_find("watershed", &method);
	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	for (int i = 0; i < CLASSICAL_METHODS; i++)
		assert_non_null(strstr(status.hint, names[i]));
}

static void
test_otsu(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof otsu_cases / sizeof otsu_cases[0]; i++)
		assert_int_equal(otsu_threshold(otsu_cases[i].counts), otsu_cases[i].threshold);
}

/* The mean Dice of a method on rendered lesions. */
static double
mean_dice(ClassicalMethod method, const ClassicalOptions *options, int severity)
{
	const Call *call = call_standalone();
	double		sum = 0;

	for (int64_t seed = 1; seed <= 12; seed++)
	{
		Image		image;
		Image		truth;
		Image		mask;
		ConfusionCounts counts;

		assert_ok(synthetic_lesion(call, seed, 200, 160, severity, &image, &truth));
		assert_ok(classical_segment(call, &image, method, options, &mask));
		assert_int_equal(mask.width, 200);
		assert_ok(confusion_count(call, &mask, &truth, &counts));
		sum += image_score(&counts).dice;
		image_free(call, &image);
		image_free(call, &truth);
		image_free(call, &mask);
	}
	return sum / 12;
}

static void
test_rendered(void **state)
{
	ClassicalOptions options = default_options();

	(void) state;
	for (int method = 0; method < CLASSICAL_METHODS; method++)
	{
		double		dice = mean_dice((ClassicalMethod) method, &options, 0);

		print_message("%s: %.3f\n", names[method], dice);
		assert_true(dice > 0.85);
	}
	options.clean = false;	/* cleaning is worth something on a bad photograph */
	{
		double		raw = mean_dice(CLASSICAL_OTSU, &options, 4);

		options.clean = true;
		assert_true(mean_dice(CLASSICAL_OTSU, &options, 4) > raw);
	}
}

/* Options out of range are refused. */
static void
test_options(void **state)
{
	ClassicalOptions options = default_options();
	Image		image = constant(20, 20, 3, 100);
	Image		mask;

	(void) state;
	options.clusters = 9;
	assert_int_equal(classical_segment(call_standalone(), &image, CLASSICAL_KMEANS, &options, &mask).code,
					 LS_INVALID_ARGUMENT);
	image_free(call_standalone(), &image);
}

static void
test_odd(void **state)
{
	const int	sizes[][2] = {{1, 1}, {2, 3}, {65535, 1}, {1, 3000}, {40, 30}};
	const uint8_t greys[] = {0, 128, 255};
	ClassicalOptions options = default_options();

	(void) state;
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
		for (size_t g = 0; g < sizeof greys; g++)
			for (int method = 0; method < CLASSICAL_METHODS; method++)
			{
				Image		image = constant(sizes[s][0], sizes[s][1], 3, greys[g]);
				Image		mask;

				assert_ok(classical_segment(call_standalone(), &image, (ClassicalMethod) method, &options, &mask));
				assert_int_equal(mask.width, sizes[s][0]);
				assert_int_equal(mask.height, sizes[s][1]);
				image_free(call_standalone(), &image);
				image_free(call_standalone(), &mask);
			}
}

/* Every poll that cancels and every allocation that is too large leaves nothing behind. */
static void
test_stopped(void **state)
{
	ClassicalOptions options = default_options();
	Image		image;
	Image		truth;

	(void) state;
	options.iterations = 5;
	assert_ok(synthetic_lesion(call_standalone(), 1, 70, 60, 0, &image, &truth));
	for (int method = 0; method < CLASSICAL_METHODS; method++)
	{
		StatusCode	code = LS_CANCELLED;
		Image		mask;

		for (long polls = 0; code != LS_OK; polls++)
		{
			TestCall	test;

			test_call_init(&test);
			test.stop_after = polls;
			code = classical_segment(&test.call, &image, (ClassicalMethod) method, &options, &mask).code;
			if (code == LS_OK)
				image_free(&test.call, &mask);
			assert_int_equal(test.live, 0);
			test_call_end(&test);
			assert_true(code == LS_OK || code == LS_CANCELLED);
		}
		for (size_t limit = 256; code != LS_OK || limit == 256; limit *= 2)
		{
			TestCall	test;

			test_call_init(&test);
			test.call.host.max_memory = limit;
			code = classical_segment(&test.call, &image, (ClassicalMethod) method, &options, &mask).code;
			if (code == LS_OK)
				image_free(&test.call, &mask);
			assert_int_equal(test.live, 0);
			test_call_end(&test);
			assert_true(code == LS_OK || code == LS_LIMIT_EXCEEDED);
		}
	}
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &truth);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_otsu),
		cmocka_unit_test(test_rendered),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

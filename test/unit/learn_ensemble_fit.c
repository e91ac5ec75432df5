/*
 * learn_ensemble_fit.c: weights of members whose merits are known, and masks
 * made of several maps.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "learn/ensemble/ensemble_fit.h"
#include "infer/mask.h"
#include "test_call.h"

#define SIDE 16
#define PIXELS (SIDE * SIDE)

/* As `guess`: the third member is as good as the others. */
#define NO_GUESS (-1)

/* Draw a mask, and what members of different skill say of it: the first knows
 * it but for noise, around `middle`, the second too with noise of its own, the
 * third says `guess` everywhere, but for noise. */
static void
draw(Rng *rng, double middle, double guess, Image *truth, float maps[3][PIXELS])
{
	int			left = (int) rng_below(rng, 8);
	int			top = (int) rng_below(rng, 8);

	for (int i = 0; i < PIXELS; i++)
	{
		int			x = i % SIDE;
		int			y = i / SIDE;
		bool		inside = x >= left && x < left + 8 && y >= top && y < top + 8;

		truth->pixels[i] = inside ? 255 : 0;
		for (int m = 0; m < 3; m++)
			maps[m][i] = (float) ((m == 2 && guess != NO_GUESS ? guess : inside ? middle + 0.2 : middle - 0.2) +
								  0.6 * (rng_uniform(rng) - 0.5));
	}
}

/* Add drawn images. */
static void
add_images(TestCall *test, int count, double middle, double guess, EnsembleFit *fit)
{
	Image		truth;
	Rng			rng;
	float		maps[3][PIXELS];

	rng_seed(&rng, 17, 0);
	assert_int_equal(image_create(&test->call, SIDE, SIDE, 1, &truth).code, LS_OK);
	for (int i = 0; i < count; i++)
	{
		ProbabilityMap views[3];

		draw(&rng, middle, guess, &truth, maps);
		for (int m = 0; m < 3; m++)
			views[m] = (ProbabilityMap) {.size = SIDE, .values = maps[m]};
		assert_int_equal(ensemble_fit_add(fit, &test->call, views, &truth).code, LS_OK);
	}
	image_free(&test->call, &truth);
}

/* Fit weights to such images, in a call that begins here; end_fit ends both. */
static EnsembleFit *
solve_images(TestCall *test, int count, double middle, double guess, double weights[3], EnsembleFitResult *result)
{
	EnsembleFit *fit;

	test_call_init(test);
	assert_int_equal(ensemble_fit_create(&test->call.host, 3, SIDE, &fit).code, LS_OK);
	add_images(test, count, middle, guess, fit);
	assert_int_equal(ensemble_fit_solve(fit, &test->call, 0, weights, result).code, LS_OK);
	return fit;
}

static void
end_fit(TestCall *test, EnsembleFit *fit)
{
	ensemble_fit_free(fit);
	assert_int_equal(test->live, 0);
	test_call_end(test);
}

static void
test_weights(void **state)
{
	TestCall	test;
	EnsembleFit *fit;
	EnsembleFitResult result;
	double		weights[3];

	(void) state;
	fit = solve_images(&test, 30, 0.5, 0.5, weights, &result);
	assert_true(fabs(weights[0] + weights[1] + weights[2] - 1) < 1e-12);
	assert_true(weights[0] > 0.3 && weights[1] > 0.3 && weights[2] < 0.2);
	assert_true(result.jaccard > result.equal_jaccard && result.jaccard <= 1);
	assert_true(result.helped == 1 && !result.equal);
	assert_true(result.fitted.threshold > 0.3 && result.fitted.threshold < 0.7);
	assert_true(result.fitted.temperature != 1 && result.fitted.review_below > 0 && result.fitted.review_below < 1);

	/* Stopped anywhere, it says so. */
	test.stop_after = test.polls + 40;
	assert_int_equal(ensemble_fit_solve(fit, &test.call, 0, weights, &result).code, LS_CANCELLED);
	test.stop_after = -1;
	end_fit(&test, fit);
}

/* The fit stays as it was when an image is not added: a cancelled call's, or one
 * too large for memory. Each call brings its own way to stop. */
static void
test_failed_add(void **state)
{
	static float maps[3][PIXELS];
	ProbabilityMap views[3];
	TestCall	test;
	EnsembleFit *fit;
	EnsembleFitResult result;
	EnsembleFitResult again;
	double		weights[3];
	double		same[3];
	Image		truth;
	Call		cancelled;
	Rng			rng;
	long		live;

	(void) state;
	fit = solve_images(&test, 5, 0.5, 0.5, weights, &result);
	rng_seed(&rng, 18, 0);
	assert_int_equal(image_create(&test.call, SIDE, SIDE, 1, &truth).code, LS_OK);
	draw(&rng, 0.5, 0.5, &truth, maps);
	for (int m = 0; m < 3; m++)
		views[m] = (ProbabilityMap) {.size = SIDE, .values = maps[m]};
	live = test.live;

	cancelled = test.call;
	test.stop_after = test.polls;
	assert_int_equal(ensemble_fit_add(fit, &cancelled, views, &truth).code, LS_CANCELLED);
	test.stop_after = -1;
	memset(&cancelled, 0xff, sizeof cancelled);
	assert_int_equal(test.live, live);

	test.call.host.max_memory = 3 * PIXELS;
	assert_int_equal(ensemble_fit_add(fit, &test.call, views, &truth).code, LS_LIMIT_EXCEEDED);
	test.call.host.max_memory = (size_t) 1 << 30;
	assert_int_equal(test.live, live);

	assert_int_equal(ensemble_fit_solve(fit, &test.call, 0, same, &again).code, LS_OK);
	assert_memory_equal(same, weights, sizeof weights);
	assert_true(again.jaccard == result.jaccard && again.helped == result.helped);
	image_free(&test.call, &truth);
	end_fit(&test, fit);
}

/* Members that are best at 0.7 find their threshold by themselves: one that
 * knows nothing does not win by drawing the mean down to 0.5. */
static void
test_shifted(void **state)
{
	TestCall	test;
	EnsembleFit *fit;
	EnsembleFitResult result;
	double		weights[3];

	(void) state;
	fit = solve_images(&test, 30, 0.69, 0.3, weights, &result);
	assert_true(weights[2] < 0.1);
	assert_true(result.fitted.threshold > 0.6 && result.fitted.threshold < 0.8);
	end_fit(&test, fit);
}

/* The draws follow the seed alone. */
static void
test_seed(void **state)
{
	TestCall	test;
	EnsembleFit *fit;
	EnsembleFitResult result;
	EnsembleFitResult again;
	double		weights[3];
	double		same[3];
	double		other[3];

	(void) state;
	fit = solve_images(&test, 60, 0.5, 0.5, weights, &result);
	assert_int_equal(ensemble_fit_solve(fit, &test.call, 0, same, &again).code, LS_OK);
	assert_memory_equal(same, weights, sizeof weights);
	assert_true(again.jaccard == result.jaccard && again.helped == result.helped &&
				again.fitted.threshold == result.fitted.threshold);
	assert_int_equal(ensemble_fit_solve(fit, &test.call, 1, other, &again).code, LS_OK);
	assert_memory_not_equal(other, weights, sizeof weights);
	for (int m = 0; m < 3; m++)
		assert_true(fabs(other[m] - weights[m]) < 0.1);
	end_fit(&test, fit);
}

/* Few images do not tell members of one skill apart: equal weights stay. */
static void
test_few_images(void **state)
{
	TestCall	test;
	EnsembleFit *fit;
	EnsembleFitResult result;
	double		weights[3];

	(void) state;
	for (int count = 1; count < ENSEMBLE_FIT_MIN_IMAGES; count += 12)
	{
		fit = solve_images(&test, count, 0.5, NO_GUESS, weights, &result);
		assert_true(result.equal && result.helped < ENSEMBLE_FIT_HELPED_FEW);
		assert_true(result.jaccard == result.equal_jaccard);
		for (int m = 0; m < 3; m++)
			assert_true(weights[m] == 1.0 / 3);
		end_fit(&test, fit);
	}
}

/* Maps of different sizes, weighted: the value of each pixel. */
static void
test_blend(void **state)
{
	static float small[1] = {0.8f};
	static float large[4] = {0, 0.4f, 0.2f, 0.6f};
	const ProbabilityMap maps[2] = {{.size = 1,.values = small}, {.size = 2,.values = large}};
	const double weights[2] = {1, 3};
	const MaskOptions options = {.width = 2,.height = 2,.threshold = 0.45};
	TestCall	test;
	Image		mask;
	Image		probabilities;

	(void) state;
	test_call_init(&test);
	assert_int_equal(mask_create(&test.call, maps, weights, 2, &options, &mask, &probabilities).code, LS_OK);
	for (int i = 0; i < 4; i++)
	{
		double		mean = 0.25 * small[0] + 0.75 * large[i];

		assert_int_equal(mask.pixels[i], mean > 0.45 ? 255 : 0);
		assert_int_equal(probabilities.pixels[i], (int) (255 * mean + 0.5));
	}
	image_free(&test.call, &mask);
	image_free(&test.call, &probabilities);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_failed_add),
		cmocka_unit_test(test_shifted),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_few_images),
		cmocka_unit_test(test_blend),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * learn_threshold.c: the threshold of the best masks, on images whose best one
 * is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "learn/threshold.h"
#include "measure/score.h"

/* Add an image `count` times. */
static void
add(ThresholdScores *scores, int count, size_t pixels, const float *probabilities, const uint8_t *mask)
{
	for (int i = 0; i < count; i++)
		threshold_add(scores, pixels, probabilities, mask);
}

/* Sums are those of the scores at each threshold, taken one by one. */
static void
test_scores(void **state)
{
	static const float probabilities[8] = {0, 0.05f, 0.1f, 0.30000001f, 0.5f, 0.55f, 0.949f, 1};
	static const uint8_t mask[8] = {0, 0, 255, 0, 255, 0, 255, 255};
	ThresholdScores scores = {0};

	(void) state;
	threshold_add(&scores, 8, probabilities, mask);
	assert_int_equal(scores.images, 1);
	for (int t = 0; t < THRESHOLD_CANDIDATES; t++)
	{
		ConfusionCounts counts = {0};

		for (int i = 0; i < 8; i++)
		{
			bool		predicted = probabilities[i] > (float) ((t + 1) / 20.0);

			counts.true_positive += predicted && mask[i];
			counts.false_positive += predicted && !mask[i];
			counts.false_negative += !predicted && mask[i];
			counts.true_negative += !predicted && !mask[i];
		}
		assert_true(scores.jaccard[t] == image_score(&counts).jaccard);
	}
}

/* Probabilities of a network that diverged are none of the candidates. */
static void
test_no_numbers(void **state)
{
	(void) state;
	assert_int_equal(threshold_candidates_below(NAN), 0);
	assert_int_equal(threshold_candidates_below(-NAN), 0);
	assert_int_equal(threshold_candidates_below(-INFINITY), 0);
	assert_int_equal(threshold_candidates_below(-1), 0);
	assert_int_equal(threshold_candidates_below(INFINITY), THRESHOLD_CANDIDATES);
}

static void
test_best(void **state)
{
	static const float probabilities[4] = {0.1f, 0.22f, 0.33f, 0.9f};
	static const uint8_t low[4] = {0, 0, 255, 255};
	static const uint8_t high[4] = {0, 0, 0, 255};
	ThresholdScores scores = {0};

	(void) state;
	assert_true(threshold_best(&scores) == 0.5);
	add(&scores, THRESHOLD_MIN_IMAGES - 1, 4, probabilities, low);
	assert_true(threshold_best(&scores) == 0.5);
	add(&scores, 1, 4, probabilities, low);
	assert_true(threshold_best(&scores) == 0.3);	/* 0.25 is as good, and farther from one half */
	add(&scores, 3 * THRESHOLD_MIN_IMAGES, 4, probabilities, high);
	assert_true(threshold_best(&scores) == 0.5);	/* as good as any from 0.35 on */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scores),
		cmocka_unit_test(test_no_numbers),
		cmocka_unit_test(test_best),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * measure_score.c: counts and scores against figures worked out by hand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "measure/score.h"

/* A mask drawn as text, '#' for lesion, rows one after the other. */
static Image
mask_of(int width, int height, const char *drawing)
{
	Image		mask;

	assert_int_equal(image_create(call_standalone(), width, height, 1, &mask).code, LS_OK);
	assert_int_equal(strlen(drawing), (size_t) width * height);
	for (int i = 0; i < width * height; i++)
		mask.pixels[i] = drawing[i] == '#' ? 255 : 0;
	return mask;
}

/* Count two masks and free them. */
static ConfusionCounts
count(Image predicted, Image truth)
{
	ConfusionCounts counts;

	assert_int_equal(confusion_count(call_standalone(), &predicted, &truth, &counts).code, LS_OK);
	image_free(call_standalone(), &predicted);
	image_free(call_standalone(), &truth);
	return counts;
}

static ConfusionCounts
counts_of(int64_t tp, int64_t fp, int64_t fn, int64_t tn)
{
	ConfusionCounts counts = {tp, fp, fn, tn};

	return counts;
}

static void
assert_counts(ConfusionCounts counts, int64_t tp, int64_t fp, int64_t fn, int64_t tn)
{
	assert_int_equal(counts.true_positive, tp);
	assert_int_equal(counts.false_positive, fp);
	assert_int_equal(counts.false_negative, fn);
	assert_int_equal(counts.true_negative, tn);
}

static void
test_counts_same_size(void **state)
{
	(void) state;
	assert_counts(count(mask_of(4, 3, "##.." "##.." "...."),
						mask_of(4, 3, ".##." ".##." ".##.")), 2, 2, 4, 4);
	assert_counts(count(mask_of(1, 1, "#"), mask_of(1, 1, "#")), 1, 0, 0, 0);
	assert_counts(count(mask_of(1, 1, "."), mask_of(1, 1, "#")), 0, 0, 1, 0);
}

/* A size that is no multiple of any vector, above one polling step. */
static void
test_counts_large(void **state)
{
	const int	width = 1201;
	const int	height = 907;
	Image		predicted;
	Image		truth;
	int64_t		expected[2][2] = {{0, 0}, {0, 0}};
	Rng			rng;

	(void) state;
	assert_int_equal(image_create(call_standalone(), width, height, 1, &predicted).code, LS_OK);
	assert_int_equal(image_create(call_standalone(), width, height, 1, &truth).code, LS_OK);
	rng_seed(&rng, 1, 0);
	for (int i = 0; i < width * height; i++)
	{
		int			p = rng_below(&rng, 3) == 0;
		int			t = rng_below(&rng, 2) == 0;

		predicted.pixels[i] = p ? 255 : 0;
		truth.pixels[i] = t ? 255 : 0;
		expected[p][t]++;
	}
	assert_counts(count(predicted, truth), expected[1][1], expected[1][0], expected[0][1], expected[0][0]);
}

/* Another size is read by nearest neighbour at the truth's size. */
static void
test_counts_other_size(void **state)
{
	(void) state;

	/* Twice as large: each predicted pixel stands for 2 x 2. */
	assert_counts(count(mask_of(2, 2, "#." ".."),
						mask_of(4, 4, "##.." "##.." "##.." "....")), 4, 0, 2, 10);

	/* A third: the middle pixel of each 3 x 3 is read. */
	assert_counts(count(mask_of(6, 3, "......" ".#...." "......"), mask_of(2, 1, "#.")), 1, 0, 0, 1);
	assert_counts(count(mask_of(6, 3, "###..." "#.#..." "###..."), mask_of(2, 1, "#.")), 0, 0, 1, 1);
}

static void
test_counts_channels(void **state)
{
	Image		rgb;
	Image		mask = mask_of(2, 2, "....");
	ConfusionCounts counts;

	(void) state;
	assert_int_equal(image_create(call_standalone(), 2, 2, 3, &rgb).code, LS_OK);
	assert_int_equal(confusion_count(call_standalone(), &rgb, &mask, &counts).code, LS_INVALID_ARGUMENT);
	assert_int_equal(confusion_count(call_standalone(), &mask, &rgb, &counts).code, LS_INVALID_ARGUMENT);
	image_free(call_standalone(), &rgb);
	image_free(call_standalone(), &mask);
}

static bool
stop_after(void *user)
{
	(void) user;
	return true;
}

static void
test_counts_cancel(void **state)
{
	Call call = *call_standalone();
	Image		mask = mask_of(2, 2, "....");
	ConfusionCounts counts;

	(void) state;
	call.poll = stop_after;
	assert_int_equal(confusion_count(&call, &mask, &mask, &counts).code, LS_CANCELLED);
	image_free(call_standalone(), &mask);
}

static void
test_image_score(void **state)
{
	ConfusionCounts counts = counts_of(6, 2, 4, 8);
	ImageScore	score = image_score(&counts);

	(void) state;
	assert_true(score.dice == 12.0 / 18.0);
	assert_true(score.jaccard == 6.0 / 12.0);
	assert_true(score.threshold_jaccard == 0.0);
	assert_true(score.sensitivity == 6.0 / 10.0);
	assert_true(score.specificity == 8.0 / 10.0);
	assert_true(score.precision == 6.0 / 8.0);
	assert_true(score.accuracy == 14.0 / 20.0);
}

static void
test_jaccard_threshold(void **state)
{
	ConfusionCounts at = counts_of(13, 3, 4, 0);
	ConfusionCounts below = counts_of(1299999, 300000, 400001, 0);

	(void) state;
	assert_true(image_score(&at).threshold_jaccard == 0.65);
	assert_true(image_score(&below).jaccard > 0.6499);
	assert_true(image_score(&below).threshold_jaccard == 0.0);
}

/* What has a zero denominator counts as 1. */
static void
test_zero_denominators(void **state)
{
	ConfusionCounts empty = counts_of(0, 0, 0, 9);
	ConfusionCounts full = counts_of(9, 0, 0, 0);
	ConfusionCounts missed = counts_of(0, 0, 5, 4);
	ConfusionCounts invented = counts_of(0, 5, 0, 4);
	ImageScore	score = image_score(&empty);

	(void) state;
	assert_true(score.dice == 1.0 && score.jaccard == 1.0 && score.threshold_jaccard == 1.0);
	assert_true(score.sensitivity == 1.0 && score.specificity == 1.0);
	assert_true(score.precision == 1.0 && score.accuracy == 1.0);

	score = image_score(&full);
	assert_true(score.dice == 1.0 && score.specificity == 1.0 && score.accuracy == 1.0);

	score = image_score(&missed);
	assert_true(score.dice == 0.0 && score.jaccard == 0.0 && score.sensitivity == 0.0);
	assert_true(score.precision == 1.0 && score.specificity == 1.0 && score.accuracy == 4.0 / 9.0);

	score = image_score(&invented);
	assert_true(score.dice == 0.0 && score.sensitivity == 1.0 && score.precision == 0.0);
	assert_true(score.specificity == 4.0 / 9.0);
}

/* Two images of unlike size: means and pooled figures differ. */
static void
test_final(void **state)
{
	ScoreState	sum = {0};
	ConfusionCounts large = counts_of(75, 15, 10, 100);	/* Jaccard 75/100 */
	ConfusionCounts small = counts_of(1, 1, 2, 4);	/* Jaccard 1/4 */
	DatasetScore score;

	(void) state;
	assert_int_equal(score_add(&sum, &large).code, LS_OK);
	assert_int_equal(score_add(&sum, &small).code, LS_OK);
	score = score_final(&sum);
	assert_int_equal(score.n, 2);
	assert_true(score.jaccard == (0.75 + 0.25) / 2);
	assert_true(score.threshold_jaccard == 0.75 / 2);
	assert_true(score.iou == 76.0 / 104.0);
	assert_true(score.f1 == 152.0 / 180.0);
	assert_true(fabs(score.dice - (150.0 / 175.0 + 2.0 / 5.0) / 2) < 1e-15);
	assert_true(fabs(score.sensitivity - (75.0 / 85.0 + 1.0 / 3.0) / 2) < 1e-15);
	assert_true(fabs(score.specificity - (100.0 / 115.0 + 4.0 / 5.0) / 2) < 1e-15);
	assert_true(fabs(score.precision - (75.0 / 90.0 + 1.0 / 2.0) / 2) < 1e-15);
	assert_true(fabs(score.accuracy - (175.0 / 200.0 + 5.0 / 8.0) / 2) < 1e-15);
	assert_true(score_mean((const double[]) {image_score(&large).dice, image_score(&small).dice}, 2) == score.dice);
	assert_int_equal(score_check(&sum).code, LS_OK);
}

static void
test_final_of_nothing(void **state)
{
	ScoreState	sum = {0};
	DatasetScore score = score_final(&sum);

	(void) state;
	assert_int_equal(score.n, 0);
	assert_true(isnan(score.dice) && isnan(score.iou) && isnan(score.jaccard) && isnan(score.f1));
	assert_true(isnan(score.threshold_jaccard) && isnan(score.sensitivity) && isnan(score.specificity));
	assert_true(isnan(score.precision) && isnan(score.accuracy));
	assert_true(isnan(score_mean(NULL, 0)));
	assert_int_equal(score_check(&sum).code, LS_OK);
}

/* Any split of 1,000 images over any number of workers, in any order, gives
 * the same state bit for bit. */
static void
test_order_does_not_matter(void **state)
{
	enum
	{
		IMAGES = 1000
	};
	static ConfusionCounts counts[IMAGES];
	ScoreState	whole = {0};
	Rng			rng;

	(void) state;
	rng_seed(&rng, 7, 0);
	for (int i = 0; i < IMAGES; i++)
	{
		counts[i] = counts_of((int64_t) rng_below(&rng, 70000), (int64_t) rng_below(&rng, 9000),
							  (int64_t) rng_below(&rng, 9000), (int64_t) rng_below(&rng, 70000));
		assert_int_equal(score_add(&whole, &counts[i]).code, LS_OK);
	}
	whole.skipped = 3;

	for (int workers = 2; workers <= 64; workers *= 2)
	{
		ScoreState	partial[64] = {{0}};
		ScoreState	total = {0};

		for (int i = IMAGES - 1; i >= 0; i--)
			assert_int_equal(score_add(&partial[rng_below(&rng, (uint64_t) workers)], &counts[i]).code, LS_OK);
		assert_int_equal(score_skip(&partial[0]).code, LS_OK);
		assert_int_equal(score_skip(&partial[workers - 1]).code, LS_OK);
		assert_int_equal(score_skip(&partial[workers - 1]).code, LS_OK);
		for (int i = workers - 1; i >= 0; i--)
			assert_int_equal(score_combine(&total, &partial[i]).code, LS_OK);
		assert_memory_equal(&total, &whole, sizeof total);
	}
}

/* Sums that do not fit are refused and change nothing. */
static void
test_limits(void **state)
{
	ConfusionCounts one = counts_of(1, 0, 0, 0);
	ConfusionCounts huge = counts_of(INT64_MAX - 1, 0, 0, 0);
	ScoreState	full = {0};
	ScoreState	before;
	ScoreState	many = {0};

	(void) state;
	assert_int_equal(score_add(&full, &huge).code, LS_OK);
	assert_int_equal(score_add(&full, &one).code, LS_OK);
	before = full;
	assert_int_equal(score_add(&full, &one).code, LS_LIMIT_EXCEEDED);
	assert_memory_equal(&full, &before, sizeof full);
	one = counts_of(0, 0, 0, 1);
	assert_int_equal(score_add(&full, &one).code, LS_LIMIT_EXCEEDED);

	full.skipped = INT64_MAX;
	assert_int_equal(score_skip(&full).code, LS_LIMIT_EXCEEDED);
	assert_int_equal(full.skipped, INT64_MAX);

	/* Fractions carry: three times a third, and ten million perfect images. */
	one = counts_of(1, 0, 2, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(score_add(&many, &one).code, LS_OK);
	assert_true(score_final(&many).jaccard == 1.0 / 3.0);
	memset(&many, 0, sizeof many);
	one = counts_of(0, 0, 0, 1);
	assert_int_equal(score_add(&many, &one).code, LS_OK);
	for (int i = 0; i < 24; i++)
	{
		before = many;
		assert_int_equal(score_combine(&many, &before).code, LS_OK);
	}
	assert_int_equal(many.n, 1 << 24);
	assert_true(score_final(&many).dice == 1.0);
	assert_int_equal(score_check(&many).code, LS_OK);
}

static void
test_check(void **state)
{
	const ConfusionCounts counts = {5, 1, 2, 8};
	ScoreState	good = {0};
	ScoreState	bad;

	(void) state;
	assert_int_equal(score_add(&good, &counts).code, LS_OK);

	/* No field may be negative, and none may be larger than n allows. */
	for (size_t i = 0; i < sizeof good / sizeof(int64_t); i++)
	{
		bad = good;
		((int64_t *) &bad)[i] = -1;
		assert_int_equal(score_check(&bad).code, LS_INVALID_ARGUMENT);
	}
	bad = good;
	bad.dice.fraction = INT64_C(1) << SCORE_FRACTION_BITS;
	assert_int_equal(score_check(&bad).code, LS_INVALID_ARGUMENT);
	bad = good;
	bad.dice.whole = 1;
	assert_int_equal(score_check(&bad).code, LS_INVALID_ARGUMENT);
	bad = good;
	bad.n = 17;					/* more images than pixels */
	assert_int_equal(score_check(&bad).code, LS_INVALID_ARGUMENT);
	bad = good;
	bad.n = 0;
	assert_int_equal(score_check(&bad).code, LS_INVALID_ARGUMENT);
	bad = good;
	bad.pooled.false_positive = INT64_MAX;
	assert_int_equal(score_check(&bad).code, LS_INVALID_ARGUMENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_same_size),
		cmocka_unit_test(test_counts_large),
		cmocka_unit_test(test_counts_other_size),
		cmocka_unit_test(test_counts_channels),
		cmocka_unit_test(test_counts_cancel),
		cmocka_unit_test(test_image_score),
		cmocka_unit_test(test_jaccard_threshold),
		cmocka_unit_test(test_zero_denominators),
		cmocka_unit_test(test_final),
		cmocka_unit_test(test_final_of_nothing),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * learn_dice_fit.c: the coefficients of the predicted Dice, on images for which
 * the ridge regression can be solved by hand.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "learn/dice_fit.h"

#define IMAGES 128				/* a multiple of 2^MASK_STATISTICS */

static const double means[MASK_STATISTICS] = {0.8, 0.6, 0.3, 0.2, 0.1};
static const double deviations[MASK_STATISTICS] = {0.1, 0.2, 0.05, 0.1, 0.02};

/* Standardised, statistic j of image i is 1 or -1 as bit j of i says: over all
 * images no two of them go together. */
static double
sign(int i, int j)
{
	return i >> j & 1 ? 1 : -1;
}

/* Images whose statistics follow their bits; the expected Dice is right. */
static void
make_images(DiceFitImage images[IMAGES])
{
	for (int i = 0; i < IMAGES; i++)
	{
		for (int j = 0; j < MASK_STATISTICS; j++)
			images[i].statistics[j] = means[j] + deviations[j] * sign(i, j);
		images[i].dice = images[i].statistics[MASK_EXPECTED];
	}
}

static bool
near(double a, double b)
{
	return fabs(a - b) <= 1e-6;
}

/* Where the expected Dice is right it stays. */
static void
test_right(void **state)
{
	static const double same[TRAITS_DICE_COEFFICIENTS] = {[1 + MASK_EXPECTED] = 1};
	DiceFitImage images[IMAGES];
	double		coefficients[TRAITS_DICE_COEFFICIENTS];

	(void) state;
	make_images(images);
	dice_fit(IMAGES, images, coefficients);
	for (int i = 0; i < TRAITS_DICE_COEFFICIENTS; i++)
		assert_true(coefficients[i] == same[i]);
}

/* Statistics that do not go together: each slope is what it is, less the ridge. */
static void
test_independent(void **state)
{
	static const double slopes[MASK_STATISTICS] = {0.01, 0.03, -0.02, 0.005, -0.04};
	const double kept = IMAGES / (IMAGES + (double) DICE_FIT_RIDGE);
	DiceFitImage images[IMAGES];
	double		coefficients[TRAITS_DICE_COEFFICIENTS];
	double		constant = -0.05;

	(void) state;
	make_images(images);
	for (int i = 0; i < IMAGES; i++)
	{
		images[i].dice += -0.05;
		for (int j = 0; j < MASK_STATISTICS; j++)
			images[i].dice += slopes[j] * sign(i, j);
	}
	dice_fit(IMAGES, images, coefficients);
	for (int j = 0; j < MASK_STATISTICS; j++)
	{
		double		slope = kept * slopes[j] / deviations[j];

		assert_true(near(coefficients[1 + j], slope + (j == MASK_EXPECTED)));
		constant -= slope * means[j];
	}
	assert_true(near(coefficients[0], constant));
}

/* Two statistics that are one share its slope; one that never differs has none. */
static void
test_dependent(void **state)
{
	const double each = 0.03 * IMAGES / (2 * IMAGES + DICE_FIT_RIDGE);
	DiceFitImage images[IMAGES];
	double		coefficients[TRAITS_DICE_COEFFICIENTS];

	(void) state;
	make_images(images);
	for (int i = 0; i < IMAGES; i++)
	{
		images[i].statistics[MASK_DOUBT] = 2 * images[i].statistics[MASK_CORE];
		images[i].statistics[MASK_AREA] = 0.5;
		images[i].dice += 0.03 * sign(i, MASK_CORE);
	}
	dice_fit(IMAGES, images, coefficients);
	assert_true(near(coefficients[1 + MASK_CORE], each / deviations[MASK_CORE]));
	assert_true(near(coefficients[1 + MASK_DOUBT], each / (2 * deviations[MASK_CORE])));
	assert_true(coefficients[1 + MASK_AREA] == 0);
	assert_true(near(coefficients[1 + MASK_SCATTERED], 0));
	assert_true(near(coefficients[0], -2 * each * means[MASK_CORE] / deviations[MASK_CORE]));
}

/* Too few images: nothing is fitted. */
static void
test_few(void **state)
{
	DiceFitImage images[IMAGES];
	double		coefficients[TRAITS_DICE_COEFFICIENTS];

	(void) state;
	make_images(images);
	dice_fit(DICE_FIT_MIN_IMAGES - 1, images, coefficients);
	for (int i = 0; i < TRAITS_DICE_COEFFICIENTS; i++)
		assert_true(coefficients[i] == 0);
	dice_fit(DICE_FIT_MIN_IMAGES, images, coefficients);
	assert_true(coefficients[1 + MASK_EXPECTED] != 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_independent),
		cmocka_unit_test(test_dependent),
		cmocka_unit_test(test_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

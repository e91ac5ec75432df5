/*
 * infer_calibration.c: temperature, calibrated probabilities, expected Dice.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "infer/calibration.h"

/* Fill counts with pixels whose true rate is sigmoid(logit(p) / temperature). */
static void
fill(CalibrationCounts *counts, double temperature)
{
	memset(counts, 0, sizeof *counts);
	for (int value = 0; value < 256; value++)
	{
		double		p = value == 0 ? 0 : value == 255 ? 1 : 1 / (1 + pow((255.0 - value) / value, 1 / temperature));

		counts->pixels[value][1] = llround(1e6 * p);
		counts->pixels[value][0] = llround(1e6 * (1 - p));
	}
}

/* The temperature that pixels were made with is found. */
static void
test_temperature(void **state)
{
	static const double temperatures[] = {0.5, 0.8, 1, 1.7, 3};
	CalibrationCounts counts;

	(void) state;
	for (size_t i = 0; i < sizeof temperatures / sizeof *temperatures; i++)
	{
		fill(&counts, temperatures[i]);
		assert_true(fabs(calibration_temperature(&counts) - temperatures[i]) < 0.001 * temperatures[i]);
	}
	memset(&counts, 0, sizeof counts);
	assert_true(calibration_temperature(&counts) == 1);
	counts.pixels[0][1] = counts.pixels[255][0] = 1000;
	assert_true(calibration_temperature(&counts) == 1);
	counts.pixels[200][0] = 10;
	assert_true(fabs(calibration_temperature(&counts) - 5) < 1e-3);
	counts.pixels[200][0] = 0;
	counts.pixels[200][1] = 10;
	assert_true(fabs(calibration_temperature(&counts) - 0.2) < 1e-3);
}

/* Maps and truths are counted pixel by pixel. */
static void
test_add(void **state)
{
	static const uint8_t map[] = {0, 7, 7, 255};
	static const uint8_t truth[] = {0, 0, 255, 255};
	CalibrationCounts counts = {0};

	(void) state;
	calibration_add(&counts, 4, map, truth);
	calibration_add(&counts, 4, map, truth);
	assert_int_equal(counts.pixels[0][0], 2);
	assert_int_equal(counts.pixels[7][0], 2);
	assert_int_equal(counts.pixels[7][1], 2);
	assert_int_equal(counts.pixels[255][1], 2);
	assert_int_equal(counts.pixels[255][0], 0);
}

/* Temperature 1 changes nothing, a higher one pulls towards one half. */
static void
test_table(void **state)
{
	double		table[256];

	(void) state;
	calibration_table(1, table);
	for (int value = 0; value < 256; value++)
		assert_true(table[value] == value / 255.0);
	calibration_table(2, table);
	assert_true(table[0] == 0 && table[255] == 1);
	assert_true(fabs(table[204] - 2 / 3.0) < 1e-12);	/* 0.8 has odds of 4, whose root is 2 */
	assert_true(fabs(table[51] - 1 / 3.0) < 1e-12);
	calibration_table(0.5, table);
	assert_true(fabs(table[204] - 16 / 17.0) < 1e-12);
}

/* Dice as calibrated probabilities foresee it. */
static void
test_expected_dice(void **state)
{
	static const uint8_t map[] = {255, 255, 204, 51, 0};
	static const uint8_t mask[] = {255, 255, 255, 0, 0};
	static const uint8_t empty[5] = {0};
	double		table[256];

	(void) state;
	calibration_table(1, table);
	assert_true(fabs(calibration_expected_dice(5, map, mask, table) - 2 * 2.8 / (3 + 3)) < 1e-12);
	assert_true(calibration_expected_dice(2, map, mask, table) == 1);
	assert_true(calibration_expected_dice(5, map, empty, table) == 0);
	calibration_table(2, table);
	assert_true(fabs(calibration_expected_dice(5, map, mask, table) - 2 * (2 + 2 / 3.0) / (3 + 3)) < 1e-12);
}

/* The bound has the share below it; few images decide nothing. */
static void
test_review_below(void **state)
{
	double		expected[100];

	(void) state;
	for (int i = 0; i < 100; i++)
		expected[i] = (i * 37 % 100) / 100.0;
	assert_true(calibration_review_below(expected, 100) == 0.22);
	assert_true(calibration_review_below(expected, CALIBRATION_MIN_IMAGES - 1) == CALIBRATION_REVIEW_BELOW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_temperature),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_expected_dice),
		cmocka_unit_test(test_review_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * infer_mask_statistics.c: what is measured of a mask and its map, and the Dice
 * that follows from it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "infer/calibration.h"
#include "infer/mask_statistics.h"

#define WIDTH 5
#define HEIGHT 4
#define PIXELS (WIDTH * HEIGHT)

/* Two parts, of six pixels and of one; 204 is 0.8 and 51 is 0.2. */
static const uint8_t map_pixels[PIXELS] = {
	255, 255, 204, 0, 51,
	255, 255, 204, 0, 51,
	0, 0, 0, 0, 0,
	204, 0, 0, 0, 0
};

/* Measure the pixels that are above `above`, and return how many are left in the mask. */
static int
measure(int above, double temperature, double statistics[MASK_STATISTICS])
{
	uint8_t		map_bytes[PIXELS];
	uint8_t		mask_bytes[PIXELS];
	Image		map = {WIDTH, HEIGHT, 1, map_bytes};
	Image		mask = {WIDTH, HEIGHT, 1, mask_bytes};
	double		table[256];
	int			left = 0;

	memcpy(map_bytes, map_pixels, PIXELS);
	for (int i = 0; i < PIXELS; i++)
		mask_bytes[i] = map_bytes[i] > above ? 255 : 0;
	calibration_table(temperature, table);
	assert_int_equal(mask_statistics(call_standalone(), &map, &mask, table, statistics).code, LS_OK);
	for (int i = 0; i < PIXELS; i++)
		left += mask_bytes[i] != 0;
	return left;
}

static bool
near(double a, double b)
{
	return fabs(a - b) < 1e-12;
}

/* Each figure by its formula. */
static void
test_statistics(void **state)
{
	const double entropy = -(0.8 * log(0.8) + 0.2 * log(0.2));
	double		statistics[MASK_STATISTICS];

	(void) state;
	assert_int_equal(measure(128, 1, statistics), 6);
	assert_true(near(statistics[MASK_EXPECTED], 2 * 6.4 / (7 + 6.8)));
	assert_true(near(statistics[MASK_CORE], 2 * 4.0 / (7 + 4)));
	assert_true(near(statistics[MASK_DOUBT], 5 * entropy / 20 / sqrt(7.0 / 20)));
	assert_true(near(statistics[MASK_AREA], 7.0 / 20));
	assert_true(near(statistics[MASK_SCATTERED], 1.0 / 7));
}

/* The probabilities are the calibrated ones: at temperature 0.25 odds of 4 become 256, and so core. */
static void
test_calibrated(void **state)
{
	const double p = 256.0 / 257;
	double		statistics[MASK_STATISTICS];

	(void) state;
	assert_int_equal(measure(128, 0.25, statistics), 6);
	assert_true(near(statistics[MASK_CORE], 1));
	assert_true(near(statistics[MASK_EXPECTED], 2 * (4 + 3 * p) / (7 + 4 + 3 * p + 2 * (1 - p))));
}

/* A mask smaller than its core, and one without pixels. */
static void
test_small_masks(void **state)
{
	const double entropy = -(0.8 * log(0.8) + 0.2 * log(0.2));
	double		statistics[MASK_STATISTICS];

	(void) state;
	assert_int_equal(measure(204, 0.25, statistics), 4);
	assert_true(near(statistics[MASK_CORE], 2 * 4.0 / (4 + 7)));
	assert_true(near(statistics[MASK_SCATTERED], 0));
	assert_int_equal(measure(255, 1, statistics), 0);
	assert_true(statistics[MASK_EXPECTED] == 0 && statistics[MASK_CORE] == 0 && statistics[MASK_AREA] == 0 &&
				statistics[MASK_SCATTERED] == 0);
	assert_true(near(statistics[MASK_DOUBT], 5 * entropy / 20 / sqrt(1.0 / 20)));
}

/* The sum, its bounds, and the expected Dice where nothing was fitted. */
static void
test_predicted_dice(void **state)
{
	static const double statistics[MASK_STATISTICS] = {0.75, 0.5, 0.25, 0.125, 0.0625};
	static const double empty[MASK_STATISTICS] = {[MASK_DOUBT] = 1};
	static const double unknown[TRAITS_DICE_COEFFICIENTS] = {0};
	static const double fitted[TRAITS_DICE_COEFFICIENTS] = {0.5, 0.25, 0.5, -1, -1, 2};

	(void) state;
	assert_true(mask_predicted_dice(unknown, statistics) == 0.75);
	assert_true(mask_predicted_dice(fitted, statistics) == 0.5 + 0.1875 + 0.25 - 0.25 - 0.125 + 0.125);
	assert_true(mask_predicted_dice((double[TRAITS_DICE_COEFFICIENTS]) {2}, statistics) == 1);
	assert_true(mask_predicted_dice((double[TRAITS_DICE_COEFFICIENTS]) {[5] = -1}, statistics) == 0);
	assert_true(mask_predicted_dice(fitted, empty) == 0);
	assert_true(mask_predicted_dice(unknown, empty) == 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statistics),
		cmocka_unit_test(test_calibrated),
		cmocka_unit_test(test_small_masks),
		cmocka_unit_test(test_predicted_dice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * fit.c: see fit.h.
 *
 * Images are looked at one by one, so that memory does not grow with their
 * size. There are two passes, because the expected Dice needs the threshold
 * and the temperature.
 */
#include "learn/fit.h"

#include <math.h>

#include "core/checked.h"
#include "infer/calibration.h"
#include "learn/threshold.h"

#define UNFITTED_THRESHOLD 0.5

/* What the first pass adds up. */
typedef struct FitSums
{
	ThresholdScores threshold;
	CalibrationCounts calibration;
} FitSums;

/* Convert probabilities to a map of 8 bits, 255 p. */
static void
probability_map(size_t pixels, const float *probabilities, uint8_t *map)
{
	for (size_t i = 0; i < pixels; i++)
		map[i] = (uint8_t) (int) (255 * probabilities[i] + 0.5f);
}

/* The first pass: score masks at all thresholds, and count how often each
 * probability is right. map: scratch for an image. */
static Status
sum_up(const FitImages *images, uint8_t *map, FitSums *sums)
{
	const float *probabilities;
	const uint8_t *mask;

	for (long i = 0; i < images->count; i++)
	{
		TRY(images->predict(images->data, i, &probabilities, &mask));
		threshold_add(&sums->threshold, images->pixels, probabilities, mask);
		probability_map(images->pixels, probabilities, map);
		calibration_add(&sums->calibration, images->pixels, map, mask);
	}
	return status_ok();
}

/* The second pass: the expected Dice of each image's mask. map and mask:
 * scratch for an image. */
static Status
expect_dice(const FitImages *images, const Traits *fitted, uint8_t *map, uint8_t *mask, double *expected)
{
	const float *probabilities;
	const uint8_t *truth;
	double		table[256];

	calibration_table(fitted->temperature, table);
	for (long i = 0; i < images->count; i++)
	{
		TRY(images->predict(images->data, i, &probabilities, &truth));
		probability_map(images->pixels, probabilities, map);
		for (size_t j = 0; j < images->pixels; j++)
			mask[j] = probabilities[j] > (float) fitted->threshold ? 255 : 0;
		expected[i] = calibration_expected_dice(images->pixels, map, mask, table);
	}
	return status_ok();
}

/* Round a fitted number as weight files store it. */
static double
four_digits(double number)
{
	return round(number * 1e4) / 1e4;
}

/* Run both passes. Scratch: the sums, one number for each image, and two
 * images. */
static Status
fit_in(void *scratch, const FitImages *images, double threshold, Traits *traits)
{
	FitSums    *sums = scratch;
	double	   *expected = (double *) (sums + 1);
	uint8_t    *map = (uint8_t *) (expected + images->count);

	TRY(sum_up(images, map, sums));
	if (threshold == 0)
		traits->threshold = threshold_best(&sums->threshold);
	if (images->count < CALIBRATION_MIN_IMAGES)
		return status_ok();
	traits->temperature = four_digits(calibration_temperature(&sums->calibration));
	TRY(expect_dice(images, traits, map, map + images->pixels, expected));
	traits->review_below = four_digits(calibration_review_below(expected, images->count));
	return status_ok();
}

Status
fit_run(const Call *call, const FitImages *images, double threshold, Traits *traits)
{
	size_t		maps;
	size_t		size;
	void	   *scratch;
	Status		status;

	traits->threshold = threshold > 0 ? threshold : UNFITTED_THRESHOLD;
	traits->temperature = CALIBRATION_TEMPERATURE;
	traits->review_below = CALIBRATION_REVIEW_BELOW;
	if (images->count == 0)
		return status_ok();
	if (!checked_mul(2, images->pixels, &maps) ||
		!checked_mul((size_t) images->count, sizeof(double), &size) ||
		!checked_add(size, sizeof(FitSums), &size) || !checked_add(size, maps, &size))
		return status_error(LS_LIMIT_EXCEEDED, "%ld images do not fit in memory", images->count);
	TRY(call_alloc_array(call, size, 1, &scratch));
	status = fit_in(scratch, images, threshold, traits);
	call_free(call, scratch);
	return status;
}

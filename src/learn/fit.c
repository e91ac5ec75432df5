/*
 * fit.c: see fit.h.
 *
 * Images are looked at one by one, so that memory does not grow with their
 * size. There are two passes, because the statistics of a mask need the
 * threshold and the temperature.
 */
#include "learn/fit.h"

#include <math.h>
#include <string.h>

#include "core/checked.h"
#include "infer/calibration.h"
#include "learn/dice_fit.h"
#include "learn/threshold.h"
#include "measure/score.h"

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

/* The pixels of an image. */
static size_t
pixels_of(const FitImages *images)
{
	return (size_t) images->size * (size_t) images->size;
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
		threshold_add(&sums->threshold, pixels_of(images), probabilities, mask);
		probability_map(pixels_of(images), probabilities, map);
		calibration_add(&sums->calibration, pixels_of(images), map, mask);
	}
	return status_ok();
}

/* The second pass: the statistics of each image's mask, and its Dice. map and
 * mask: scratch for an image. */
static Status
measure_masks(const Call *call, const FitImages *images, const Traits *fitted, uint8_t *map, uint8_t *mask,
			  DiceFitImage *measured)
{
	Image		map_image = {images->size, images->size, 1, map};
	Image		mask_image = {images->size, images->size, 1, mask};
	const float *probabilities;
	const uint8_t *truth;
	double		table[256];

	calibration_table(fitted->temperature, table);
	for (long i = 0; i < images->count; i++)
	{
		ConfusionCounts counts;
		Image		truth_image = {images->size, images->size, 1, NULL};

		TRY(images->predict(images->data, i, &probabilities, &truth));
		truth_image.pixels = (uint8_t *) truth;
		probability_map(pixels_of(images), probabilities, map);
		for (size_t j = 0; j < pixels_of(images); j++)
			mask[j] = probabilities[j] > (float) fitted->threshold ? 255 : 0;
		TRY(confusion_count(call, &mask_image, &truth_image, &counts));
		measured[i].dice = image_score(&counts).dice;
		TRY(mask_statistics(call, &map_image, &mask_image, table, measured[i].statistics));
	}
	return status_ok();
}

/* Round a fitted number as weight files store it. */
static double
four_digits(double number)
{
	return round(number * 1e4) / 1e4;
}

/* Fit the coefficients, and the review threshold to the Dice that they foretell.
 * predicted: scratch, a number for each image. */
static void
fit_trust(long count, const DiceFitImage *measured, double *predicted, Traits *traits)
{
	dice_fit(count, measured, traits->dice_coefficients);
	for (long i = 0; i < count; i++)
		predicted[i] = mask_predicted_dice(traits->dice_coefficients, measured[i].statistics);
	traits->review_below = fmax(four_digits(calibration_review_below(predicted, count)), CALIBRATION_REVIEW_LEAST);
}

/* Run both passes. Scratch: the sums, what is measured and predicted of each
 * image, and two images. */
static Status
fit_in(const Call *call, void *scratch, const FitImages *images, double threshold, Traits *traits)
{
	FitSums    *sums = scratch;
	DiceFitImage *measured = (DiceFitImage *) (sums + 1);
	double	   *predicted = (double *) (measured + images->count);
	uint8_t    *map = (uint8_t *) (predicted + images->count);

	TRY(sum_up(images, map, sums));
	if (threshold == 0)
		traits->threshold = threshold_best(&sums->threshold);
	if (images->count < CALIBRATION_MIN_IMAGES)
		return status_ok();
	traits->temperature = four_digits(calibration_temperature(&sums->calibration));
	TRY(measure_masks(call, images, traits, map, map + pixels_of(images), measured));
	fit_trust(images->count, measured, predicted, traits);
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
	memset(traits->dice_coefficients, 0, sizeof traits->dice_coefficients);
	traits->review_below = CALIBRATION_REVIEW_BELOW;
	if (images->count == 0)
		return status_ok();
	if (!checked_mul(2, pixels_of(images), &maps) ||
		!checked_mul((size_t) images->count, sizeof(DiceFitImage) + sizeof(double), &size) ||
		!checked_add(size, sizeof(FitSums), &size) || !checked_add(size, maps, &size))
		return status_error(LS_LIMIT_EXCEEDED, "%ld images do not fit in memory", images->count);
	TRY(call_alloc_array(call, size, 1, &scratch));
	status = fit_in(call, scratch, images, threshold, traits);
	call_free(call, scratch);
	return status;
}

/*
 * calibration.c: see calibration.h.
 */
#include "infer/calibration.h"

#include <math.h>
#include <stdlib.h>

#define COLDEST 0.2
#define HOTTEST 5.0
#define SEARCH_STEPS 40

/* Ratio of the golden section. */
#define GOLDEN 0.6180339887498949

void
calibration_add(CalibrationCounts *counts, size_t pixels, const uint8_t *map, const uint8_t *truth)
{
	for (size_t i = 0; i < pixels; i++)
		counts->pixels[map[i]][truth[i] != 0]++;
}

/* log(p / (1 - p)) of an 8-bit probability between 0 and 255. */
static double
logit_of_byte(int value)
{
	return log(value / (255.0 - value));
}

/* Minus the log likelihood of the true masks at a temperature. */
static double
calibration_loss(const CalibrationCounts *counts, double temperature)
{
	double		sum = 0;

	for (int value = 1; value < 255; value++)
	{
		double		z = logit_of_byte(value) / temperature;

		sum += (double) counts->pixels[value][1] * log1p(exp(-z)) + (double) counts->pixels[value][0] * log1p(exp(z));
	}
	return sum;
}

double
calibration_temperature(const CalibrationCounts *counts)
{
	double		low = log(COLDEST);
	double		high = log(HOTTEST);
	int64_t		pixels = 0;

	for (int value = 1; value < 255; value++)
		pixels += counts->pixels[value][0] + counts->pixels[value][1];
	if (pixels == 0)
		return CALIBRATION_TEMPERATURE;

	/* The loss is convex in 1 / temperature, so it has one minimum. */
	for (int step = 0; step < SEARCH_STEPS; step++)
	{
		double		left = high - GOLDEN * (high - low);
		double		right = low + GOLDEN * (high - low);

		if (calibration_loss(counts, exp(left)) < calibration_loss(counts, exp(right)))
			high = right;
		else
			low = left;
	}
	return exp((low + high) / 2);
}

void
calibration_table(double temperature, double table[256])
{
	table[0] = 0;
	table[255] = 1;
	for (int value = 1; value < 255; value++)
		table[value] = temperature == 1 ? value / 255.0 : 1 / (1 + exp(-logit_of_byte(value) / temperature));
}

double
calibration_expected_dice(size_t pixels, const uint8_t *map, const uint8_t *mask, const double table[256])
{
	int64_t		counts[256][2] = {{0}};
	double		inside = 0;
	double		all = 0;
	int64_t		lesion = 0;

	for (size_t i = 0; i < pixels; i++)
		counts[map[i]][mask[i] != 0]++;
	for (int value = 0; value < 256; value++)
	{
		inside += (double) counts[value][1] * table[value];
		all += (double) (counts[value][0] + counts[value][1]) * table[value];
		lesion += counts[value][1];
	}
	return lesion == 0 ? 0 : 2 * inside / ((double) lesion + all);
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

double
calibration_review_below(double *expected, long images)
{
	if (images < CALIBRATION_MIN_IMAGES)
		return CALIBRATION_REVIEW_BELOW;
	qsort(expected, (size_t) images, sizeof *expected, compare_doubles);
	return expected[(long) (CALIBRATION_REVIEW_SHARE * (double) images)];
}

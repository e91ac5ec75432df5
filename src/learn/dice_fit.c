/*
 * dice_fit.c: see dice_fit.h.
 */
#include "learn/dice_fit.h"

#include <math.h>
#include <string.h>

/* A statistic that differs by less than this between images says nothing. */
#define SMALLEST_DEVIATION 1e-9

/* Mean and standard deviation of each statistic, and the mean of what the
 * expected Dice is off. */
typedef struct Moments
{
	double		mean[MASK_STATISTICS];
	double		deviation[MASK_STATISTICS];
	double		off;
} Moments;

/* What the expected Dice of an image is off. */
static double
dice_off(const DiceFitImage *image)
{
	return image->dice - image->statistics[MASK_EXPECTED];
}

static void
find_moments(long count, const DiceFitImage *images, Moments *moments)
{
	memset(moments, 0, sizeof *moments);
	for (long i = 0; i < count; i++)
	{
		moments->off += dice_off(&images[i]) / (double) count;
		for (int j = 0; j < MASK_STATISTICS; j++)
			moments->mean[j] += images[i].statistics[j] / (double) count;
	}
	for (int j = 0; j < MASK_STATISTICS; j++)
	{
		double		squares = 0;

		for (long i = 0; i < count; i++)
			squares += (images[i].statistics[j] - moments->mean[j]) * (images[i].statistics[j] - moments->mean[j]);
		moments->deviation[j] = sqrt(squares / (double) count);
	}
}

/* A statistic of an image, less its mean and over its deviation. */
static double
standardised(const DiceFitImage *image, const Moments *moments, int j)
{
	if (moments->deviation[j] < SMALLEST_DEVIATION)
		return 0;
	return (image->statistics[j] - moments->mean[j]) / moments->deviation[j];
}

/* Add up the normal equations: matrix x = right. */
static void
add_up(long count, const DiceFitImage *images, const Moments *moments,
	   double matrix[MASK_STATISTICS][MASK_STATISTICS], double right[MASK_STATISTICS])
{
	memset(right, 0, MASK_STATISTICS * sizeof *right);
	memset(matrix, 0, MASK_STATISTICS * sizeof *matrix);
	for (long i = 0; i < count; i++)
		for (int j = 0; j < MASK_STATISTICS; j++)
		{
			double		x = standardised(&images[i], moments, j);

			right[j] += x * (dice_off(&images[i]) - moments->off);
			for (int k = 0; k < MASK_STATISTICS; k++)
				matrix[j][k] += x * standardised(&images[i], moments, k);
		}
	for (int j = 0; j < MASK_STATISTICS; j++)
		matrix[j][j] += DICE_FIT_RIDGE;
}

/* Solve matrix x = right in place by elimination; right becomes x. The ridge
 * makes the matrix positive definite, so no pivot is near 0. */
static void
solve(double matrix[MASK_STATISTICS][MASK_STATISTICS], double right[MASK_STATISTICS])
{
	for (int j = 0; j < MASK_STATISTICS; j++)
		for (int i = j + 1; i < MASK_STATISTICS; i++)
		{
			double		factor = matrix[i][j] / matrix[j][j];

			right[i] -= factor * right[j];
			for (int k = j; k < MASK_STATISTICS; k++)
				matrix[i][k] -= factor * matrix[j][k];
		}
	for (int j = MASK_STATISTICS - 1; j >= 0; j--)
	{
		for (int k = j + 1; k < MASK_STATISTICS; k++)
			right[j] -= matrix[j][k] * right[k];
		right[j] /= matrix[j][j];
	}
}

/* Round a coefficient, so that a weight file holds all of it. */
static double
six_digits(double number)
{
	return round(number * 1e6) / 1e6;
}

void
dice_fit(long count, const DiceFitImage *images, double coefficients[TRAITS_DICE_COEFFICIENTS])
{
	Moments		moments;
	double		matrix[MASK_STATISTICS][MASK_STATISTICS];
	double		slopes[MASK_STATISTICS];
	double		constant;

	memset(coefficients, 0, TRAITS_DICE_COEFFICIENTS * sizeof *coefficients);
	if (count < DICE_FIT_MIN_IMAGES)
		return;
	find_moments(count, images, &moments);
	add_up(count, images, &moments, matrix, slopes);
	solve(matrix, slopes);
	constant = moments.off;
	for (int j = 0; j < MASK_STATISTICS; j++)
	{
		double		slope = moments.deviation[j] < SMALLEST_DEVIATION ? 0 : slopes[j] / moments.deviation[j];

		constant -= slope * moments.mean[j];
		coefficients[1 + j] = six_digits(slope + (j == MASK_EXPECTED));
	}
	coefficients[0] = six_digits(constant);
}

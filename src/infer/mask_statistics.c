/*
 * mask_statistics.c: see mask_statistics.h.
 */
#include "infer/mask_statistics.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "infer/calibration.h"
#include "measure/components.h"

static_assert(TRAITS_DICE_COEFFICIENTS == 1 + MASK_STATISTICS, "a constant and one coefficient for each statistic");

/* -(p log p + (1 - p) log(1 - p)). */
static double
entropy(double p)
{
	return p > 0 && p < 1 ? -(p * log(p) + (1 - p) * log1p(-p)) : 0;
}

static int64_t
lesion_pixels(const Image *mask)
{
	size_t		pixels = (size_t) mask->width * (size_t) mask->height;
	int64_t		lesion = 0;

	for (size_t i = 0; i < pixels; i++)
		lesion += mask->pixels[i] != 0;
	return lesion;
}

Status
mask_statistics(const Call *call, const Image *map, Image *mask, const double table[256],
				double statistics[MASK_STATISTICS])
{
	size_t		pixels = (size_t) map->width * (size_t) map->height;
	double		area = (double) lesion_pixels(mask);
	int64_t		counts[256] = {0};
	double		core = 0;
	double		doubt = 0;

	for (size_t i = 0; i < pixels; i++)
		counts[map->pixels[i]]++;
	for (int value = 0; value < 256; value++)
	{
		if (table[value] > MASK_CORE_ABOVE)
			core += (double) counts[value];
		doubt += (double) counts[value] * entropy(table[value]);
	}
	statistics[MASK_EXPECTED] = calibration_expected_dice(pixels, map->pixels, mask->pixels, table);
	statistics[MASK_CORE] = area == 0 ? 0 : 2 * fmin(area, core) / (area + core);
	/* An empty mask counts as one of one pixel. */
	statistics[MASK_DOUBT] = doubt / (double) pixels / sqrt(fmax(area, 1) / (double) pixels);
	statistics[MASK_AREA] = area / (double) pixels;
	statistics[MASK_SCATTERED] = 0;
	if (area == 0)
		return status_ok();
	TRY(mask_keep_largest(call, mask));
	statistics[MASK_SCATTERED] = 1 - (double) lesion_pixels(mask) / area;
	return status_ok();
}

double
mask_predicted_dice(const double coefficients[TRAITS_DICE_COEFFICIENTS], const double statistics[MASK_STATISTICS])
{
	double		dice = coefficients[0];
	bool		fitted = coefficients[0] != 0;

	if (statistics[MASK_AREA] == 0)
		return 0;
	for (int i = 0; i < MASK_STATISTICS; i++)
	{
		dice += coefficients[1 + i] * statistics[i];
		fitted = fitted || coefficients[1 + i] != 0;
	}
	return fitted ? fmin(fmax(dice, 0), 1) : statistics[MASK_EXPECTED];
}

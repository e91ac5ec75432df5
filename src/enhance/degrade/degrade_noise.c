/*
 * degrade_noise.c: noise of the sensor.
 *
 * A sample's noise is a hash of its place, so the order of work does not
 * matter. The sum of a hash's four bytes is bell-shaped, within 3.5 standard
 * deviations of its mean, and takes only a few multiplications.
 */
#include <math.h>

#include "enhance/degrade/degrade_kinds.h"
#include "image/noise.h"

#define BELL_MEAN 510			/* of a sum of four bytes */
#define FRACTION 16				/* sigmas are in 1/16 grey level */

/* Add noise; sigma depends on the sample's value. */
static Status
add_noise(const Call *call, const int *sigma_of, Rng *rng, Image *image)
{
	uint32_t	seed = (uint32_t) rng_next(rng);
	int			samples = (int) samples_in_row(image);

	for (int y = 0; y < image->height; y++)
	{
		uint8_t    *row = image->pixels + (size_t) y * (size_t) samples;

		TRY(call_poll(call));
		for (int i = 0; i < samples; i++)
		{
			uint32_t	h = noise_hash(seed, i, y);
			int			bell = (int) ((h & 255) + (h >> 8 & 255) + (h >> 16 & 255) + (h >> 24)) - BELL_MEAN;

			/* the shift rounds to nearest for either sign; 7085 / 2^20 = 1 / 148, where
			 * 148 is the standard deviation of a sum of four bytes */
			row[i] = to_byte(row[i] + ((bell * sigma_of[row[i]] / FRACTION * 7085 + (1 << 19)) >> 20));
		}
	}
	return status_ok();
}

Status
degrade_noise(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int sigmas[DEGRADE_SEVERITY_MAX] = {3, 5, 7, 9, 12};
	int			sigma_of[256];

	for (int v = 0; v < 256; v++)
		sigma_of[v] = sigmas[severity - 1] * FRACTION;
	return add_noise(call, sigma_of, rng, image);
}

/* A sample v means v / 255 * photons photons; the standard deviation of their
 * number is its square root (Poisson). */
Status
degrade_shot_noise(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int photons_at_white[DEGRADE_SEVERITY_MAX] = {5100, 1840, 940, 500, 280};
	int			sigma_of[256];

	for (int v = 0; v < 256; v++)
		sigma_of[v] = (int) (sqrt((double) (255 * FRACTION * FRACTION * v) / photons_at_white[severity - 1]) + 0.5);
	return add_noise(call, sigma_of, rng, image);
}

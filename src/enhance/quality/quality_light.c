/*
 * quality_light.c: brightness, contrast, unevenness and colour of the light.
 *
 * The frame is small (a shorter side of 256 at most), so threads would not
 * pay.
 */
#include <math.h>
#include <string.h>

#include "enhance/quality/light_surface.h"
#include "enhance/quality/quality_parts.h"

#define RIM_SHARE 0.1			/* below this share of the light it is the lens's rim, not skin */

/* The luma below which `share` of all pixels lie, 0..1. */
static double
percentile(const uint32_t counts[256], uint32_t all, double share)
{
	double		wanted = share * all;
	double		below = 0;

	for (int v = 0; v < 256; v++)
	{
		if (below + counts[v] >= wanted && counts[v] > 0)
			return v / 255.0;
		below += counts[v];
	}
	return 1;
}

/* Sums over the frame. */
typedef struct LightSums
{
	uint32_t	counts[256];	/* of luma */
	double		colour[3];		/* of pixels neither black nor burnt out */
	double		saturation;
	double		coloured;		/* number of pixels in these sums */
} LightSums;

static void
sum_row(const Image *frame, int y, LightSums *sums)
{
	const uint8_t *pixel = frame->pixels + (size_t) y * (size_t) frame->width * (size_t) frame->channels;

	for (int x = 0; x < frame->width; x++, pixel += frame->channels)
	{
		int			luma = frame->channels == 1 ? pixel[0] : luma_of(pixel);

		sums->counts[luma]++;
		if (frame->channels == 3 && luma > LIGHT_BLACK / 2 && luma < 250)
		{
			int			most = pixel[0] > pixel[1] ? pixel[0] : pixel[1];
			int			least = pixel[0] < pixel[1] ? pixel[0] : pixel[1];

			most = most > pixel[2] ? most : pixel[2];
			least = least < pixel[2] ? least : pixel[2];
			sums->saturation += (double) (most - least) / most;
			for (int c = 0; c < 3; c++)
				sums->colour[c] += pixel[c];
			sums->coloured++;
		}
	}
}

void
quality_luma_moments(const Image *frame, double *mean, double *stddev)
{
	size_t		pixels = (size_t) frame->width * (size_t) frame->height;
	uint32_t	counts[256] = {0};
	double		n = 0;
	double		sum = 0;
	double		squares = 0;
	double		rim;

	for (size_t i = 0; i < pixels; i++)
	{
		const uint8_t *pixel = frame->pixels + i * (size_t) frame->channels;

		counts[frame->channels == 1 ? pixel[0] : luma_of(pixel)]++;
	}
	rim = RIM_SHARE * 255 * percentile(counts, (uint32_t) pixels, 0.95);
	for (int v = 0; v < 256; v++)
	{
		if (v < rim)
			continue;
		n += counts[v];
		sum += (double) v * counts[v];
		squares += (double) v * v * counts[v];
	}
	*mean = n > 0 ? sum / n : 0;
	*stddev = n > 0 ? sqrt(fmax(0, squares / n - *mean * *mean)) : 0;
}

void
quality_mean_colour(const Image *frame, double colour[3])
{
	LightSums	sums;

	memset(&sums, 0, sizeof sums);
	for (int y = 0; y < frame->height; y++)
		sum_row(frame, y, &sums);
	for (int c = 0; c < 3; c++)
		colour[c] = sums.coloured > 0 ? sums.colour[c] / sums.coloured : 0;
}

Status
quality_light(const Call *call, const Image *frame, Quality *quality)
{
	LightSums	sums;
	LightSurface surface;
	double		sum = 0;
	double		mean;
	uint32_t	all = (uint32_t) frame->width * (uint32_t) frame->height;

	memset(&sums, 0, sizeof sums);
	for (int y = 0; y < frame->height; y++)
		sum_row(frame, y, &sums);
	TRY(call_poll(call));

	for (int v = 0; v < 256; v++)
		sum += (double) v * sums.counts[v];
	quality->brightness = sum / all / 255;
	quality->contrast = percentile(sums.counts, all, 0.95) - percentile(sums.counts, all, 0.05);
	quality_luma_moments(frame, &mean, &quality->luma_stddev);
	light_surface_fit(frame, &surface);
	if (surface.high > 0)
	{
		quality->unevenness = (surface.high - surface.low) / surface.high;
		quality->slope = fmin(1, 2 * hypot(surface.terms[1], surface.terms[2]) / surface.high);
	}
	if (sums.coloured > 0)
	{
		double		red = log((sums.colour[0] + 1) / (sums.colour[1] + 1));
		double		blue = log((sums.colour[2] + 1) / (sums.colour[1] + 1));

		quality->saturation = sums.saturation / sums.coloured;
		quality->colour_cast = hypot(red - SKIN_RED, blue - SKIN_BLUE);
	}
	return status_ok();
}

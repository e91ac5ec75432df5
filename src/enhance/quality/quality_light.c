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

#define BURNT 250
#define RIM_SHARE 0.1			/* below this share of the light it is the lens's rim, not skin */

/* The level below which `share` of all counted pixels lie, 0..1. */
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
	uint32_t	least[256];		/* of a pixel's least channel */
	uint32_t	most[256];		/* and of its greatest */
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
		int			most = pixel[0];
		int			least = pixel[0];

		for (int c = 1; c < frame->channels; c++)
		{
			most = most > pixel[c] ? most : pixel[c];
			least = least < pixel[c] ? least : pixel[c];
		}
		sums->counts[luma]++;
		sums->least[least]++;
		sums->most[most]++;
		if (frame->channels == 3 && luma > LIGHT_BLACK / 2 && luma < BURNT)
		{
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

/* Sum of each channel over the brighter half of an RGB frame, which is skin
 * rather than lesion, without what is burnt out. */
static void
sum_skin(const Image *frame, int median, double sums[3])
{
	size_t		pixels = (size_t) frame->width * (size_t) frame->height;

	sums[0] = sums[1] = sums[2] = 0;
	for (size_t i = 0; i < pixels; i++)
	{
		const uint8_t *pixel = frame->pixels + 3 * i;

		if (luma_of(pixel) < median || pixel[0] >= BURNT || pixel[1] >= BURNT || pixel[2] >= BURNT)
			continue;
		for (int c = 0; c < 3; c++)
			sums[c] += pixel[c];
	}
}

/* The ratios of a sum of pixels. */
static ColourRatios
ratios_of(const double sums[3])
{
	return (ColourRatios) {log((sums[0] + 1) / (sums[1] + 1)), log((sums[2] + 1) / (sums[1] + 1))};
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
	quality->black = percentile(sums.least, all, 0.01);
	quality->white = percentile(sums.most, all, 0.99);
	quality_luma_moments(frame, &mean, &quality->luma_stddev);
	light_surface_fit(frame, &surface);
	if (surface.high > 0)
	{
		quality->unevenness = (surface.high - surface.low) / surface.high;
		quality->slope = fmin(1, 2 * hypot(surface.terms[1], surface.terms[2]) / surface.high);
	}
	if (sums.coloured > 0)
	{
		double		skin[3];

		quality->saturation = sums.saturation / sums.coloured;
		quality->colour = ratios_of(sums.colour);
		quality->colour_cast = hypot(quality->colour.red - SKIN_RED, quality->colour.blue - SKIN_BLUE);
		sum_skin(frame, (int) (255 * percentile(sums.counts, all, 0.5) + 0.5), skin);
		quality->skin_colour = ratios_of(skin);
	}
	return status_ok();
}

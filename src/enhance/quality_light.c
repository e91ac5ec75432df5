/*
 * quality_light.c: brightness, contrast, unevenness and colour of the light.
 *
 * The frame is small (a shorter side of 256 at most), so nothing here is
 * worth a thread.
 */
#include <math.h>
#include <string.h>

#include "enhance/quality_parts.h"

#define CELLS 16				/* cells each way that the surface is fitted to */
#define TERMS 6					/* 1, x, y, x^2, x y, y^2 */
#define ROUNDS 5				/* of reweighting */
#define BLACK 16				/* luma up to which a cell is the lens's rim, not skin */

/* Skin in white light: mean log R/G and log B/G of dermoscopic photographs. */
#define SKIN_RED 0.30
#define SKIN_BLUE -0.04

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

/* Solve a x = b for symmetric positive a, by Gaussian elimination without
 * pivots; the little that is added to the diagonal keeps it regular. */
static void
solve(double a[TERMS][TERMS], double b[TERMS], double x[TERMS])
{
	for (int i = 0; i < TERMS; i++)
		a[i][i] += 1e-9;
	for (int i = 0; i < TERMS; i++)
	{
		for (int j = i + 1; j < TERMS; j++)
		{
			double		factor = a[j][i] / a[i][i];

			for (int k = i; k < TERMS; k++)
				a[j][k] -= factor * a[i][k];
			b[j] -= factor * b[i];
		}
	}
	for (int i = TERMS - 1; i >= 0; i--)
	{
		x[i] = b[i];
		for (int k = i + 1; k < TERMS; k++)
			x[i] -= a[i][k] * x[k];
		x[i] /= a[i][i];
	}
}

/* The terms of the surface at cell (i, j), in -1 .. 1. */
static void
terms_at(int i, int j, double terms[TERMS])
{
	double		x = (2 * i + 1.0) / CELLS - 1;
	double		y = (2 * j + 1.0) / CELLS - 1;

	terms[0] = 1;
	terms[1] = x;
	terms[2] = y;
	terms[3] = x * x;
	terms[4] = x * y;
	terms[5] = y * y;
}

static double
dot(const double a[TERMS], const double b[TERMS])
{
	double		sum = 0;

	for (int i = 0; i < TERMS; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Fit the light of cells. Cells that lie below the surface of the round
 * before by more than a tenth of the light count less (Cauchy's weight);
 * black ones never count. */
static void
fit_light(double cells[CELLS][CELLS], double surface[TERMS])
{
	double		scale = 0;
	double		peak = 0;

	for (int j = 0; j < CELLS; j++)
		for (int i = 0; i < CELLS; i++)
			peak = fmax(peak, cells[j][i]);
	scale = 0.1 * peak + 1;
	memset(surface, 0, TERMS * sizeof(double));
	for (int round = 0; round < ROUNDS; round++)
	{
		double		a[TERMS][TERMS] = {{0}};
		double		b[TERMS] = {0};

		for (int j = 0; j < CELLS; j++)
		{
			for (int i = 0; i < CELLS; i++)
			{
				double		terms[TERMS];
				double		residual;
				double		weight = 1;

				if (cells[j][i] <= BLACK && peak > 2 * BLACK)
					continue;
				terms_at(i, j, terms);
				residual = cells[j][i] - dot(surface, terms);
				if (round > 0 && residual < 0)
					weight = 1 / (1 + residual * residual / (scale * scale));
				for (int m = 0; m < TERMS; m++)
				{
					for (int n = 0; n < TERMS; n++)
						a[m][n] += weight * terms[m] * terms[n];
					b[m] += weight * terms[m] * cells[j][i];
				}
			}
		}
		solve(a, b, surface);
	}
}

/* Unevenness and slope from the light of the cells. */
static void
judge_light(double cells[CELLS][CELLS], Quality *quality)
{
	double		surface[TERMS];
	double		high = 0;
	double		low = 1e9;

	fit_light(cells, surface);
	for (int j = 0; j < CELLS; j++)
	{
		for (int i = 0; i < CELLS; i++)
		{
			double		terms[TERMS];
			double		light;

			terms_at(i, j, terms);
			light = fmax(0, dot(surface, terms));
			high = fmax(high, light);
			low = fmin(low, light);
		}
	}
	quality->unevenness = high > 0 ? (high - low) / high : 0;
	quality->slope = high > 0 ? fmin(1, 2 * hypot(surface[1], surface[2]) / high) : 0;
}

/* Sums over the frame. */
typedef struct LightSums
{
	uint32_t	counts[256];	/* of luma */
	double		cells[CELLS][CELLS];	/* sums of luma */
	double		pixels[CELLS][CELLS];
	double		colour[3];		/* of pixels neither black nor burnt out */
	double		saturation;
	double		coloured;		/* how many those are */
} LightSums;

static void
sum_row(const Image *frame, int y, LightSums *sums)
{
	const uint8_t *pixel = frame->pixels + (size_t) y * (size_t) frame->width * (size_t) frame->channels;
	int			j = (int) ((int64_t) y * CELLS / frame->height);

	for (int x = 0; x < frame->width; x++, pixel += frame->channels)
	{
		int			luma = frame->channels == 1 ? pixel[0] : luma_of(pixel);
		int			i = (int) ((int64_t) x * CELLS / frame->width);

		sums->counts[luma]++;
		sums->cells[j][i] += luma;
		sums->pixels[j][i]++;
		if (frame->channels == 3 && luma > BLACK / 2 && luma < 250)
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

Status
quality_light(const HostContext *host, const Image *frame, Quality *quality)
{
	LightSums	sums;
	double		sum = 0;
	uint32_t	all = (uint32_t) frame->width * (uint32_t) frame->height;

	memset(&sums, 0, sizeof sums);
	for (int y = 0; y < frame->height; y++)
		sum_row(frame, y, &sums);
	TRY(host_poll(host));

	for (int v = 0; v < 256; v++)
		sum += (double) v * sums.counts[v];
	quality->brightness = sum / all / 255;
	quality->darkest = percentile(sums.counts, all, 0.05);
	quality->contrast = percentile(sums.counts, all, 0.95) - quality->darkest;
	for (int j = 0; j < CELLS; j++)
	{
		for (int i = 0; i < CELLS; i++)
		{
			/* a frame of fewer pixels than cells repeats the pixel to the left or above */
			if (sums.pixels[j][i] > 0)
				sums.cells[j][i] /= sums.pixels[j][i];
			else
				sums.cells[j][i] = i > 0 ? sums.cells[j][i - 1] : j > 0 ? sums.cells[j - 1][i] : 0;
		}
	}
	judge_light(sums.cells, quality);
	if (sums.coloured > 0)
	{
		double		red = log((sums.colour[0] + 1) / (sums.colour[1] + 1));
		double		blue = log((sums.colour[2] + 1) / (sums.colour[1] + 1));

		quality->saturation = sums.saturation / sums.coloured;
		quality->colour_cast = hypot(red - SKIN_RED, blue - SKIN_BLUE);
	}
	return status_ok();
}

/*
 * light_surface.c: see light_surface.h.
 */
#include "enhance/quality/light_surface.h"

#include <math.h>
#include <string.h>

#include "enhance/quality/quality_parts.h"

#define CELLS LIGHT_CELLS
#define ROUNDS 5				/* rounds of reweighting */

/* Solve a x = b for symmetric positive a, by Gaussian elimination without
 * pivots; a small addition to the diagonal keeps it regular. */
static void
solve_surface(double a[LIGHT_TERMS][LIGHT_TERMS], double b[LIGHT_TERMS], double x[LIGHT_TERMS])
{
	for (int i = 0; i < LIGHT_TERMS; i++)
		a[i][i] += 1e-9;
	for (int i = 0; i < LIGHT_TERMS; i++)
	{
		for (int j = i + 1; j < LIGHT_TERMS; j++)
		{
			double		factor = a[j][i] / a[i][i];

			for (int k = i; k < LIGHT_TERMS; k++)
				a[j][k] -= factor * a[i][k];
			b[j] -= factor * b[i];
		}
	}
	for (int i = LIGHT_TERMS - 1; i >= 0; i--)
	{
		x[i] = b[i];
		for (int k = i + 1; k < LIGHT_TERMS; k++)
			x[i] -= a[i][k] * x[k];
		x[i] /= a[i][i];
	}
}

/* The terms of the surface at cell (i, j), in -1 .. 1. */
static void
terms_at(int i, int j, double terms[LIGHT_TERMS])
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
dot_product(const double a[LIGHT_TERMS], const double b[LIGHT_TERMS])
{
	double		sum = 0;

	for (int i = 0; i < LIGHT_TERMS; i++)
		sum += a[i] * b[i];
	return sum;
}

/* Fit the light of cells. Cells more than a tenth below the surface of the
 * last round get a smaller weight (Cauchy's); black ones get none. */
static void
fit_light(double cells[CELLS][CELLS], double surface[LIGHT_TERMS])
{
	double		scale = 0;
	double		peak = 0;

	for (int j = 0; j < CELLS; j++)
		for (int i = 0; i < CELLS; i++)
			peak = fmax(peak, cells[j][i]);
	scale = 0.1 * peak + 1;
	memset(surface, 0, LIGHT_TERMS * sizeof(double));
	for (int round = 0; round < ROUNDS; round++)
	{
		double		a[LIGHT_TERMS][LIGHT_TERMS] = {{0}};
		double		b[LIGHT_TERMS] = {0};

		for (int j = 0; j < CELLS; j++)
		{
			for (int i = 0; i < CELLS; i++)
			{
				double		terms[LIGHT_TERMS];
				double		residual;
				double		weight = 1;

				if (cells[j][i] <= LIGHT_BLACK && peak > 2 * LIGHT_BLACK)
					continue;
				terms_at(i, j, terms);
				residual = cells[j][i] - dot_product(surface, terms);
				if (round > 0 && residual < 0)
					weight = 1 / (1 + residual * residual / (scale * scale));
				for (int m = 0; m < LIGHT_TERMS; m++)
				{
					for (int n = 0; n < LIGHT_TERMS; n++)
						a[m][n] += weight * terms[m] * terms[n];
					b[m] += weight * terms[m] * cells[j][i];
				}
			}
		}
		solve_surface(a, b, surface);
	}
}

/* Mean luma of each cell. */
static void
measure_cells(const Image *frame, double cells[CELLS][CELLS])
{
	double		pixels[CELLS][CELLS] = {{0}};

	memset(cells, 0, CELLS * CELLS * sizeof(double));
	for (int y = 0; y < frame->height; y++)
	{
		const uint8_t *pixel = frame->pixels + (size_t) y * (size_t) frame->width * (size_t) frame->channels;
		int			j = (int) ((int64_t) y * CELLS / frame->height);
		int			x = 0;

		for (int i = 0; i < CELLS; i++)
		{
			int			first = x;
			/* the first x of which x * CELLS / width is above i */
			int			end = (int) (((int64_t) (i + 1) * frame->width + CELLS - 1) / CELLS);
			int			sum = 0;

			for (; x < end; x++, pixel += frame->channels)
				sum += frame->channels == 1 ? pixel[0] : luma_of(pixel);
			cells[j][i] += sum;
			pixels[j][i] += end - first;
		}
	}
	for (int j = 0; j < CELLS; j++)
	{
		for (int i = 0; i < CELLS; i++)
		{
			/* with fewer pixels than cells, use the pixel to the left or
			 * above */
			if (pixels[j][i] > 0)
				cells[j][i] /= pixels[j][i];
			else
				cells[j][i] = i > 0 ? cells[j][i - 1] : j > 0 ? cells[j - 1][i] : 0;
		}
	}
}

void
light_surface_fit(const Image *frame, LightSurface *surface)
{
	double		cells[CELLS][CELLS];

	measure_cells(frame, cells);
	fit_light(cells, surface->terms);
	surface->high = 0;
	surface->low = 1e9;
	for (int j = 0; j < CELLS; j++)
	{
		for (int i = 0; i < CELLS; i++)
		{
			double		terms[LIGHT_TERMS];
			double		light;

			terms_at(i, j, terms);
			light = fmax(0, dot_product(surface->terms, terms));
			surface->high = fmax(surface->high, light);
			surface->low = fmin(surface->low, light);
			surface->excess[j][i] = (float) fmax(0, cells[j][i] - light);
		}
	}
}

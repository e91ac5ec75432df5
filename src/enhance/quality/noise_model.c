/*
 * noise_model.c: see noise_model.h. Each thread has its own tallies; counts
 * are integers, so their sum does not depend on the number of threads.
 */
#include "enhance/quality/noise_model.h"

#include <math.h>
#include <string.h>

#include "core/threads.h"
#include "enhance/quality/quality_parts.h"

#define BINS 16					/* bins of local mean */
#define BIN_PIXELS 150			/* least pixels of a bin that is used */
#define ROWS_AT_ONCE 64			/* between two polls, and read by one thread at a time */
#define SAMPLED_PIXELS 400000	/* in larger images, only some rows are read */

typedef struct NoiseTally
{
	uint32_t	counts[BINS][RESPONSES];
} NoiseTally;

typedef struct NoiseRows
{
	const Image *image;
	long		step;			/* every step-th row is read */
	NoiseTally *tallies;		/* one per thread */
	uint8_t    *lumas;			/* 3 rows per thread */
} NoiseRows;

/* Luma of a row. */
static void
luma_row(const Image *image, long y, uint8_t *luma)
{
	const uint8_t *row = image->pixels + (size_t) y * (size_t) image->width * (size_t) image->channels;

	if (image->channels == 1)
	{
		memcpy(luma, row, (size_t) image->width);
		return;
	}
	for (int x = 0; x < image->width; x++)
		luma[x] = (uint8_t) luma_of(row + 3 * x);
}

/* Count the responses of one row by their local mean. */
static void
count_row(const uint8_t *above, const uint8_t *row, const uint8_t *below, int width, NoiseTally *tally)
{
	for (int x = 1; x + 1 < width; x++)
	{
		int			sum = above[x - 1] + above[x] + above[x + 1] + row[x - 1] + row[x] + row[x + 1] +
			below[x - 1] + below[x] + below[x + 1];

		if (row[x] < 1 || row[x] > 254)
			continue;			/* clipped values lack a part of their noise */
		tally->counts[sum * BINS / (9 * 256)][quality_response(above + x, row + x, below + x)]++;
	}
}

/* Count sampled rows begin .. end. */
static void
count_rows(void *data, int worker, long begin, long end)
{
	NoiseRows  *rows = data;
	size_t		width = (size_t) rows->image->width;
	uint8_t    *luma = rows->lumas + (size_t) worker * 3 * width;

	for (long r = begin; r < end; r++)
	{
		long		y = 1 + r * rows->step;

		for (int k = 0; k < 3; k++)
			luma_row(rows->image, y - 1 + k, luma + (size_t) k * width);
		count_row(luma, luma + width, luma + 2 * width, rows->image->width, &rows->tallies[worker]);
	}
}

/* Standard deviation from a histogram of absolute responses: their median
 * divided by the median for normal noise of sigma 1. */
static double
sigma_of(const uint32_t *counts, uint64_t all)
{
	uint64_t	below = 0;

	for (int i = 0; i < RESPONSES; i++)
	{
		if (counts[i] > 0 && 2 * (below + counts[i]) >= all)
		{
			double		within = ((double) all / 2 - (double) below) / counts[i];

			return (i == 0 ? within / 2 : i - 0.5 + within) / (0.6745 * 6);
		}
		below += counts[i];
	}
	return 0;
}

/* Fit variance = constant + slope * v through the bins, each weighted by the
 * precision of its variance; neither may be negative. */
static void
fit_model(const NoiseTally *tally, NoiseModel *model)
{
	double		n = 0;
	double		sum_v = 0;
	double		sum_vv = 0;
	double		sum_s = 0;
	double		sum_sv = 0;
	double		determinant;

	memset(model, 0, sizeof *model);
	for (int b = 0; b < BINS; b++)
	{
		uint64_t	all = 0;
		double		v = (b + 0.5) * 256 / BINS;
		double		variance;
		double		weight;

		for (int i = 0; i < RESPONSES; i++)
			all += tally->counts[b][i];
		if (all < BIN_PIXELS)
			continue;
		variance = sigma_of(tally->counts[b], all);
		variance *= variance;
		weight = (double) all / ((variance + 0.5) * (variance + 0.5));
		n += weight;
		sum_v += weight * v;
		sum_vv += weight * v * v;
		sum_s += weight * variance;
		sum_sv += weight * v * variance;
	}
	if (n == 0)
		return;
	determinant = n * sum_vv - sum_v * sum_v;
	if (determinant > 1e-6 * n * sum_vv)
	{
		model->slope = (n * sum_sv - sum_v * sum_s) / determinant;
		model->constant = (sum_s - model->slope * sum_v) / n;
	}
	else
		model->constant = sum_s / n;
	if (model->slope < 0)
	{
		model->slope = 0;
		model->constant = sum_s / n;
	}
	else if (model->constant < 0)
	{
		model->constant = 0;
		model->slope = sum_sv / sum_vv;
	}
}

/* Count everything into the first tally. */
static Status
count_image(const Call *call, NoiseRows *rows)
{
	const Image *image = rows->image;
	long		sampled;

	rows->step = 1 + (long) image->width * image->height / SAMPLED_PIXELS;
	sampled = image->height < 3 ? 0 : (image->height - 3) / rows->step + 1;
	TRY(threads_run_polled(call, sampled, ROWS_AT_ONCE, count_rows, rows));
	for (int t = 1; t < call->threads; t++)
		for (int b = 0; b < BINS; b++)
			for (int i = 0; i < RESPONSES; i++)
				rows->tallies[0].counts[b][i] += rows->tallies[t].counts[b][i];
	return status_ok();
}

Status
noise_model_estimate(const Call *call, const Image *image, NoiseModel *model)
{
	NoiseRows	rows = {.image = image};
	void	   *memory;
	Status		status;

	memset(model, 0, sizeof *model);
	TRY(call_alloc_array(call, (size_t) call->threads, sizeof(NoiseTally), &memory));
	rows.tallies = memory;
	status = call_alloc_array(call, (size_t) call->threads * 3, (size_t) image->width, &memory);
	if (status.code == LS_OK)
	{
		rows.lumas = memory;
		status = count_image(call, &rows);
		if (status.code == LS_OK)
			fit_model(&rows.tallies[0], model);
		call_free(call, rows.lumas);
	}
	call_free(call, rows.tallies);
	return status;
}

double
noise_model_sigma(const NoiseModel *model, double v)
{
	return sqrt(model->constant + model->slope * v);
}

void
noise_model_stabilise(const NoiseModel *model, double unit, double least, uint16_t table[256])
{
	double		sum = 0;

	for (int v = 0; v < 256; v++)
	{
		table[v] = (uint16_t) (sum + 0.5);
		sum += unit / fmax(least, noise_model_sigma(model, v + 0.5));
	}
}

/*
 * ensemble_images.c: see ensemble_images.h.
 */
#include "learn/ensemble/ensemble_images.h"

#include <string.h>

#include "infer/bilinear.h"

/* The largest sum of maps: counts sum to at most ENSEMBLE_COUNTS_MAX. */
#define SUM_MAX (255 * ENSEMBLE_COUNTS_MAX)

Status
ensemble_fit_create(const Host *host, int members, int size, EnsembleFit **result)
{
	EnsembleFit *fit;
	void	   *memory;

	*result = NULL;
	TRY(host_alloc_array(host, 1, sizeof(EnsembleFit), &memory));
	fit = memory;
	fit->host = host;
	fit->members = members;
	fit->size = size;
	*result = fit;
	return status_ok();
}

static void
fit_image_free(const Host *host, FitImage *image)
{
	host_free(host, image->pixels);
	host_free(host, image);
}

void
ensemble_fit_free(EnsembleFit *fit)
{
	if (fit == NULL)
		return;
	while (fit->images != NULL)
	{
		FitImage   *next = fit->images->next;

		fit_image_free(fit->host, fit->images);
		fit->images = next;
	}
	host_free(fit->host, fit);
}

/* Keep a map at the common size. */
static Status
keep_map(const EnsembleFit *fit, const Call *call, const ProbabilityMap *map, uint8_t *pixels)
{
	Bilinear	resize;
	Status		status;

	bilinear_init(&resize, &call->host, map->size);
	status = bilinear_prepare(&resize, fit->size, fit->size);
	if (status.code == LS_OK)
		bilinear_start(&resize);
	for (int y = 0; status.code == LS_OK && y < fit->size; y++)
	{
		const float *row = bilinear_row(&resize, map->values, y);

		for (int x = 0; x < fit->size; x++)
			*pixels++ = (uint8_t) (int) (255 * row[x] + 0.5f);
	}
	bilinear_free(&resize);
	return status;
}

/* Fill an image's pixels in; its memory is the caller's to free. */
static Status
fill_image(const EnsembleFit *fit, const Call *call, const ProbabilityMap *maps, const Image *truth, FitImage *image)
{
	size_t		pixels = (size_t) fit->size * (size_t) fit->size;
	Image		mask;
	void	   *memory;

	TRY(host_alloc_array(fit->host, (size_t) fit->members + 1, pixels, &memory));
	image->pixels = memory;
	for (int m = 0; m < fit->members; m++)
		TRY(keep_map(fit, call, &maps[m], image->pixels + (size_t) m * pixels));
	TRY(image_resize_nearest(call, truth, fit->size, fit->size, &mask));
	memcpy(image->pixels + (size_t) fit->members * pixels, mask.pixels, pixels);
	image_free(call, &mask);
	return call_poll(call);
}

Status
ensemble_fit_add(EnsembleFit *fit, const Call *call, const ProbabilityMap *maps, const Image *truth)
{
	FitImage   *image;
	Status		status;
	void	   *memory;

	TRY(host_alloc_array(fit->host, 1, sizeof(FitImage), &memory));
	image = memory;
	status = fill_image(fit, call, maps, truth, image);
	if (status.code != LS_OK)
	{
		fit_image_free(fit->host, image);
		return status;
	}
	image->next = fit->images;
	fit->images = image;
	return status_ok();
}

void
ensemble_sum_maps(const EnsembleFit *fit, const FitImage *image, const int *counts, uint16_t *sums)
{
	size_t		pixels = (size_t) fit->size * (size_t) fit->size;

	memset(sums, 0, pixels * sizeof *sums);
	for (int m = 0; m < fit->members; m++)
	{
		const uint8_t *map = image->pixels + (size_t) m * pixels;
		uint16_t	count = (uint16_t) counts[m];

		if (count == 0)
			continue;
#pragma omp simd
		for (size_t i = 0; i < pixels; i++)
			sums[i] = (uint16_t) (sums[i] + count * map[i]);
	}
}

long
ensemble_image_count(const EnsembleFit *fit)
{
	long		count = 0;

	for (const FitImage *image = fit->images; image != NULL; image = image->next)
		count++;
	return count;
}

/* The same as ensemble_score, with memory for pixels. */
static Status
score_images(const Call *call, const EnsembleFit *fit, const int *counts, uint16_t *sums, ImageScoreTaker take,
			 void *data)
{
	size_t		pixels = (size_t) fit->size * (size_t) fit->size;
	uint8_t		below[SUM_MAX + 1];	/* candidates, by sum */
	int			total = 0;
	long		i = 0;

	for (int m = 0; m < fit->members; m++)
		total += counts[m];
	for (int sum = 0; sum <= 255 * total; sum++)
		below[sum] = (uint8_t) threshold_candidates_below((float) sum / (float) (255 * total));
	for (const FitImage *image = fit->images; image != NULL; image = image->next)
	{
		const uint8_t *mask = image->pixels + (size_t) fit->members * pixels;
		ThresholdCounts above = {{0}};
		ThresholdScores scores = {.images = 0};

		ensemble_sum_maps(fit, image, counts, sums);
		for (size_t p = 0; p < pixels; p++)
			above[below[sums[p]]][mask[p] != 0]++;
		threshold_add_counts(&scores, above);
		take(data, i++, &scores);
		TRY(call_poll(call));
	}
	return status_ok();
}

Status
ensemble_score(const Call *call, const EnsembleFit *fit, const int *counts, ImageScoreTaker take, void *data)
{
	void	   *sums;
	Status		status;

	TRY(call_alloc_array(call, (size_t) fit->size * (size_t) fit->size, sizeof(uint16_t), &sums));
	status = score_images(call, fit, counts, sums, take, data);
	call_free(call, sums);
	return status;
}

void
ensemble_add_scores(ThresholdScores *sums, const ThresholdScores *image, int times)
{
	for (int c = 0; c < THRESHOLD_CANDIDATES; c++)
		sums->jaccard[c] += times * image->jaccard[c];
	sums->images += times * image->images;
}

/*
 * ensemble_fit.c: see ensemble_fit.h.
 *
 * Maps are kept in 8 bits at one size, so that some hundred images of a few
 * members fit into memory, and sums over members are integers.
 */
#include "learn/ensemble_fit.h"

#include <string.h>

#include "infer/bilinear.h"
#include "learn/ensemble_images.h"

/* The largest sum of maps: counts sum to at most ENSEMBLE_COUNTS_MAX. */
#define SUM_MAX (255 * ENSEMBLE_COUNTS_MAX)

/* An image: member m's map is pixels [m, m + 1) * size * size, its mask comes
 * after the last. */
typedef struct FitImage
{
	struct FitImage *next;
	uint8_t    *pixels;
} FitImage;

struct EnsembleFit
{
	const Call *call;
	int			members;
	int			size;
	FitImage   *images;
};

Status
ensemble_fit_create(const Call *call, int members, int size, EnsembleFit **result)
{
	EnsembleFit *fit;
	void	   *memory;

	*result = NULL;
	TRY(call_alloc_array(call, 1, sizeof(EnsembleFit), &memory));
	fit = memory;
	fit->call = call;
	fit->members = members;
	fit->size = size;
	*result = fit;
	return status_ok();
}

void
ensemble_fit_free(EnsembleFit *fit)
{
	if (fit == NULL)
		return;
	while (fit->images != NULL)
	{
		FitImage   *next = fit->images->next;

		call_free(fit->call, fit->images->pixels);
		call_free(fit->call, fit->images);
		fit->images = next;
	}
	call_free(fit->call, fit);
}

/* Keep a map at the common size. */
static Status
keep_map(const EnsembleFit *fit, const ProbabilityMap *map, uint8_t *pixels)
{
	Bilinear	resize;
	Status		status;

	bilinear_init(&resize, fit->call, map->size);
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

Status
ensemble_fit_add(EnsembleFit *fit, const ProbabilityMap *maps, const Image *truth)
{
	size_t		pixels = (size_t) fit->size * (size_t) fit->size;
	FitImage   *image;
	Image		mask;
	void	   *memory;

	TRY(call_alloc_array(fit->call, 1, sizeof(FitImage), &memory));
	image = memory;
	image->next = fit->images;
	fit->images = image;
	TRY(call_alloc_array(fit->call, (size_t) fit->members + 1, pixels, &memory));
	image->pixels = memory;
	for (int m = 0; m < fit->members; m++)
		TRY(keep_map(fit, &maps[m], image->pixels + (size_t) m * pixels));
	TRY(image_resize_nearest(fit->call, truth, fit->size, fit->size, &mask));
	memcpy(image->pixels + (size_t) fit->members * pixels, mask.pixels, pixels);
	image_free(fit->call, &mask);
	return call_poll(fit->call);
}

/* Weighted sum of an image's maps; `counts` sum to at most 255. */
static void
sum_maps(const EnsembleFit *fit, const FitImage *image, const int *counts, uint16_t *sums)
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

int
ensemble_members(const EnsembleFit *fit)
{
	return fit->members;
}

long
ensemble_images(const EnsembleFit *fit)
{
	long		count = 0;

	for (const FitImage *image = fit->images; image != NULL; image = image->next)
		count++;
	return count;
}

/* The same as ensemble_score, with memory for pixels. */
static Status
score_images(const EnsembleFit *fit, const int *counts, uint16_t *sums, ImageScoreTaker take, void *data)
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

		sum_maps(fit, image, counts, sums);
		for (size_t p = 0; p < pixels; p++)
			above[below[sums[p]]][mask[p] != 0]++;
		threshold_add_counts(&scores, above);
		take(data, i++, &scores);
		TRY(call_poll(fit->call));
	}
	return status_ok();
}

Status
ensemble_score(const EnsembleFit *fit, const int *counts, ImageScoreTaker take, void *data)
{
	void	   *sums;
	Status		status;

	TRY(call_alloc_array(fit->call, (size_t) fit->size * (size_t) fit->size, sizeof(uint16_t), &sums));
	status = score_images(fit, counts, sums, take, data);
	call_free(fit->call, sums);
	return status;
}

void
ensemble_add_scores(ThresholdScores *sums, const ThresholdScores *image, int times)
{
	for (int c = 0; c < THRESHOLD_CANDIDATES; c++)
		sums->jaccard[c] += times * image->jaccard[c];
	sums->images += times * image->images;
}

/* Take an image's scores once. */
static void
add_once(void *data, long i, const ThresholdScores *scores)
{
	(void) i;
	ensemble_add_scores(data, scores, 1);
}

/* Mean Jaccard over the images with these counts, at the threshold that is best
 * then: at a fixed one, a member that knows nothing could win by moving the sums
 * towards it. */
static Status
mean_jaccard(const EnsembleFit *fit, const int *counts, double *jaccard)
{
	ThresholdScores sums = {.images = 0};

	TRY(ensemble_score(fit, counts, add_once, &sums));
	*jaccard = threshold_best_jaccard(&sums);
	return status_ok();
}

/* The ensemble with certain counts, as something to fit. */
typedef struct WeightedEnsemble
{
	const EnsembleFit *fit;
	const int  *counts;
	int			total;			/* of the counts */
	const FitImage *image;		/* the last that was asked for */
	uint16_t   *sums;
	float	   *probabilities;
} WeightedEnsemble;

/* What the ensemble says of image i. */
static Status
predict_image(void *data, long i, const float **probabilities, const uint8_t **mask)
{
	WeightedEnsemble *ensemble = data;
	const EnsembleFit *fit = ensemble->fit;
	size_t		pixels = (size_t) fit->size * (size_t) fit->size;

	ensemble->image = i == 0 ? fit->images : ensemble->image->next;
	sum_maps(fit, ensemble->image, ensemble->counts, ensemble->sums);
	for (size_t j = 0; j < pixels; j++)
		ensemble->probabilities[j] = (float) ensemble->sums[j] / (float) (255 * ensemble->total);
	*probabilities = ensemble->probabilities;
	*mask = ensemble->image->pixels + (size_t) fit->members * pixels;
	return call_poll(fit->call);
}

/* Fit the ensemble with these counts. */
static Status
fit_weighted(const EnsembleFit *fit, const int *counts, uint16_t *sums, Traits *traits)
{
	WeightedEnsemble ensemble = {.fit = fit,.counts = counts,.sums = sums};
	FitImages	images = {
		.pixels = (size_t) fit->size * (size_t) fit->size,
		.predict = predict_image,
		.data = &ensemble,
	};
	void	   *memory;
	Status		status;

	images.count = ensemble_images(fit);
	for (int m = 0; m < fit->members; m++)
		ensemble.total += counts[m];
	TRY(call_alloc_array(fit->call, images.pixels, sizeof(float), &memory));
	ensemble.probabilities = memory;
	status = fit_run(fit->call, &images, 0, traits);
	call_free(fit->call, memory);
	return status;
}

/* The same as ensemble_fit_solve, with memory for members and pixels. */
static Status
solve(const EnsembleFit *fit, uint64_t seed, int *counts, uint16_t *sums, double *weights, EnsembleFitResult *result)
{
	bool		few = ensemble_images(fit) < ENSEMBLE_FIT_MIN_IMAGES;
	int			total = 0;

	TRY(ensemble_select(fit->call, fit, seed, counts, &result->helped));
	TRY(mean_jaccard(fit, counts, &result->jaccard));
	result->equal = few ? result->helped < ENSEMBLE_FIT_HELPED_FEW : result->helped <= ENSEMBLE_FIT_HELPED;
	for (int m = 0; m < fit->members; m++)
		weights[m] = counts[m];
	for (int m = 0; m < fit->members; m++)
		counts[m] = 1;
	TRY(mean_jaccard(fit, counts, &result->equal_jaccard));
	for (int m = 0; m < fit->members; m++)
	{
		if (!result->equal)
			counts[m] = (int) weights[m];
		total += counts[m];
	}
	if (result->equal)
		result->jaccard = result->equal_jaccard;
	for (int m = 0; m < fit->members; m++)
		weights[m] = (double) counts[m] / total;
	return fit_weighted(fit, counts, sums, &result->fitted);
}

Status
ensemble_fit_solve(const EnsembleFit *fit, uint64_t seed, double *weights, EnsembleFitResult *result)
{
	const Call *call = fit->call;
	void	   *counts = NULL;
	void	   *sums = NULL;
	Status		status = call_alloc_array(call, (size_t) fit->members, sizeof(int), &counts);

	if (status.code == LS_OK)
		status = call_alloc_array(call, (size_t) fit->size * (size_t) fit->size, sizeof(uint16_t), &sums);
	if (status.code == LS_OK)
		status = solve(fit, seed, counts, sums, weights, result);
	call_free(call, counts);
	call_free(call, sums);
	return status;
}

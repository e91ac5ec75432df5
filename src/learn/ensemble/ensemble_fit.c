/*
 * ensemble_fit.c: the weights of an ensemble; then its threshold and its
 * temperature.
 */
#include "learn/ensemble/ensemble_fit.h"

#include "learn/ensemble/ensemble_images.h"
#include "learn/ensemble/ensemble_select.h"

/* Add an image's scores once. */
static void
add_once(void *data, long i, const ThresholdScores *scores)
{
	(void) i;
	ensemble_add_scores(data, scores, 1);
}

/*
 * Mean Jaccard over the images with these counts, at their best threshold. At
 * a fixed threshold, a useless member could win just because it moves the sums
 * towards that threshold.
 */
static Status
mean_jaccard(const Call *call, const EnsembleFit *fit, const int *counts, double *jaccard)
{
	ThresholdScores sums = {.images = 0};

	TRY(ensemble_score(call, fit, counts, add_once, &sums));
	*jaccard = threshold_best_jaccard(&sums);
	return status_ok();
}

/* The ensemble with given counts, for fit_run. */
typedef struct WeightedEnsemble
{
	const Call *call;
	const EnsembleFit *fit;
	const int  *counts;
	int			total;			/* sum of the counts */
	const FitImage *image;		/* the last that was asked for */
	uint16_t   *sums;
	float	   *probabilities;
} WeightedEnsemble;

/* The ensemble's prediction of image i. */
static Status
predict_image(void *data, long i, const float **probabilities, const uint8_t **mask)
{
	WeightedEnsemble *ensemble = data;
	const EnsembleFit *fit = ensemble->fit;
	size_t		pixels = (size_t) fit->size * (size_t) fit->size;

	ensemble->image = i == 0 ? fit->images : ensemble->image->next;
	ensemble_sum_maps(fit, ensemble->image, ensemble->counts, ensemble->sums);
	for (size_t j = 0; j < pixels; j++)
		ensemble->probabilities[j] = (float) ensemble->sums[j] / (float) (255 * ensemble->total);
	*probabilities = ensemble->probabilities;
	*mask = ensemble->image->pixels + (size_t) fit->members * pixels;
	return call_poll(ensemble->call);
}

/* Fit the ensemble with these counts. */
static Status
fit_weighted(const Call *call, const EnsembleFit *fit, const int *counts, uint16_t *sums, Traits *traits)
{
	WeightedEnsemble ensemble = {.call = call,.fit = fit,.counts = counts,.sums = sums};
	FitImages	images = {
		.size = fit->size,
		.predict = predict_image,
		.data = &ensemble,
	};
	void	   *memory;
	Status		status;

	images.count = ensemble_image_count(fit);
	for (int m = 0; m < fit->members; m++)
		ensemble.total += counts[m];
	TRY(call_alloc_array(call, (size_t) fit->size * (size_t) fit->size, sizeof(float), &memory));
	ensemble.probabilities = memory;
	status = fit_run(call, &images, 0, traits);
	call_free(call, memory);
	return status;
}

/* The same as ensemble_fit_solve, with memory for members and pixels. */
static Status
solve_weights(const Call *call, const EnsembleFit *fit, uint64_t seed, int *counts, uint16_t *sums, double *weights,
			  EnsembleFitResult *result)
{
	bool		few = ensemble_image_count(fit) < ENSEMBLE_FIT_MIN_IMAGES;
	int			total = 0;

	TRY(ensemble_select(call, fit, seed, counts, &result->helped));
	TRY(mean_jaccard(call, fit, counts, &result->jaccard));
	result->equal = few ? result->helped < ENSEMBLE_FIT_HELPED_FEW : result->helped <= ENSEMBLE_FIT_HELPED;
	for (int m = 0; m < fit->members; m++)
		weights[m] = counts[m];
	for (int m = 0; m < fit->members; m++)
		counts[m] = 1;
	TRY(mean_jaccard(call, fit, counts, &result->equal_jaccard));
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
	return fit_weighted(call, fit, counts, sums, &result->fitted);
}

Status
ensemble_fit_solve(const EnsembleFit *fit, const Call *call, uint64_t seed, double *weights, EnsembleFitResult *result)
{
	void	   *counts = NULL;
	void	   *sums = NULL;
	Status		status = call_alloc_array(call, (size_t) fit->members, sizeof(int), &counts);

	if (status.code == LS_OK)
		status = call_alloc_array(call, (size_t) fit->size * (size_t) fit->size, sizeof(uint16_t), &sums);
	if (status.code == LS_OK)
		status = solve_weights(call, fit, seed, counts, sums, weights, result);
	call_free(call, counts);
	call_free(call, sums);
	return status;
}

/*
 * ensemble_select.c: forward selection of members on draws of the images
 * (ensemble_fit.h).
 *
 * All draws go through the rounds together: a set of members that several
 * draws try is scored only once.
 */
#include "learn/ensemble/ensemble_select.h"

#include <string.h>

#include "core/rng.h"

/* Images drawn with replacement, and what was selected on them. */
typedef struct Draw
{
	int		   *times;			/* how often each image was drawn */
	int		   *counts;			/* how often each member was chosen so far */
	int		   *best;			/* counts after the best round */
	double		best_score;
	int			best_threshold; /* a candidate of threshold.h */
	double		round_score;	/* of this round */
	int			round_threshold;
	int			chosen;			/* the member chosen in this round */
	ThresholdScores sums;		/* of what is tried */
	bool		tries;			/* takes part in the present trial */
	double		left_out;		/* sum over images that were not drawn: Jaccard less that of equal weights */
} Draw;

typedef struct Selection
{
	const EnsembleFit *fit;
	int			members;
	long		images;
	Draw		draws[ENSEMBLE_FIT_DRAWS];
	double	   *equal;			/* (images, THRESHOLD_CANDIDATES): Jaccard of equal weights */
	int		   *trial;			/* counts that are scored now */
} Selection;

/* ---- drawing ---- */

/* Allocate what a draw holds, and draw. */
static Status
draw_images(const Call *call, const Selection *selection, Rng *rng, Draw *draw)
{
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) selection->images + 2 * (size_t) selection->members, sizeof(int), &memory));
	draw->times = memory;
	draw->counts = draw->times + selection->images;
	draw->best = draw->counts + selection->members;
	draw->best_score = -1;
	for (long i = 0; i < selection->images; i++)
		draw->times[rng_below(rng, (uint64_t) selection->images)]++;
	return status_ok();
}

static void
selection_free(const Call *call, Selection *selection)
{
	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
		call_free(call, selection->draws[d].times);
	call_free(call, selection->equal);
	call_free(call, selection->trial);
}

/* ---- selecting ---- */

/* Add an image's scores to the draws that try what is scored. */
static void
add_to_draws(void *data, long i, const ThresholdScores *scores)
{
	Selection  *selection = data;

	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
	{
		Draw	   *draw = &selection->draws[d];

		if (draw->tries && draw->times[i] > 0)
			ensemble_add_scores(&draw->sums, scores, draw->times[i]);
	}
}

/* Let all draws with the same counts as `first` share its trial. */
static void
join_trial(Selection *selection, int first)
{
	size_t		size = (size_t) selection->members * sizeof(int);

	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
	{
		Draw	   *draw = &selection->draws[d];

		draw->tries = d >= first && memcmp(draw->counts, selection->draws[first].counts, size) == 0;
		draw->sums = (ThresholdScores) {.images = 0};
	}
}

/* Note a member's trial in the draws where it is the best of the round so
 * far. */
static void
judge_trial(Selection *selection, int member)
{
	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
	{
		Draw	   *draw = &selection->draws[d];
		double		score;

		if (!draw->tries)
			continue;
		score = threshold_best_jaccard(&draw->sums);
		if (score <= draw->round_score)
			continue;
		draw->round_score = score;
		draw->round_threshold = threshold_best_candidate(&draw->sums);
		draw->chosen = member;
	}
}

/* Does an earlier draw have the same counts? Then its trials were shared. */
static bool
tried_before(const Selection *selection, int d)
{
	size_t		size = (size_t) selection->members * sizeof(int);

	for (int before = 0; before < d; before++)
		if (memcmp(selection->draws[before].counts, selection->draws[d].counts, size) == 0)
			return true;
	return false;
}

/* Let every draw choose one more member. */
static Status
select_round(const Call *call, Selection *selection)
{
	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
		selection->draws[d].round_score = -1;
	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
	{
		if (tried_before(selection, d))
			continue;
		for (int m = 0; m < selection->members; m++)
		{
			join_trial(selection, d);
			memcpy(selection->trial, selection->draws[d].counts, (size_t) selection->members * sizeof(int));
			selection->trial[m]++;
			TRY(ensemble_score(call, selection->fit, selection->trial, add_to_draws, selection));
			judge_trial(selection, m);
		}
	}
	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
	{
		Draw	   *draw = &selection->draws[d];

		draw->counts[draw->chosen]++;
		if (draw->round_score <= draw->best_score)
			continue;
		draw->best_score = draw->round_score;
		draw->best_threshold = draw->round_threshold;
		memcpy(draw->best, draw->counts, (size_t) selection->members * sizeof(int));
	}
	return status_ok();
}

/* ---- what draws left out ---- */

/* Keep an image's scores with equal weights. */
static void
keep_equal(void *data, long i, const ThresholdScores *scores)
{
	Selection  *selection = data;

	memcpy(selection->equal + i * THRESHOLD_CANDIDATES, scores->jaccard, sizeof scores->jaccard);
}

/* A draw whose weights are compared with equal ones. */
typedef struct Comparison
{
	const Selection *selection;
	Draw	   *draw;
	int			equal_threshold;	/* best threshold for equal weights on the drawn images */
} Comparison;

/* Compare an image that was left out. */
static void
compare_left_out(void *data, long i, const ThresholdScores *scores)
{
	Comparison *comparison = data;
	Draw	   *draw = comparison->draw;

	if (draw->times[i] == 0)
		draw->left_out += scores->jaccard[draw->best_threshold] -
			comparison->selection->equal[i * THRESHOLD_CANDIDATES + comparison->equal_threshold];
}

/* The share of the draws whose weights beat equal ones on what they left out. */
static Status
share_helped(const Call *call, Selection *selection, double *share)
{
	int			helped = 0;

	for (int m = 0; m < selection->members; m++)
		selection->trial[m] = 1;
	TRY(ensemble_score(call, selection->fit, selection->trial, keep_equal, selection));
	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
	{
		Comparison	comparison = {selection, &selection->draws[d], 0};
		ThresholdScores equal = {.images = 0};

		for (long i = 0; i < selection->images; i++)
		{
			ThresholdScores image = {.images = 1};

			memcpy(image.jaccard, selection->equal + i * THRESHOLD_CANDIDATES, sizeof image.jaccard);
			ensemble_add_scores(&equal, &image, comparison.draw->times[i]);
		}
		comparison.equal_threshold = threshold_best_candidate(&equal);
		TRY(ensemble_score(call, selection->fit, comparison.draw->best, compare_left_out, &comparison));
		helped += comparison.draw->left_out > 0;
	}
	*share = (double) helped / ENSEMBLE_FIT_DRAWS;
	return status_ok();
}

/* ---- the result ---- */

/*
 * The mean weights of all draws, as counts. They are rounded down, so that
 * they sum to at most ENSEMBLE_COUNTS_MAX. That is 255, more than the largest
 * number of members, so at least one count is above 0.
 */
static void
mean_counts(const Selection *selection, int *counts)
{
	for (int m = 0; m < selection->members; m++)
	{
		double		weight = 0;

		for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
		{
			int			total = 0;

			for (int k = 0; k < selection->members; k++)
				total += selection->draws[d].best[k];
			weight += (double) selection->draws[d].best[m] / total;
		}
		counts[m] = (int) (ENSEMBLE_COUNTS_MAX * weight / ENSEMBLE_FIT_DRAWS + 1e-9);
	}
}

/* Run all draws' selections; the caller frees the selection's memory. */
static Status
select_members(const Call *call, Selection *selection, uint64_t seed, int *counts, double *helped)
{
	Rng			rng;
	void	   *memory;

	rng_seed(&rng, seed, 0);
	for (int d = 0; d < ENSEMBLE_FIT_DRAWS; d++)
		TRY(draw_images(call, selection, &rng, &selection->draws[d]));
	TRY(call_alloc_array(call, (size_t) selection->images, sizeof(double) * THRESHOLD_CANDIDATES, &memory));
	selection->equal = memory;
	TRY(call_alloc_array(call, (size_t) selection->members, sizeof(int), &memory));
	selection->trial = memory;
	for (int round = 0; round < ENSEMBLE_FIT_ROUNDS; round++)
		TRY(select_round(call, selection));
	mean_counts(selection, counts);
	return share_helped(call, selection, helped);
}

Status
ensemble_select(const Call *call, const EnsembleFit *fit, uint64_t seed, int *counts, double *helped)
{
	Selection	selection = {.fit = fit,.members = fit->members,.images = ensemble_image_count(fit)};
	Status		status = select_members(call, &selection, seed, counts, helped);

	selection_free(call, &selection);
	return status;
}

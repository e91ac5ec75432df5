/*
 * threshold.c: see threshold.h.
 */
#include "learn/threshold.h"

#include "measure/score.h"

/* Candidate i. */
static double
candidate_threshold(int i)
{
	return (i + 1) / (double) (THRESHOLD_CANDIDATES + 1);
}

int
threshold_candidates_below(float probability)
{
	int			count;

	if (!(probability > 0))		/* also NaN, from a diverged network */
		return 0;
	count = probability < 1 ? (int) (probability * (THRESHOLD_CANDIDATES + 1)) : THRESHOLD_CANDIDATES;

	/* The product was rounded: decide by comparing with the candidates. */
	if (count > THRESHOLD_CANDIDATES)
		count = THRESHOLD_CANDIDATES;
	while (count > 0 && !(probability > (float) candidate_threshold(count - 1)))
		count--;
	while (count < THRESHOLD_CANDIDATES && probability > (float) candidate_threshold(count))
		count++;
	return count;
}

void
threshold_add_counts(ThresholdScores *scores, ThresholdCounts above)
{
	int64_t		totals[2] = {0, 0};
	int64_t		predicted[2] = {0, 0};	/* background, lesion */

	for (int i = 0; i <= THRESHOLD_CANDIDATES; i++)
	{
		totals[0] += above[i][0];
		totals[1] += above[i][1];
	}
	for (int i = THRESHOLD_CANDIDATES - 1; i >= 0; i--)
	{
		ConfusionCounts counts;

		predicted[0] += above[i + 1][0];
		predicted[1] += above[i + 1][1];
		counts.true_positive = predicted[1];
		counts.false_positive = predicted[0];
		counts.false_negative = totals[1] - predicted[1];
		counts.true_negative = totals[0] - predicted[0];
		scores->jaccard[i] += image_score(&counts).jaccard;
	}
	scores->images++;
}

void
threshold_add(ThresholdScores *scores, size_t pixels, const float *probabilities, const uint8_t *mask)
{
	ThresholdCounts above = {{0}};

	for (size_t i = 0; i < pixels; i++)
		above[threshold_candidates_below(probabilities[i])][mask[i] != 0]++;
	threshold_add_counts(scores, above);
}

int
threshold_best_candidate(const ThresholdScores *scores)
{
	int			middle = THRESHOLD_CANDIDATES / 2;
	int			best = middle;

	if (scores->images < THRESHOLD_MIN_IMAGES)
		return middle;
	for (int distance = 1; distance <= middle; distance++)
	{
		if (scores->jaccard[middle - distance] > scores->jaccard[best])
			best = middle - distance;
		if (scores->jaccard[middle + distance] > scores->jaccard[best])
			best = middle + distance;
	}
	return best;
}

double
threshold_best(const ThresholdScores *scores)
{
	return candidate_threshold(threshold_best_candidate(scores));
}

double
threshold_best_jaccard(const ThresholdScores *scores)
{
	return scores->jaccard[threshold_best_candidate(scores)] / (double) scores->images;
}

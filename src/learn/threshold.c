/*
 * threshold.c: see threshold.h.
 */
#include "learn/threshold.h"

#include "measure/score.h"

/* Candidate i. */
static double
candidate(int i)
{
	return (i + 1) / (double) (THRESHOLD_CANDIDATES + 1);
}

/* How many candidates a probability is above. */
static int
candidates_below(float probability)
{
	int			count = (int) (probability * (THRESHOLD_CANDIDATES + 1));

	/* The product rounds: settle it with the comparison that counts. */
	if (count > THRESHOLD_CANDIDATES)
		count = THRESHOLD_CANDIDATES;
	while (count > 0 && !(probability > (float) candidate(count - 1)))
		count--;
	while (count < THRESHOLD_CANDIDATES && probability > (float) candidate(count))
		count++;
	return count;
}

void
threshold_add(ThresholdScores *scores, size_t pixels, const float *probabilities, const uint8_t *mask)
{
	int64_t		above[THRESHOLD_CANDIDATES + 1][2] = {{0}};
	int64_t		totals[2] = {0, 0};
	int64_t		predicted[2] = {0, 0};	/* background, lesion */

	for (size_t i = 0; i < pixels; i++)
	{
		int			lesion = mask[i] != 0;

		above[candidates_below(probabilities[i])][lesion]++;
		totals[lesion]++;
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

double
threshold_best(const ThresholdScores *scores)
{
	int			middle = THRESHOLD_CANDIDATES / 2;
	int			best = middle;

	if (scores->images < THRESHOLD_MIN_IMAGES)
		return candidate(middle);
	for (int distance = 1; distance <= middle; distance++)
	{
		if (scores->jaccard[middle - distance] > scores->jaccard[best])
			best = middle - distance;
		if (scores->jaccard[middle + distance] > scores->jaccard[best])
			best = middle + distance;
	}
	return candidate(best);
}

/*
 * threshold.h: the threshold at which a network's masks are best.
 *
 * Masks of the validation images are scored at 0.05, 0.1 ... 0.95, and the
 * threshold with the highest mean Jaccard is taken; of equal ones the one
 * nearest to one half. Steps are wide, and few images are not used, so that
 * the threshold fits the network and not only these images.
 */
#ifndef LESIONSEG_LEARN_THRESHOLD_H
#define LESIONSEG_LEARN_THRESHOLD_H

#include <stddef.h>
#include <stdint.h>

#define THRESHOLD_CANDIDATES 19

/* With fewer images the threshold is one half. */
#define THRESHOLD_MIN_IMAGES 20

/* Scores summed over images; all zero at first. */
typedef struct ThresholdScores
{
	double		jaccard[THRESHOLD_CANDIDATES];	/* sums over images */
	long		images;
} ThresholdScores;

/* Counts of one image's background [0] and lesion [1] pixels, by the number of
 * candidates below their probability. */
typedef int64_t ThresholdCounts[THRESHOLD_CANDIDATES + 1][2];

/* The number of candidates below a probability. */
int			threshold_candidates_below(float probability);

/* Add an image by its counts. */
void		threshold_add_counts(ThresholdScores *scores, ThresholdCounts above);

/* Add an image: probabilities (pixels) and its mask of 0/255. */
void		threshold_add(ThresholdScores *scores, size_t pixels, const float *probabilities, const uint8_t *mask);

/* The index of the best candidate for the images added. */
int			threshold_best_candidate(const ThresholdScores *scores);

/* The best threshold itself. */
double		threshold_best(const ThresholdScores *scores);

/* The mean Jaccard at the best threshold; at least one image was added. */
double		threshold_best_jaccard(const ThresholdScores *scores);

#endif

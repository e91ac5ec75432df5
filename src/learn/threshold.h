/*
 * threshold.h: the threshold at which a network's masks are best.
 *
 * Masks of the validation images are scored at 0.05, 0.1 ... 0.95, and the
 * threshold of the highest mean Jaccard is taken, of equals the one nearest
 * to one half. Steps are wide and few images decide nothing, so that a
 * threshold fits the network and not the images it was chosen on.
 */
#ifndef LESIONSEG_LEARN_THRESHOLD_H
#define LESIONSEG_LEARN_THRESHOLD_H

#include <stddef.h>
#include <stdint.h>

#define THRESHOLD_CANDIDATES 19

/* With fewer images the threshold is one half. */
#define THRESHOLD_MIN_IMAGES 20

/* What images came to so far; all zero at first. */
typedef struct ThresholdScores
{
	double		jaccard[THRESHOLD_CANDIDATES];	/* sums over images */
	long		images;
} ThresholdScores;

/* Add an image: probabilities (pixels) and its mask of 0/255. */
void		threshold_add(ThresholdScores *scores, size_t pixels, const float *probabilities, const uint8_t *mask);

/* The best threshold for the images added. */
double		threshold_best(const ThresholdScores *scores);

#endif

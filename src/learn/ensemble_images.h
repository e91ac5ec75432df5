/*
 * ensemble_images.h: what members say of images, weighed in whole numbers.
 * Between ensemble_fit.c and ensemble_select.c.
 */
#ifndef LESIONSEG_LEARN_ENSEMBLE_IMAGES_H
#define LESIONSEG_LEARN_ENSEMBLE_IMAGES_H

#include "learn/ensemble_fit.h"
#include "learn/threshold.h"

/* What counts may sum to. */
#define ENSEMBLE_COUNTS_MAX 255

/* Takes the scores of image i, all thresholds. */
typedef void (*ImageScoreTaker) (void *data, long i, const ThresholdScores *scores);

int			ensemble_members(const EnsembleFit *fit);
long		ensemble_images(const EnsembleFit *fit);

/* Score every image when member m counts counts[m] times. Polls per image. */
Status		ensemble_score(const EnsembleFit *fit, const int *counts, ImageScoreTaker take, void *data);

/* Add the scores of an image as often as it counts. */
void		ensemble_add_scores(ThresholdScores *sums, const ThresholdScores *image, int times);

/* Find weights (members), as counts that sum to at most ENSEMBLE_COUNTS_MAX, and whether they help (ensemble_fit.h). */
Status		ensemble_select(const Call *call, const EnsembleFit *fit, uint64_t seed, int *counts, double *helped);

#endif

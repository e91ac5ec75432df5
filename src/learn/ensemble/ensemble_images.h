/*
 * ensemble_images.h: the members' maps of images, with whole numbers as
 * weights.
 *
 * Maps are kept in 8 bits at one size, so that some hundred images of a few
 * members fit into memory, and sums over members are integers. The selection
 * of members and the fit both work on these images.
 */
#ifndef LESIONSEG_LEARN_ENSEMBLE_IMAGES_H
#define LESIONSEG_LEARN_ENSEMBLE_IMAGES_H

#include "learn/ensemble/ensemble_fit.h"
#include "learn/threshold.h"

/* The largest sum of counts. */
#define ENSEMBLE_COUNTS_MAX 255

/* An image: member m's map is pixels [m, m + 1) * size * size, its mask comes
 * after the last. */
typedef struct FitImage
{
	struct FitImage *next;
	uint8_t    *pixels;
} FitImage;

struct EnsembleFit
{
	const Host *host;
	int			members;
	int			size;
	FitImage   *images;
};

/* Receives the scores of image i at all thresholds. */
typedef void (*ImageScoreTaker) (void *data, long i, const ThresholdScores *scores);

long		ensemble_image_count(const EnsembleFit *fit);

/* Weighted sum of an image's maps; `counts` sum to at most ENSEMBLE_COUNTS_MAX. */
void		ensemble_sum_maps(const EnsembleFit *fit, const FitImage *image, const int *counts, uint16_t *sums);

/* Score every image with counts[m] as the weight of member m. Polls per
 * image. */
Status		ensemble_score(const Call *call, const EnsembleFit *fit, const int *counts, ImageScoreTaker take,
						   void *data);

/* Add the scores of an image as often as it counts. */
void		ensemble_add_scores(ThresholdScores *sums, const ThresholdScores *image, int times);

#endif

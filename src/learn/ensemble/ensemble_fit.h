/*
 * ensemble_fit.h: how much weight each member of an ensemble deserves.
 *
 * Bagged forward selection with replacement (Caruana et al., "Ensemble
 * selection from libraries of models", ICML 2004, section 2.3): images are
 * drawn with replacement, as often as there are images. For each draw a
 * selection starts empty. Each round adds the member that raises the mean
 * Jaccard (at the best threshold) most. A member's weight is its share of the
 * rounds, up to the best round. The result is the mean over draws, because one
 * selection depends too much on a few images.
 *
 * Each draw leaves out about a third of the images; on these its weights are
 * compared with equal weights. Equal weights are taken unless the selected
 * ones win in most draws (with few images, in nearly all).
 */
#ifndef LESIONSEG_LEARN_ENSEMBLE_FIT_H
#define LESIONSEG_LEARN_ENSEMBLE_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "image/image.h"
#include "learn/fit.h"
#include "infer/segment.h"

#define ENSEMBLE_FIT_ROUNDS 20
#define ENSEMBLE_FIT_DRAWS 20

/* With fewer images than these, weights must help in nearly all draws. */
#define ENSEMBLE_FIT_MIN_IMAGES 50
#define ENSEMBLE_FIT_HELPED 0.5
#define ENSEMBLE_FIT_HELPED_FEW 0.95

typedef struct EnsembleFit EnsembleFit;

/* Start a fit of so many members, whose maps are compared at size x size. It
 * and the images that are added stay in host's memory. */
Status		ensemble_fit_create(const Host *host, int members, int size, EnsembleFit **fit);
void		ensemble_fit_free(EnsembleFit *fit);

/* Add an image: one map of each member, and the true mask. After an error the
 * fit is as before. */
Status		ensemble_fit_add(EnsembleFit *fit, const Call *call, const ProbabilityMap *maps, const Image *truth);

typedef struct EnsembleFitResult
{
	Traits		fitted;			/* threshold and temperature of the weighted ensemble */
	double		jaccard;		/* mean over the images at the best threshold, with these weights */
	double		equal_jaccard;	/* the same with equal ones */
	double		helped;			/* share of the draws whose weights beat equal ones on what they left out */
	bool		equal;			/* equal weights were better and were taken */
} EnsembleFitResult;

/* Find the weights (they sum to 1); at least one image was added. The same
 * images in the same order and seed give the same weights. */
Status		ensemble_fit_solve(const EnsembleFit *fit, const Call *call, uint64_t seed, double *weights,
							   EnsembleFitResult *result);

#endif

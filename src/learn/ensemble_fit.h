/*
 * ensemble_fit.h: how much weight each member of an ensemble deserves.
 *
 * Forward selection with replacement (Caruana et al., "Ensemble selection
 * from libraries of models", ICML 2004): beginning with none, the member that
 * lifts the mean Jaccard, at the best threshold, most is added, again and again; a member's weight is
 * the share of rounds that it won. Weights are those after the round that was
 * best, so a member that helps nowhere gets 0, and few images cannot bring
 * about fine-tuned weights.
 */
#ifndef LESIONSEG_LEARN_ENSEMBLE_FIT_H
#define LESIONSEG_LEARN_ENSEMBLE_FIT_H

#include "image/image.h"
#include "learn/fit.h"
#include "infer/segment.h"

#define ENSEMBLE_FIT_ROUNDS 20

typedef struct EnsembleFit EnsembleFit;

/* What images say about a number of members, compared at size x size. */
Status		ensemble_fit_create(const Call *call, int members, int size, EnsembleFit **fit);
void		ensemble_fit_free(EnsembleFit *fit);

/* Add an image: a map of each member, and the true mask. */
Status		ensemble_fit_add(EnsembleFit *fit, const ProbabilityMap *maps, const Image *truth);

typedef struct EnsembleFitResult
{
	Fit			fitted;			/* to the weighted ensemble */
	double		jaccard;		/* mean over the images at the best threshold, with these weights */
	double		equal_jaccard;	/* the same with equal ones */
} EnsembleFitResult;

/* Find the weights (they sum to 1); at least one image was added. */
Status		ensemble_fit_solve(const EnsembleFit *fit, double *weights, EnsembleFitResult *result);

#endif

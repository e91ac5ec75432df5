/*
 * validation.h: what the validation images say of a network.
 *
 * After every epoch they say how good the network is; when the training is
 * over they choose what a version carries besides its weights: the threshold
 * of its masks and how far its probabilities can be trusted.
 */
#ifndef LESIONSEG_LEARN_VALIDATION_H
#define LESIONSEG_LEARN_VALIDATION_H

#include "arch/network.h"
#include "learn/dataset.h"

typedef struct Validation Validation;

/* What is fitted to a network once its weights are final. */
typedef struct ValidationFit
{
	double		threshold;		/* learn/threshold.h */
	double		temperature;	/* learn/calibration.h */
	double		review_below;	/* expected Dice below which a mask is to be looked at */
} ValidationFit;

/*
 * Prepare to predict `images` (NULL or empty: there are none, and nothing is
 * taken) with the weights that the network will have then, max_batch at a
 * time at most. Network and data set must outlive it. Memory is the network's
 * host's.
 */
Status		validation_create(Network *network, const EngineChoice *engine, const Dataset *images, int max_batch,
							  Validation **validation);
void		validation_free(Validation *validation);

/* Mean loss and mean Dice at one half with the weights of now; NaN without
 * images. */
Status		validation_score(Validation *validation, double *loss, double *dice);

/*
 * Fit a network with the weights of now. threshold: the one that is wanted, or
 * 0 to have the best. With few images, threshold, temperature and review_below
 * are those of a network that nothing was fitted to.
 */
Status		validation_fit(Validation *validation, double threshold, ValidationFit *fit);

#endif

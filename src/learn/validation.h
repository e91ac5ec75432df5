/*
 * validation.h: how well a network does on the validation images.
 *
 * After every epoch they say how good the network is; when the training is
 * over they choose what a version carries besides its weights: the threshold
 * of its masks and how far its probabilities can be trusted.
 */
#ifndef LESIONSEG_LEARN_VALIDATION_H
#define LESIONSEG_LEARN_VALIDATION_H

#include "arch/network.h"
#include "learn/dataset.h"
#include "learn/fit.h"

typedef struct Validation Validation;

/*
 * Prepare to predict `images` (NULL or empty: there are none, and nothing is
 * taken) with the weights that the network will have then, max_batch at a
 * time at most. Network and data set must outlive it. Memory is the network's
 * call's.
 */
Status		validation_create(Network *network, const Call *call, const EngineChoice *engine, const Dataset *images,
							  int max_batch,
							  Validation **validation);
void		validation_free(Validation *validation);

/* Mean loss and mean Dice at one half with the weights of now; NaN without
 * images. */
Status		validation_score(Validation *validation, const Call *call, double *loss, double *dice);

/* Fit what goes with the weights of now; threshold as in learn/fit.h. */
Status		validation_fit(Validation *validation, const Call *call, double threshold, Traits *traits);

#endif

/*
 * validation.h: how well a network does on the validation images.
 *
 * After every epoch they measure how good the network is. After the training,
 * threshold, temperature and review threshold are fitted on them.
 */
#ifndef LESIONSEG_LEARN_VALIDATION_H
#define LESIONSEG_LEARN_VALIDATION_H

#include "arch/network.h"
#include "learn/dataset.h"
#include "learn/fit.h"

typedef struct Validation Validation;

/*
 * Prepare to predict `images` (NULL or empty: there are none, and nothing is
 * allocated), at most max_batch at a time. Each prediction uses the network's
 * weights of that time. Network and data set must outlive the validation. Its
 * memory comes from network->host.
 */
Status		validation_create(Network *network, const Call *call, const EngineChoice *engine, const Dataset *images,
							  int max_batch,
							  Validation **validation);
void		validation_free(Validation *validation);

/* Mean loss and mean Dice (at threshold 0.5) of the present weights; NaN
 * without images. */
Status		validation_score(Validation *validation, const Call *call, double *loss, double *dice);

/* Fit traits to the present weights; threshold as in learn/fit.h. */
Status		validation_fit(Validation *validation, const Call *call, double threshold, Traits *traits);

#endif

/*
 * ensemble_select.h: which members an ensemble takes, and how often.
 */
#ifndef LESIONSEG_LEARN_ENSEMBLE_SELECT_H
#define LESIONSEG_LEARN_ENSEMBLE_SELECT_H

#include "learn/ensemble/ensemble_images.h"

/* Find weights (members), as counts that sum to at most ENSEMBLE_COUNTS_MAX,
 * and the share of draws in which they help (ensemble_fit.h). */
Status		ensemble_select(const Call *call, const EnsembleFit *fit, uint64_t seed, int *counts, double *helped);

#endif

/*
 * weights_mean.h: the weighted mean of weight files, tensor by tensor: the
 * server's step of federated averaging (McMahan et al., "Communication-efficient
 * learning of deep networks from decentralized data", AISTATS 2017, algorithm 1).
 *
 * mean = (n_1 w_1 + n_2 w_2 + ...) / (n_1 + n_2 + ...), in double, in the order
 * in which files are added, rounded to float32 once. That is the type in which
 * training holds its weights. In a type of 16 bits the mean would lose updates that
 * are smaller than a few thousandths of a weight. Running statistics of
 * batch norms are averaged in the same way.
 */
#ifndef LESIONSEG_LEARN_WEIGHTS_MEAN_H
#define LESIONSEG_LEARN_WEIGHTS_MEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"
#include "core/status.h"

/* The range of n: no product with a weight is beyond double, or loses digits. */
#define WEIGHTS_MEAN_LEAST_N 1e-100
#define WEIGHTS_MEAN_MOST_N 1e100

typedef struct WeightsMean WeightsMean;

/* Start a mean in host's memory. */
Status		weights_mean_create(const Host *host, WeightsMean **mean);
void		weights_mean_free(WeightsMean *mean);

/*
 * Add a weight file that counts n times. A file that is not of the first one's
 * network (shared_weights.h), or was trained at another image size or with another
 * enhancement, is LS_INVALID_WEIGHTS, an n out of range
 * LS_INVALID_ARGUMENT. Polls. After a cancel or a failed allocation the mean can
 * only be freed; after another error it is as before.
 */
Status		weights_mean_add(WeightsMean *mean, const Call *call, const void *bytes, size_t size, double n);

/* Are there files that say how training split its images, and not in the same
 * way? */
bool		weights_mean_splits_differ(const WeightsMean *mean);

/*
 * Write the mean of the files so far, of which there is at least one, as a
 * float32 weight file: *bytes is allocated through call, the caller frees it. Its
 * threshold, temperature, review bound, coefficients of the predicted Dice and
 * split are those of the files where all agree, else it has none. One file gives its own weights.
 */
Status		weights_mean_write(WeightsMean *mean, const Call *call, void **bytes, size_t *size);

#endif

/*
 * update.h: what a hospital's training did to the weights it started from, and
 * its limit and noise before it leaves (McMahan et al., "Learning differentially
 * private recurrent language models", ICLR 2018, section 2).
 *
 * An update is weights - start over all elements that gradients train. Running
 * statistics of batch norms are no part of it: no gradient makes them, their
 * size has no bound, and noise could make a variance negative.
 */
#ifndef LESIONSEG_LEARN_UPDATE_H
#define LESIONSEG_LEARN_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

#include "arch/network.h"

/* The largest norm and noise: their product, and so a weight, stays finite. */
#define UPDATE_LEAST_NORM 1e-30
#define UPDATE_MOST_NORM 1e30
#define UPDATE_MOST_NOISE 1e6

/* Check what update_clip is asked for: a clip_norm outside of UPDATE_LEAST_NORM to UPDATE_MOST_NORM, or a
 * noise_multiplier outside of 0 to UPDATE_MOST_NOISE, is LS_INVALID_ARGUMENT. */
Status		update_check_limits(double clip_norm, double noise_multiplier);

/* The L2 norm of an update. Both networks are of one architecture and config,
 * here and below. Polls. */
Status		update_norm(const Call *call, const Network *start, const Network *weights, double *norm);

/*
 * Fill bytes with random bits that nobody can foresee; false: there are none.
 * (PostgreSQL's pg_strong_random is one.)
 */
typedef bool (*UpdateRandom) (void *bytes, size_t size);

/*
 * Make `weights` fit to leave. Its update is scaled so that its norm is at most
 * clip_norm, and each element gets Gaussian noise of standard deviation
 * noise_multiplier * clip_norm. Sums are double, and rounded to float32 after the
 * noise. What training fitted to images without a bound does not leave: running
 * statistics become those of start; threshold, temperature, review bound and the
 * coefficients of the predicted Dice are no longer known. An update within
 * clip_norm stays as it is where there is no noise.
 *
 * Errors are those of update_check_limits, and LS_HOST_ERROR without random
 * bits. Polls. After an error weights are undefined.
 */
Status		update_clip(const Call *call, const Network *start, Network *weights, double clip_norm,
						double noise_multiplier, UpdateRandom random);

#endif

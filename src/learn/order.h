/*
 * order.h: the order in which an epoch sees the images.
 */
#ifndef LESIONSEG_LEARN_ORDER_H
#define LESIONSEG_LEARN_ORDER_H

#include <stdint.h>

#include "core/rng.h"
#include "core/status.h"

/* Number of batches of an epoch; the last one is filled up. */
long		epoch_batches(long images, int batch_size);

/*
 * Fill order[epoch_batches * batch_size] for an epoch (1-based): first one
 * place per image, shuffled by Fisher and Yates's method; then, to fill the
 * last batch, the first images of the epoch again. batch_size <= images.
 *
 * With weights (images; NULL = all equal) an image gets weight * images / (sum
 * of the weights) places. A fraction is rounded up or down at random, anew in
 * each epoch (systematic sampling: places lie evenly on all the weights laid
 * end to end).
 */
void		epoch_order(int64_t seed, int epoch, long images, const double *weights, int batch_size, int32_t *order);

/* Check weights: LS_INVALID_ARGUMENT if one is negative or not finite, or if
 * none is above 0. */
Status		epoch_check_weights(long images, const double *weights);

/* Start the generator of the image at `place` (0-based) in an epoch's order. */
void		epoch_image_rng(Rng *rng, int64_t seed, int epoch, long place);

#endif

/*
 * order.h: the order in which an epoch sees the images.
 */
#ifndef LESIONSEG_LEARN_ORDER_H
#define LESIONSEG_LEARN_ORDER_H

#include <stdint.h>

#include "core/rng.h"

/* Batches of an epoch over `images` images: the last one is filled up. */
long		epoch_batches(long images, int batch_size);

/*
 * Fill order[epoch_batches * batch_size] for an epoch (1-based): every image
 * once, shuffled by Fisher and Yates's method, then, to fill the last batch,
 * images from the beginning of the epoch again. batch_size <= images.
 */
void		epoch_order(int64_t seed, int epoch, long images, int batch_size, int32_t *order);

/* Start the generator of the image at `place` (0-based) in an epoch's order. */
void		epoch_image_rng(Rng *rng, int64_t seed, int epoch, long place);

#endif

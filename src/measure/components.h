/*
 * components.h: remove what a lesion's mask should not have: all parts but the
 * largest, and holes.
 */
#ifndef LESIONSEG_MEASURE_COMPONENTS_H
#define LESIONSEG_MEASURE_COMPONENTS_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/*
 * Keep only the largest component of a 1-channel 0/255 mask (pixels that touch
 * at a corner are connected, as in lesion_shape); of equal ones the uppermost.
 */
Status		mask_keep_largest(const Call *call, Image *mask);

/* The same, but pixels far from the middle weigh less: exp(-4 d^2), where d is
 * 0 in the middle and 1 at the middle of each edge. */
Status		mask_keep_central(const Call *call, Image *mask);

/* Fill holes: background that is not connected, over edges of pixels, to the
 * border of the mask. */
Status		mask_fill_holes(const Call *call, Image *mask);

#endif

/*
 * components.h: a mask rid of what a lesion's mask should not have: parts
 * beside the largest, and holes.
 */
#ifndef LESIONSEG_MEASURE_COMPONENTS_H
#define LESIONSEG_MEASURE_COMPONENTS_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* Clear all of a 1-channel 0/255 mask but its largest component (pixels that
 * touch at a corner are connected, as in lesion_shape); of equals the
 * uppermost stays. */
Status		mask_keep_largest(const Call *call, Image *mask);

/* The same, but pixels far from the middle weigh less: exp(-4 d^2), d being 1
 * from the middle to the edge, both ways. */
Status		mask_keep_central(const Call *call, Image *mask);

/* Fill what the lesion encloses: background from which no path over the
 * edges of pixels leads to the border of the mask. */
Status		mask_fill_holes(const Call *call, Image *mask);

#endif

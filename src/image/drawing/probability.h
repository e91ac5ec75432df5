/*
 * probability.h: a map of probabilities as a picture.
 */
#ifndef LESIONSEG_IMAGE_PROBABILITY_H
#define LESIONSEG_IMAGE_PROBABILITY_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/*
 * Put an image and its map of probabilities (1 channel, 255 p) side by side at the
 * image's size, each with its title above, and a scale of the map's colours below;
 * and a bar of a round length if mm_per_pixel is above 0. A map of another shape or
 * of colours is LS_INVALID_ARGUMENT. The caller frees result, which is RGB.
 */
Status		probability_picture(const Call *call, const Image *image, const Image *map, double mm_per_pixel,
								Image *result);

#endif

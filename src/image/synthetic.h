/*
 * synthetic.h: rendered dermoscopic lesions with their exact masks, for demos and tests.
 */
#ifndef LESIONSEG_IMAGE_SYNTHETIC_H
#define LESIONSEG_IMAGE_SYNTHETIC_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/*
 * Render one lesion on skin: RGB image and 0/255 mask of width x height. The
 * same seed gives the same bytes everywhere, because all decisions are made in
 * integers. severity 0..5 makes it worse: noise, blur, uneven light, hairs.
 */
Status		synthetic_lesion(const Call *call, int64_t seed, int width, int height, int severity,
							 Image *image, Image *mask);

#endif

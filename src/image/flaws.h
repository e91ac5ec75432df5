/*
 * flaws.h: makes a rendered photograph worse. Private to this folder.
 */
#ifndef LESIONSEG_IMAGE_FLAWS_H
#define LESIONSEG_IMAGE_FLAWS_H

#include "core/call.h"
#include "core/rng.h"
#include "core/status.h"
#include "image/image.h"

/* Add uneven light, hairs, blur and sensor noise of severity 1..5 to an RGB
 * image, in place. */
Status		flaws_add(const Call *call, Rng *rng, int severity, Image *image);

/* A uniform integer in [low, high]. */
int			pick_between(Rng *rng, int low, int high);

#endif

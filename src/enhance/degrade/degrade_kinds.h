/*
 * degrade_kinds.h: the kinds behind degrade.h, by their causes. Private to
 * this folder. Each takes a severity of 1..5; see degrade_apply.
 */
#ifndef LESIONSEG_ENHANCE_DEGRADE_KINDS_H
#define LESIONSEG_ENHANCE_DEGRADE_KINDS_H

#include "enhance/degrade/degrade.h"
#include "enhance/pixels.h"

/* The sensor (degrade_noise.c). */
Status		degrade_noise(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_shot_noise(const Call *call, int severity, Rng *rng, Image *image);

/* The lens, the hand and the file (degrade_detail.c). */
Status		degrade_blur(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_motion_blur(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_low_resolution(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_jpeg(const Call *call, int severity, Rng *rng, Image *image);

/* The light (degrade_light.c). */
Status		degrade_darkness(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_low_contrast(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_uneven_light(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_colour_cast(const Call *call, int severity, Rng *rng, Image *image);

/* What lies on the skin (degrade_objects.c). */
Status		degrade_strands(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_ruler_ink(const Call *call, int severity, Rng *rng, Image *image);
Status		degrade_bubbles(const Call *call, int severity, Rng *rng, Image *image);

/* A uniform integer in [low, high]. */
static inline int
draw_between(Rng *rng, int low, int high)
{
	return low + (int) rng_below(rng, (uint64_t) (high - low) + 1);
}

static inline int
shorter_side(const Image *image)
{
	return image->width < image->height ? image->width : image->height;
}

#endif

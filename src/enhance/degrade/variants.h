/*
 * variants.h: one image degraded in many ways, each enhanced in some modes:
 * what a model's robustness is measured on.
 *
 * Degrading and enhancing an image of a network's size takes a few
 * milliseconds, too little to share out its rows; several variants are made
 * at a time instead, each by one thread. What comes of it does not depend on
 * that.
 */
#ifndef LESIONSEG_ENHANCE_VARIANTS_H
#define LESIONSEG_ENHANCE_VARIANTS_H

#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"

#define VARIANT_MODES 3			/* modes of enhancement there are */

/* A way to degrade. */
typedef struct Degraded
{
	int			severity;		/* 0: as it is */
	DegradeKind kind;			/* unless that */
} Degraded;

/* What to make of an image. */
typedef struct VariantSet
{
	int			mode_count;
	EnhanceMode modes[VARIANT_MODES];
	int64_t		seed;			/* of degrade_image */
} VariantSet;

/* How many degradations of an image of this size are made at once: more would
 * delay a cancel, which is seen between calls, or within one where this is 1. */
int			variants_at_once(const Call *call, int width, int height);

/*
 * Degrade copies of source in `count` ways, at most variants_at_once(), and
 * enhance each in every mode: images[i * mode_count + m] is way i in mode m.
 * The caller frees them through call also on failure; they are zeroed here.
 */
Status		variants_make(const Call *call, const Image *source, const VariantSet *set, const Degraded *ways,
						  int count, Image *images);

#endif

/*
 * variants.h: one image degraded in many ways, each enhanced in some modes, to
 * measure a model's robustness.
 *
 * Degrading and enhancing an image of a network's size takes a few
 * milliseconds: too little work to divide its rows between threads. So several
 * variants are made at a time, each by one thread. The results do not depend on
 * the number of threads.
 */
#ifndef LESIONSEG_ENHANCE_VARIANTS_H
#define LESIONSEG_ENHANCE_VARIANTS_H

#include "enhance/degrade/degrade.h"
#include "enhance/enhance.h"

#define VARIANT_MODES 3			/* number of modes of enhancement */

/* A way to degrade. */
typedef struct Degraded
{
	int			severity;		/* 0: as it is */
	DegradeKind kind;			/* unless that */
} Degraded;

/* The variants to make of an image. */
typedef struct VariantSet
{
	int			mode_count;
	EnhanceMode modes[VARIANT_MODES];
	int64_t		seed;			/* seed for degrade_image */
} VariantSet;

/*
 * How many ways of an image of this size can be made at once. More would delay
 * a cancel, which is noticed between calls of variants_make, or within a call
 * if this is 1.
 */
int			variants_at_once(const Call *call, int width, int height);

/*
 * Degrade copies of source in `count` ways, at most variants_at_once(), and
 * enhance each in every mode: images[i * mode_count + m] is way i in mode m.
 * The caller frees them through call also on failure; they are zeroed here.
 */
Status		variants_make(const Call *call, const Image *source, const VariantSet *set, const Degraded *ways,
						  int count, Image *images);

#endif

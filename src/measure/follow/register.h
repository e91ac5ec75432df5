/*
 * register.h: where the skin of one photograph is in a later one of the same
 * lesion.
 *
 * Shift, rotation and scale are found, in three steps:
 *
 * Photographs are made alike: luma, less its mean and over its standard deviation
 * around each pixel, at four sizes, so that light and exposure do not count.
 * Rotation and scale are those at which the photographs agree best on rings
 * around the lesions' centroids (a log-polar map: Wolberg and Zokai, ICIP 2000).
 * Where that agrees badly, as of a lesion that the edge cuts off, all shifts of
 * the smallest size are tried at rotations up to 60 degrees. The best are refined
 * together with the shift, from the smallest to the largest size, by Gauss and
 * Newton's method (Lucas and Kanade, IJCAI 1981; Baker
 * and Matthews, IJCV 56(3), 2004), with Cauchy's weights against what is
 * different: hair, glare. Pixels near the lesions' borders count for little: a
 * lesion that has grown must not look like one that is nearer.
 */
#ifndef LESIONSEG_MEASURE_REGISTER_H
#define LESIONSEG_MEASURE_REGISTER_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* From a point of the first image to that of the second, in pixels from the
 * upper left corner: x' = a x - b y + x0, y' = b x + a y + y0. */
typedef struct Similarity
{
	double		a;
	double		b;
	double		x0;
	double		y0;
} Similarity;

typedef struct Registration
{
	Similarity	to_after;
	double		confidence;		/* 0..1: how well the photographs agree there; see REGISTRATION_SURE */
} Registration;

/* Above it a registration counts as right (docs/measures.md has how often). */
#define REGISTRATION_SURE 0.4

/*
 * Register `after` to `before` (RGB or grey); masks are of the sizes of their
 * images, 1 channel, not 0 where there is lesion. One without lesion gives
 * confidence 0 and the identity between centres.
 */
Status		register_images(const Call *call, const Image *before, const Image *mask_before, const Image *after,
							const Image *mask_after, Registration *registration);

/* The same map for images of other sizes: `before` so many times as large, and
 * `after`. */
Similarity	similarity_rescale(const Similarity *map, double before, double after);

/* The map back. */
Similarity	similarity_inverse(const Similarity *map);

#endif

/*
 * register.h: find the map (shift, rotation and scale) from one photograph of a
 * lesion to a later one, in three steps.
 *
 * 1. Photographs are normalised: the mean of luma around each pixel is
 * subtracted, the rest divided by its standard deviation, at four sizes. Light
 * and exposure then do not matter.
 *
 * 2. Rotation and scale are chosen so that the photographs agree best on rings
 * around the lesions' centroids (a log-polar map: Wolberg and Zokai, ICIP
 * 2000). If the agreement is bad, for instance because an edge cuts a lesion
 * off, all shifts of the smallest size are tried at rotations up to 60 degrees.
 *
 * 3. The best candidates are refined together with the shift, from the smallest
 * to the largest size, by Gauss and Newton's method (Lucas and Kanade, IJCAI
 * 1981; Baker and Matthews, IJCV 56(3), 2004). Cauchy's weights reduce the
 * influence of differences such as hair and glare. Pixels near the lesions'
 * borders have small weights: a lesion that has grown must not look like one
 * that is nearer.
 */
#ifndef LESIONSEG_MEASURE_REGISTER_H
#define LESIONSEG_MEASURE_REGISTER_H

#include <stdbool.h>

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
	double		confidence;		/* 0..1: how well the photographs agree under the map */
	bool		sure;			/* registration_is_sure of it */
} Registration;

/*
 * Does a registration count as right (docs/measures.md says how often it is)?
 * map is between images of one size. Different lesions agree best under maps
 * that turn or scale much, so these need more confidence.
 */
bool		registration_is_sure(double confidence, const Similarity *map);

/*
 * Register `after` to `before` (RGB or grey); masks are of the sizes of their
 * images, 1 channel, not 0 where there is lesion. If one mask has no lesion,
 * confidence is 0 and the map only joins the images' centres.
 */
Status		register_images(const Call *call, const Image *before, const Image *mask_before, const Image *after,
							const Image *mask_after, Registration *registration);

/* The same map for images of other sizes; `before` and `after` are the factors
 * of size. */
Similarity	similarity_rescale(const Similarity *map, double before, double after);

#endif

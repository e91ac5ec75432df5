/*
 * boundary.h: how far the outline of a predicted mask is from that of the
 * truth.
 *
 * The boundary of a mask is the lesion pixels with at least one neighbour, of
 * four, that is no lesion; pixels outside the image are no lesion. Distances
 * are Euclidean, between centres of pixels, exact (distance.h), from each
 * boundary pixel of one mask to the nearest of the other:
 *
 * hausdorff95: the larger of the two directed 95th percentiles, interpolated
 * linearly between ranks (Huttenlocher et al., IEEE PAMI 15(9), 1993).
 * assd: average symmetric surface distance, the mean over both boundaries
 * (Heimann et al., IEEE TMI 28(8), 2009).
 * surface_dice: share of both boundaries within a tolerance of the other
 * (Nikolov et al., J Med Internet Res 23(7), 2021, by boundary pixels).
 */
#ifndef LESIONSEG_MEASURE_BOUNDARY_H
#define LESIONSEG_MEASURE_BOUNDARY_H

#include <stdbool.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/distance.h"

/* The default tolerance is this share of the truth's equivalent diameter. */
#define BOUNDARY_TOLERANCE 0.02

typedef struct BoundaryScore
{
	bool		has_distance;	/* false where one mask alone is empty */
	double		hausdorff95;	/* in the unit of spacing; 0 where both are empty */
	double		assd;
	double		surface_dice;	/* 0..1; 0 where one mask alone is empty, 1 where both are */
} BoundaryScore;

/*
 * Compare predicted with truth (1-channel 0/255 masks) at the truth's size;
 * spacing is that of the truth's pixels, {1, 1} for figures in pixels.
 * tolerance is in the same unit, 0 = the default. Errors as confusion_count,
 * and LS_LIMIT_EXCEEDED if there is no room for 6 bytes for each pixel of the
 * rectangle around the lesions.
 */
Status		boundary_score(const Call *call, const Image *predicted, const Image *truth, PixelSpacing spacing,
						   double tolerance, BoundaryScore *score);

#endif

/*
 * mask.h: from probability maps to a mask.
 */
#ifndef LESIONSEG_INFER_MASK_H
#define LESIONSEG_INFER_MASK_H

#include "image/codec/codec.h"
#include "infer/blend.h"
#include "infer/points.h"
#include "infer/segment.h"

/* How a mask is made. */
typedef struct MaskOptions
{
	int			width;			/* size of the mask */
	int			height;
	double		threshold;		/* 0..1; lesion where the probability is above */
	bool		largest_component;	/* keep no other, see measure/components.h */
	bool		fill_holes;
	const SecondLook *second;	/* NULL = none */
	const PointHints *points;	/* NULL = none; the mask is bound by them first */
} MaskOptions;

/*
 * Resize `count` maps bilinearly to the mask's size, take their mean with
 * `weights` (>= 0, not all 0), blend it with that of the second look, and threshold it: mask is 1 channel of 0/255. If
 * probabilities is not NULL it receives the mean as 1-channel 8-bit (round(255
 * p)). Flipped or turned maps give the flipped or turned mask, bit for bit.
 * The caller frees both through call; on failure there is nothing to free.
 */
Status		mask_create(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
						const MaskOptions *options, Image *mask, Image *probabilities);

/*
 * The same mask as PNG, which png_encode would make of it. Rows are encoded as they
 * are made: unless components or holes are asked about, which takes the whole mask,
 * it is never in memory. The caller frees the bytes.
 */
Status		mask_create_png(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
							const MaskOptions *options, EncodedImage *png);

/*
 * How much the masks of the maps whose weight is above 0 differ, each made by itself: 1 -
 * Dice between two of them, over all pairs. 0 where they are one, where there
 * is only one and where all are empty; near 1 where none overlap. A person's points
 * do not count: they say nothing of the networks.
 */
Status		mask_disagreement(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
							  const MaskOptions *options, double *disagreement);

#endif

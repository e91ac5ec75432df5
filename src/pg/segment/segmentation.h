/*
 * segmentation.h: a mask and all that is known about it, as lesion_segment_detail
 * returns it and lesion_predict stores it.
 */
#ifndef LESIONSEG_PG_SEGMENT_SEGMENTATION_H
#define LESIONSEG_PG_SEGMENT_SEGMENTATION_H

#include "postgres.h"

#include "measure/morphology.h"
#include "pg/segment/model_segment.h"

typedef struct Segmentation
{
	Segmented	segmented;		/* with its map of probabilities */
	LesionShape shape;
	double		area;			/* lesion's share of the mask, 0..1 */
	double		confidence;		/* mean over pixels of |2p - 1| */
	double		uncertain;		/* share of pixels with 0.25 < p < 0.75 */
	double		quality;		/* of the photograph, 0..1, as lesion_quality's score */
	bool		needs_review;	/* the mask may expect less Dice than the version's review threshold */
} Segmentation;

/* Segment an image and measure what came of it; the rest is as in model_segment.
 * An image that is decoded at full size anyway is decoded once. */
Status		segmentation_make(const ModelStore *store, const ModelVersion *version, const Call *call,
							  const ByteView *bytes, const SegmentOptions *options, Segmentation *result);

#endif

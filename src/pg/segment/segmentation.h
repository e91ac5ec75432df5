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

/* An image of a group, and what came of it. */
typedef struct SegmentationItem
{
	ByteView	bytes;
	Status		status;
	Segmentation made;			/* without its images */
	Datum		png;			/* the mask, as image_png; in the current memory context */
} SegmentationItem;

/* Segment an image, whatever its size. */
void		segmentation_make_item(const ModelStore *store, const ModelVersion *version, const Call *call,
								   const SegmentOptions *options, SegmentationItem *item);

/* May an image be one of a group? */
bool		segmentation_is_small(const Call *call, const ByteView *bytes);

/*
 * Segment a group of small images, best as many as the call has threads. What
 * is done before the network and after it takes one thread for an image: all
 * threads have work then. The network takes image after image on all threads.
 */
void		segmentation_make_group(const ModelStore *store, const ModelVersion *version, const Call *call,
									const SegmentOptions *options, SegmentationItem *items, int count);

#endif

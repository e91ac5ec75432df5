/*
 * model_segment.h: an image segmented with a version of a model.
 *
 * Everything that segments (lesion_segment and its kin, lesion_evaluate)
 * comes through here, with the same options.
 */
#ifndef LESIONSEG_PG_SEGMENT_MODEL_SEGMENT_H
#define LESIONSEG_PG_SEGMENT_MODEL_SEGMENT_H

#include "postgres.h"

#include "image/codec/codec.h"
#include "image/image.h"
#include "infer/segment.h"
#include "pg/base/values/bytes.h"
#include "pg/models/model_store.h"
#include "pg/segment/looks/look_image.h"
#include "pg/segment/looks/looks.h"
#include "pg/segment/looks/segment_options.h"

/* What came of an image. The images are memory of the call. */
typedef struct Segmented
{
	Image		mask;			/* 1 channel, 0 or 255 */
	Image		probabilities;	/* 255 p, calibrated, 1 channel; only if asked for */
	double		disagreement;	/* of the views of test-time augmentation and, if probabilities were asked for, of
								 * the members of an ensemble, the larger; NaN where neither is there */
	double		predicted_dice; /* what the mask may expect, if probabilities were asked for */
} Segmented;

/* Load the networks of a version unless they are ready. */
void		model_load(const ModelStore *store, const ModelVersion *version);

/* The same, but false where one needs more memory than the caller may take. */
bool		model_fits(const ModelStore *store, const ModelVersion *version);

/* Predict an image with each of `count` versions, none of them an ensemble.
 * The caller frees maps (zeroed before), also on failure. The rest is as
 * below. */
Status		model_maps(const ModelStore *store, ModelVersion *const *versions, int count, const Call *call,
					   const ByteView *bytes, const SegmentOptions *options, ProbabilityMap *maps);

/*
 * Segment an image; load the model first if need be. The mask has the size
 * width x height, or the size of the image where both are 0. A failed Status
 * is about the image, and then there is nothing to free. A cancel is raised.
 */
Status		model_segment(const ModelStore *store, const ModelVersion *version, const Call *call,
						  const ByteView *bytes, const SegmentOptions *options, int width, int height,
						  bool want_probabilities, Segmented *result);

/* The same, but the mask has the size of the image and becomes a PNG while it is made: mostly it is never
 * in memory. The caller frees the bytes. */
Status		model_segment_png(const ModelStore *store, const ModelVersion *version, const Call *call,
							  const ByteView *bytes, const SegmentOptions *options, EncodedImage *png);

/* Decode an image as a version looks at it with these options, as look_image_decode. On any thread. */
Status		model_decode_looks(const ModelVersion *version, const Call *call, const ByteView *bytes,
							   const SegmentOptions *options, const RowSink *also, LookImage *image);

/* Decode an image, as large as a version needs it. On any thread. */
Status		model_decode(const ModelVersion *version, const Call *call, const ByteView *bytes, ImageTurn turn,
						 Image *image);

/* The same as model_segment for a decoded image. width and height are those of
 * the mask; they are not 0. */
Status		model_segment_image(const ModelStore *store, const ModelVersion *version, const Call *call,
								const SegmentInput *input, const SegmentOptions *options, int width, int height,
								bool want_probabilities, Segmented *result);

/* The second half of that, on any thread: the mask of looks at an image. The
 * first half is looks_take(). */
Status		model_mask(const ModelVersion *version, const Call *call, const Looks *looks,
					   const SegmentOptions *options, int width, int height, bool want_probabilities,
					   Segmented *result);

#endif

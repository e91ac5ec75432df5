/*
 * looks.h: what the networks of a version say of an image: of the whole, and of
 * the part that a second look or a person's box is for.
 */
#ifndef LESIONSEG_PG_SEGMENT_LOOKS_LOOKS_H
#define LESIONSEG_PG_SEGMENT_LOOKS_LOOKS_H

#include "postgres.h"

#include "infer/blend.h"
#include "infer/points.h"
#include "pg/base/values/bytes.h"
#include "pg/models/ensemble.h"
#include "pg/segment/looks/segment_options.h"

/* An image to segment. */
typedef struct SegmentInput
{
	const Image *image;			/* decoded, RGB; perhaps smaller than the file's own */
	const ByteView *bytes;		/* the file, for a second look; NULL: the image is all there is */
	const Image *reduced;		/* the image at each size of the networks; these count before `image`, */
	int			reduced_count;	/* which may be without pixels if there are any */
} SegmentInput;

typedef struct Looks
{
	ModelVersion *const *networks;	/* the version itself, or the members of an ensemble */
	ModelVersion *self;
	int			count;
	const double *weights;		/* count */
	ProbabilityMap frame[ENSEMBLE_MAX_MEMBERS]; /* of the whole image */
	ProbabilityMap nearer[ENSEMBLE_MAX_MEMBERS];	/* of the second look's window */
	bool		boxed;			/* the only look was at a person's box: frame is empty */
	bool		twice;			/* there was a second look */
	SecondLook	second;			/* points to nearer: do not copy looks */
	PointHints	points;			/* a person's, of the image at its own size */
} Looks;

/* Reduce a decoded image to a version's network size and enhance it there, by
 * a mode that is not off. The caller frees `input`. */
Status		model_enhance(const ModelVersion *version, const Call *call, const Image *image, EnhanceMode mode,
						  Image *input);

/* Predict an image, enhanced as the options say, with each of `count` versions,
 * none of them an ensemble. The caller frees maps (zeroed before), also on failure. */
Status		look_predict(const ModelStore *store, ModelVersion *const *versions, int count, const Call *call,
						 const SegmentInput *input, const SegmentOptions *options, ProbabilityMap *maps);

/* Look at an image with a version, as often as the options say and as it is
 * worth. The caller frees looks (zeroed before), also on failure. A cancel is raised. */
Status		looks_take(const ModelStore *store, const ModelVersion *version, const Call *call,
					   const SegmentInput *input, const SegmentOptions *options, Looks *looks);
void		looks_free(Looks *looks, const Call *call);

/* How much the views of test-time augmentation differ, in the look in which they do more. */
double		looks_disagreement(const Looks *looks);

#endif

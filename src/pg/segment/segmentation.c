/*
 * segmentation.c: see segmentation.h.
 */
#include "postgres.h"

#include "enhance/quality/quality.h"
#include "pg/base/error.h"
#include "pg/segment/segmentation.h"

/* A pixel is uncertain where its probability, in 8 bits, lies strictly between
 * these: 0.25 and 0.75 of 255. */
#define UNCERTAIN_ABOVE 63.75
#define UNCERTAIN_BELOW 191.25

/* Mean of |2p - 1| over a map of 255 p, and the share of uncertain pixels. */
static void
measure_certainty(const Image *map, double *confidence, double *uncertain)
{
	size_t		pixels = (size_t) map->width * map->height;
	int64		histogram[256] = {0};
	int64		distance = 0;
	int64		between = 0;

	for (size_t i = 0; i < pixels; i++)
		histogram[map->pixels[i]]++;
	for (int value = 0; value < 256; value++)
	{
		distance += histogram[value] * abs(2 * value - 255);
		if (value > UNCERTAIN_ABOVE && value < UNCERTAIN_BELOW)
			between += histogram[value];
	}
	*confidence = distance / 255.0 / pixels;
	*uncertain = (double) between / pixels;
}

/* Measure how good a photograph is, on its pixels as they are and upright. So
 * a JPEG that was decoded smaller, or an image that was read as stored, is
 * decoded again. */
static Status
measure_quality(const Call *call, const ByteView *bytes, const ImageInfo *info, ImageTurn turn, const Image *decoded,
				double *score)
{
	bool		whole = decoded->width == info->width && decoded->height == info->height &&
		(turn == TURN_UPRIGHT || info->orientation == 1);
	Image		image;
	Quality		quality;
	Status		status;

	if (whole)
		status = quality_measure(call, decoded, &quality);
	else
	{
		TRY(image_decode(call, bytes->bytes, bytes->size, DECODE_RGB, &image));
		status = quality_measure(call, &image, &quality);
		image_free(call, &image);
	}
	TRY(status);
	*score = quality.score;
	return status_ok();
}

/* The same as segmentation_make for an image whose header was read and that was decoded. */
static Status
make_segmentation(const ModelStore *store, const ModelVersion *version, const Call *call, const ByteView *bytes,
				  const ImageInfo *info, const Image *image, const SegmentOptions *options, Segmentation *result)
{
	ImageInfo	turned = *info;
	const Image *mask = &result->segmented.mask;

	image_info_turn(&turned, options->turn);
	TRY(model_segment_image(store, version, call, image, options, turned.width, turned.height, true,
							&result->segmented));
	TRY(lesion_shape(call, mask, &result->shape));
	measure_certainty(&result->segmented.probabilities, &result->confidence, &result->uncertain);
	result->area = (double) result->shape.area / ((double) mask->width * mask->height);
	result->needs_review = result->segmented.predicted_dice < version->traits.review_below;
	return measure_quality(call, bytes, info, options->turn, image, &result->quality);
}

Status
segmentation_make(const ModelStore *store, const ModelVersion *version, const Call *call, const ByteView *bytes,
				  const SegmentOptions *options, Segmentation *result)
{
	ImageInfo	info;
	Image		image;
	Status		status = image_info(call, bytes->bytes, bytes->size, &info);

	if (status.code == LS_OK)
		status = model_decode(version, call, bytes, options->turn, &image);
	if (status.code == LS_OK)
	{
		status = make_segmentation(store, version, call, bytes, &info, &image, options, result);
		image_free(call, &image);
	}
	if (status.code == LS_CANCELLED || status.code == LS_HOST_ERROR)
		check_status(call, status);
	return status;
}

/*
 * model_segment.c: see model_segment.h.
 *
 * Bytes are decoded, no further than the networks need it, the image goes through the network, or through those of
 * all members of an ensemble, and what they say becomes a mask.
 */
#include "postgres.h"

#include <math.h>

#include "image/codec/codec.h"
#include "infer/calibration.h"
#include "infer/mask.h"
#include "infer/mask_statistics.h"
#include "pg/base/values/bytes.h"
#include "pg/base/error.h"
#include "pg/models/ensemble.h"
#include "pg/segment/looks/look_image.h"
#include "pg/segment/model_cache.h"
#include "pg/segment/model_segment.h"

/* The size of the mask: as asked for, or the image's own. */
static Status
mask_size(const Call *call, const ByteView *bytes, ImageTurn turn, int *width, int *height)
{
	ImageInfo	info;

	if (*width != 0 || *height != 0)
		return status_ok();
	TRY(image_info(call, bytes->bytes, bytes->size, &info));
	image_info_turn(&info, turn);
	*width = info.width;
	*height = info.height;
	return status_ok();
}

void
model_load(const ModelStore *store, const ModelVersion *version)
{
	if (version->member_count == 0)
		model_cache_load(store, version);
	for (int i = 0; i < version->member_count; i++)
		model_cache_load(store, version->members[i]);
}

bool
model_fits(const ModelStore *store, const ModelVersion *version)
{
	if (version->member_count == 0)
		return model_cache_fits(store, version);
	for (int i = 0; i < version->member_count; i++)
		if (!model_cache_fits(store, version->members[i]))
			return false;
	return true;
}

/* Decode an image as large as the versions need it. */
static Status
decode_image(ModelVersion *const *versions, int count, const Call *call, const ByteView *bytes, ImageTurn turn,
			 Image *image)
{
	int			size = 0;

	for (int i = 0; i < count; i++)
		size = Max(size, versions[i]->traits.image_size);
	return image_decode_at_least(call, bytes->bytes, bytes->size, DECODE_RGB, turn, size, size, image);
}

Status
model_maps(const ModelStore *store, ModelVersion *const *versions, int count, const Call *call,
		   const ByteView *bytes, const SegmentOptions *options, ProbabilityMap *maps)
{
	LookImage	image = {0};
	SegmentInput input;
	Status		status = look_image_decode(versions, count, call, bytes, options, NULL, &image);

	input = look_image_input(&image, bytes);
	if (status.code == LS_OK)
		status = look_predict(store, versions, count, call, &input, options, maps);
	look_image_free(call, &image);
	return check_cancel(call, status);
}

/* Say what Dice a mask may expect. Where a small map is enlarged, edges become
 * wide and unsure. The version was calibrated (learn/fit.h), and its review
 * threshold was found, at network size, so the Dice is predicted there,
 * whatever the size of the mask. */
static Status
predict_dice(const ModelVersion *version, const Call *call, const ProbabilityMap *maps, const double *weights,
			 int count, MaskOptions options, double *dice)
{
	double		table[256];
	double		statistics[MASK_STATISTICS];
	PointHints	points;
	Image		mask;
	Image		map;
	Status		status;

	if (options.points != NULL)
	{
		points = *options.points;
		points.coarse = true;
		options.points = &points;
	}
	options.width = options.height = version->traits.image_size;
	TRY(mask_create(call, maps, weights, count, &options, &mask, &map));
	calibration_table(version->traits.temperature, table);
	status = mask_statistics(call, &map, &mask, table, statistics);
	image_free(call, &mask);
	image_free(call, &map);
	TRY(status);
	*dice = mask_predicted_dice(version->traits.dice_coefficients, statistics);
	return status_ok();
}

/* Say how much the members of an ensemble differ, at the size that it was calibrated at, or their
 * views, where that is more. */
static Status
compare_members(const ModelVersion *version, const Call *call, const ProbabilityMap *maps, const double *weights,
				int count, MaskOptions options, double *disagreement)
{
	double		members;

	options.width = options.height = version->traits.image_size;
	TRY(mask_disagreement(call, maps, weights, count, &options, &members));
	*disagreement = fmax(*disagreement, members);
	return status_ok();
}

/* Calibrate a map of probabilities. */
static void
calibrate_map(const ModelVersion *version, Image *map)
{
	size_t		pixels = (size_t) map->width * map->height;
	double		table[256];
	uint8_t		bytes[256];

	calibration_table(version->traits.temperature, table);
	for (int value = 0; value < 256; value++)
		bytes[value] = (uint8_t) (int) (255 * table[value] + 0.5);
	for (size_t i = 0; i < pixels; i++)
		map->pixels[i] = bytes[map->pixels[i]];
}

/* How the mask of looks is made. */
static MaskOptions
mask_options(const Looks *looks, const SegmentOptions *options, int width, int height)
{
	return (MaskOptions) {
		.width = width,
		.height = height,
		.threshold = options->threshold,
		.largest_component = options->largest_component,
		.fill_holes = options->fill_holes,
		.second = looks->boxed || looks->twice ? &looks->second : NULL,
		.points = points_exist(&looks->points) ? &looks->points : NULL,
	};
}

/* The maps of the whole image, which a look at a box alone has not. */
static const ProbabilityMap *
frame_maps(const Looks *looks)
{
	return looks->boxed ? NULL : looks->frame;
}

Status
model_mask(const ModelVersion *version, const Call *call, const Looks *looks, const SegmentOptions *options,
		   int width, int height, bool want_probabilities, Segmented *result)
{
	MaskOptions mask = mask_options(looks, options, width, height);
	const ProbabilityMap *maps = frame_maps(looks);

	memset(result, 0, sizeof *result);
	result->disagreement = options->tta ? looks_disagreement(looks) : NAN;
	if (want_probabilities && looks->count > 1)
		TRY(compare_members(version, call, maps, looks->weights, looks->count, mask, &result->disagreement));
	if (want_probabilities)
		TRY(predict_dice(version, call, maps, looks->weights, looks->count, mask, &result->predicted_dice));
	TRY(mask_create(call, maps, looks->weights, looks->count, &mask, &result->mask,
					want_probabilities ? &result->probabilities : NULL));
	if (want_probabilities)
		calibrate_map(version, &result->probabilities);
	return status_ok();
}

/* Make the mask of what was looked at, if that went well, and free the looks. A cancel is raised. */
static Status
finish_looks(const ModelVersion *version, const Call *call, const SegmentOptions *options, int width, int height,
			 bool want_probabilities, Looks *looks, Status status, Segmented *result)
{
	if (status.code == LS_OK)
		status = model_mask(version, call, looks, options, width, height, want_probabilities, result);
	looks_free(looks, call);
	return check_cancel(call, status);
}

Status
model_segment_image(const ModelStore *store, const ModelVersion *version, const Call *call, const SegmentInput *input,
					const SegmentOptions *options, int width, int height, bool want_probabilities, Segmented *result)
{
	Looks		looks = {0};
	Status		status = looks_take(store, version, call, input, options, &looks);

	return finish_looks(version, call, options, width, height, want_probabilities, &looks, status, result);
}

Status
model_decode(const ModelVersion *version, const Call *call, const ByteView *bytes, ImageTurn turn, Image *image)
{
	ModelVersion *self = unconstify(ModelVersion *, version);

	if (version->member_count > 0)
		return decode_image(version->members, version->member_count, call, bytes, turn, image);
	return decode_image(&self, 1, call, bytes, turn, image);
}

Status
model_decode_looks(const ModelVersion *version, const Call *call, const ByteView *bytes,
				   const SegmentOptions *options, const RowSink *also, LookImage *image)
{
	ModelVersion *self = unconstify(ModelVersion *, version);

	if (version->member_count > 0)
		return look_image_decode(version->members, version->member_count, call, bytes, options, also, image);
	return look_image_decode(&self, 1, call, bytes, options, also, image);
}

/* Decode an image and look at it. */
static Status
decode_and_look(const ModelStore *store, const ModelVersion *version, const Call *call, const ByteView *bytes,
				const SegmentOptions *options, Looks *looks)
{
	LookImage	image = {0};
	SegmentInput input;
	Status		status = model_decode_looks(version, call, bytes, options, NULL, &image);

	input = look_image_input(&image, bytes);
	if (status.code == LS_OK)
		status = looks_take(store, version, call, &input, options, looks);
	look_image_free(call, &image);
	return status;
}

Status
model_segment(const ModelStore *store, const ModelVersion *version, const Call *call, const ByteView *bytes,
			  const SegmentOptions *options, int width, int height, bool want_probabilities, Segmented *result)
{
	Looks		looks = {0};
	Status		status = mask_size(call, bytes, options->turn, &width, &height);

	if (status.code == LS_OK)
		status = decode_and_look(store, version, call, bytes, options, &looks);
	return finish_looks(version, call, options, width, height, want_probabilities, &looks, status, result);
}

Status
model_segment_png(const ModelStore *store, const ModelVersion *version, const Call *call, const ByteView *bytes,
				  const SegmentOptions *options, EncodedImage *png)
{
	Looks		looks = {0};
	MaskOptions mask;
	int			width = 0;
	int			height = 0;
	Status		status = mask_size(call, bytes, options->turn, &width, &height);

	if (status.code == LS_OK)
		status = decode_and_look(store, version, call, bytes, options, &looks);
	if (status.code == LS_OK)
	{
		mask = mask_options(&looks, options, width, height);
		status = mask_create_png(call, frame_maps(&looks), looks.weights, looks.count, &mask, png);
	}
	looks_free(&looks, call);
	return check_cancel(call, status);
}

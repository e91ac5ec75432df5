/*
 * model_segment.c: see model_segment.h.
 *
 * Bytes are decoded, the image goes through the network, what the network
 * says becomes a mask.
 */
#include "postgres.h"

#include "image/codec.h"
#include "learn/calibration.h"
#include "learn/mask.h"
#include "pg/json_values.h"
#include "pg/model_cache.h"
#include "pg/model_segment.h"

/* Keys of the argument `options` and where their values stand. */
typedef struct OptionKey
{
	const char *name;
	size_t		offset;			/* of a bool in SegmentOptions */
} OptionKey;

static const OptionKey option_keys[] = {
	{"largest_component", offsetof(SegmentOptions, largest_component)},
	{"fill_holes", offsetof(SegmentOptions, fill_holes)},
};

/* Take one key. */
static void
take_option(void *data, const char *key, double value)
{
	for (size_t i = 0; i < lengthof(option_keys); i++)
	{
		if (strcmp(key, option_keys[i].name) != 0)
			continue;
		if (value != 0 && value != 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is %g, it must be true or false", key, value)));
		*(bool *) ((char *) data + option_keys[i].offset) = value != 0;
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("options have no key \"%s\"", key),
			 errhint("Keys that exist: largest_component, fill_holes.")));
}

void
segment_options_apply(Jsonb *json, SegmentOptions *options)
{
	json_values_each(json, "options", take_option, options);
}

Jsonb *
segment_options_jsonb(const SegmentOptions *options)
{
	JsonBuilder builder;

	json_begin(&builder);
	if (options->tta)
		json_add_boolean(&builder, "tta", true);
	for (size_t i = 0; i < lengthof(option_keys); i++)
		if (*(const bool *) ((const char *) options + option_keys[i].offset))
			json_add_boolean(&builder, option_keys[i].name, true);
	return json_end(&builder);
}

/* The size of the mask: as asked for, or the image's own. */
static Status
mask_size(const HostContext *host, const ByteView *bytes, MaskOptions *options)
{
	ImageInfo	info;

	if (options->width != 0 || options->height != 0)
		return status_ok();
	TRY(image_info(host, bytes->bytes, bytes->size, &info));
	options->width = info.width;
	options->height = info.height;
	return status_ok();
}

/* What the model says of an image. */
static Status
predict(const ModelStore *store, const ModelVersion *version, const HostContext *host, const ByteView *bytes,
		const SegmentOptions *options, ProbabilityMap *map)
{
	Image		image;
	Status		status;

	TRY(image_decode_at_least(host, bytes->bytes, bytes->size, DECODE_RGB, version->image_size, version->image_size,
							  &image));
	status = model_cache_run(store, version, host, &image, options->tta, options->threshold, map);
	image_free(host, &image);
	return status;
}

/* Calibrate the probabilities, and say what Dice the mask may expect. */
static void
calibrate(const ModelVersion *version, Segmented *result)
{
	Image	   *map = &result->probabilities;
	size_t		pixels = (size_t) map->width * map->height;
	double		table[256];
	uint8_t		bytes[256];

	calibration_table(version->temperature, table);
	result->predicted_dice = calibration_expected_dice(pixels, map->pixels, result->mask.pixels, table);
	for (int value = 0; value < 256; value++)
		bytes[value] = (uint8_t) (int) (255 * table[value] + 0.5);
	for (size_t i = 0; i < pixels; i++)
		map->pixels[i] = bytes[map->pixels[i]];
}

/* The same as model_segment, a cancel being a Status like others. */
static Status
segment(const ModelStore *store, const ModelVersion *version, const HostContext *host, const ByteView *bytes,
		const SegmentOptions *options, MaskOptions *mask, bool want_probabilities, Segmented *result)
{
	const double weight = 1;
	ProbabilityMap map;
	Status		status;

	TRY(mask_size(host, bytes, mask));
	TRY(predict(store, version, host, bytes, options, &map));
	result->disagreement = map.disagreement;
	status = mask_create(host, &map, &weight, 1, mask, &result->mask,
						 want_probabilities ? &result->probabilities : NULL);
	if (status.code == LS_OK && want_probabilities)
		calibrate(version, result);
	probability_map_free(host, &map);
	return status;
}

Status
model_segment(const ModelStore *store, const ModelVersion *version, const HostContext *host, const ByteView *bytes,
			  const SegmentOptions *options, int width, int height, bool want_probabilities, Segmented *result)
{
	MaskOptions mask = {
		.width = width,
		.height = height,
		.threshold = options->threshold,
		.largest_component = options->largest_component,
		.fill_holes = options->fill_holes,
	};
	Status		status;

	memset(result, 0, sizeof *result);
	status = segment(store, version, host, bytes, options, &mask, want_probabilities, result);
	if (status.code == LS_CANCELLED || status.code == LS_HOST_ERROR)
		check_status(host, status);
	return status;
}

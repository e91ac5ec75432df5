/*
 * weights_metadata.c: read the metadata of a weight file.
 */
#include "nn/weights/weights_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copy a metadata string of printable ASCII. */
static Status
copy_text(const json_t *metadata, const char *key, char *text, size_t size)
{
	const char *value = json_string_value(json_object_get(metadata, key));

	if (value == NULL)
		return metadata_error(key, "is missing or no string");
	if (strlen(value) >= size)
		return metadata_error(key, "is too long");
	for (size_t i = 0; value[i] != '\0'; i++)
		if (value[i] < ' ' || value[i] > '~')
			return metadata_error(key, "is not printable ASCII");
	strcpy(text, value);
	return status_ok();
}

/* Read a metadata string of count numbers, comma separated. jansson reads
 * them, because strtod() would ask the locale for its decimal point. */
static Status
read_numbers(const json_t *metadata, const char *key, int count, double *numbers)
{
	char		text[256] = "[";
	json_t	   *list;
	bool		good;

	TRY(copy_text(metadata, key, text + 1, sizeof text - 2));
	strcat(text, "]");
	list = json_loads(text, 0, NULL);
	good = json_array_size(list) == (size_t) count;
	for (int i = 0; good && i < count; i++)
	{
		const json_t *item = json_array_get(list, i);

		good = json_is_number(item);
		numbers[i] = json_number_value(item);
	}
	json_decref(list);
	if (good)
		return status_ok();
	snprintf(text, sizeof text, count == 1 ? "is not a number" : "is not %d numbers", count);
	return metadata_error(key, text);
}

/* Read mean or std. */
static Status
read_channels(const json_t *metadata, const char *key, double minimum, float *channels)
{
	double		numbers[3];

	TRY(read_numbers(metadata, key, 3, numbers));
	for (int i = 0; i < 3; i++)
	{
		if (!(numbers[i] >= minimum && numbers[i] <= 1e6))
			return metadata_error(key, "is out of range");
		channels[i] = (float) numbers[i];
	}
	return status_ok();
}

/* Copy a metadata string that is an object of JSON. */
static Status
copy_object(const json_t *metadata, const char *key, char *text, size_t size)
{
	json_t	   *object;
	bool		is_object;

	TRY(copy_text(metadata, key, text, size));
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	is_object = json_is_object(object);
	json_decref(object);
	return is_object ? status_ok() : metadata_error(key, "is not a JSON object");
}

Status
read_metadata(const WeightsFile *file, WeightsInfo *info)
{
	const json_t *metadata = json_object_get(file->root, METADATA_KEY);
	char		mode[16];
	double		number;

	weights_info_default(info);
	info->format_version = 0;
	if (metadata == NULL)
		return status_ok();
	if (!json_is_object(metadata))
		return status_error(LS_INVALID_WEIGHTS, "the weight file's metadata is not a JSON object");
	if (json_object_get(metadata, "format_version") == NULL)
		return status_ok();

	TRY(read_numbers(metadata, "format_version", 1, &number));
	if (number != WEIGHTS_FORMAT_VERSION)
		return status_with_hint(status_error(LS_INVALID_WEIGHTS,
											 "the weight file has format version %g, only version %d is known",
											 number, WEIGHTS_FORMAT_VERSION),
								"Update the extension, or export the model from a release that writes version %d.",
								WEIGHTS_FORMAT_VERSION);
	TRY(copy_text(metadata, "architecture", info->architecture, sizeof info->architecture));
	if (info->architecture[0] == '\0')
		return metadata_error("architecture", "is empty");
	TRY(copy_object(metadata, "config", info->config, sizeof info->config));
	TRY(read_numbers(metadata, "image_size", 1, &number));
	if (!(number >= 0 && number <= 65536 && number == floor(number)))
		return metadata_error("image_size", "is not a whole number from 0 to 65536");
	info->traits.image_size = (int) number;
	TRY(read_channels(metadata, "mean", -1e6, info->mean));
	TRY(read_channels(metadata, "std", 1e-6, info->std));
	TRY(copy_text(metadata, "extension_version", info->extension_version, sizeof info->extension_version));
	if (json_object_get(metadata, "threshold") != NULL)
	{
		TRY(read_numbers(metadata, "threshold", 1, &info->traits.threshold));
		if (!(info->traits.threshold > 0 && info->traits.threshold < 1))
			return metadata_error("threshold", "is not between 0 and 1");
	}
	if (json_object_get(metadata, "temperature") != NULL)
	{
		TRY(read_numbers(metadata, "temperature", 1, &info->traits.temperature));
		if (!(info->traits.temperature >= 0.01 && info->traits.temperature <= 100))
			return metadata_error("temperature", "is not between 0.01 and 100");
	}
	if (json_object_get(metadata, "review_below") != NULL)
	{
		TRY(read_numbers(metadata, "review_below", 1, &info->traits.review_below));
		if (!(info->traits.review_below >= 0 && info->traits.review_below <= 1))
			return metadata_error("review_below", "is not between 0 and 1");
	}
	if (json_object_get(metadata, "dice_coefficients") != NULL)
	{
		TRY(read_numbers(metadata, "dice_coefficients", TRAITS_DICE_COEFFICIENTS, info->traits.dice_coefficients));
		for (int i = 0; i < TRAITS_DICE_COEFFICIENTS; i++)
			if (!(fabs(info->traits.dice_coefficients[i]) <= TRAITS_DICE_COEFFICIENT_MOST))
				return metadata_error("dice_coefficients", "is not between -1e6 and 1e6");
	}
	if (json_object_get(metadata, "enhance") != NULL)
	{
		TRY(copy_text(metadata, "enhance", mode, sizeof mode));
		if (enhance_mode_find(mode, &info->traits.enhance).code != LS_OK)
			return metadata_error("enhance", "is not off, auto or always");
	}
	if (json_object_get(metadata, "split") != NULL)
		TRY(copy_object(metadata, "split", info->split, sizeof info->split));
	info->format_version = WEIGHTS_FORMAT_VERSION;
	return status_ok();
}

void
weights_info_default(WeightsInfo *info)
{
	*info = (WeightsInfo)
	{
		.format_version = WEIGHTS_FORMAT_VERSION,
		.mean = {0.485f, 0.456f, 0.406f},
		.std = {0.229f, 0.224f, 0.225f},
	};
}

Status
weights_read_info(const Call *call, const void *bytes, size_t size, WeightsInfo *info)
{
	WeightsFile file;
	Status		status;

	(void) call;
	TRY(parse_header(bytes, size, &file));
	status = read_metadata(&file, info);
	json_decref(file.root);
	return status;
}

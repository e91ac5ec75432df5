/*
 * weights_read.c: reading safetensors that may come from anywhere.
 *
 * Nothing in a file is believed before it is checked: first the header's
 * length and JSON, then that the tensors tile the data without a gap or an
 * overlap, then that they are the graph's, and only then are values
 * converted. jansson parses the header; it takes its memory from malloc, so
 * the header's length is capped well below what would matter, and the one
 * json_decref() of each public function releases it on every path.
 */
#include "nn/weights/weights.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checked.h"
#include "nn/weights/weights_checksum.h"
#include "nn/weights/weights_dtype.h"

/* Some hundred bytes name a tensor, so this is room for thousands. */
#define MAX_HEADER_SIZE (1024 * 1024)

#define METADATA_KEY "__metadata__"

/* A parsed header and the data behind it. */
typedef struct WeightsFile
{
	json_t	   *root;			/* owned */
	const unsigned char *data;
	size_t		data_size;
} WeightsFile;

/* One tensor of the file, its entry checked on its own. */
typedef struct FileTensor
{
	const char *name;			/* owned by the header */
	const WeightsDtype *dtype;
	const json_t *shape;
	size_t		begin;			/* offsets into the data */
	size_t		end;
} FileTensor;

/* Text from a file as it may stand in a message, whatever its encoding. */
typedef struct Printable
{
	char		text[80];
} Printable;

/* Cut text to a readable length and replace all but printable ASCII by '?'. */
static Printable
printable(const char *text)
{
	Printable	result;
	size_t		i;

	for (i = 0; text[i] != '\0' && i + 1 < sizeof result.text; i++)
		result.text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	result.text[i] = '\0';
	return result;
}

/* Make the failure of one tensor. */
static Status
tensor_error(const char *name, const char *fact)
{
	return status_error(LS_INVALID_WEIGHTS, "tensor \"%s\": %s", printable(name).text, fact);
}

/* Make the failure of one metadata key. */
static Status
metadata_error(const char *key, const char *fact)
{
	return status_with_hint(status_error(LS_INVALID_WEIGHTS, "the weight file's metadata \"%s\" %s", key, fact),
							"A file with the key \"format_version\" must have all the metadata that lesion_model_export writes.");
}

/* Advise what to do about a file that is broken as a whole. */
static Status
broken_file(Status status)
{
	return status_with_hint(status, "Check that it is a .safetensors file and was copied whole.");
}

/* Parse the header; on success the caller releases file->root. */
static Status
parse_header(const void *bytes, size_t size, WeightsFile *file)
{
	const unsigned char *start = bytes;
	uint64_t	length = 0;
	json_error_t error;

	file->root = NULL;
	if (size < 8)
		return broken_file(status_error(LS_INVALID_WEIGHTS, "a weight file of %zu bytes is too short", size));
	for (int i = 7; i >= 0; i--)
		length = length << 8 | start[i];
	if (length > MAX_HEADER_SIZE)
		return broken_file(status_error(LS_INVALID_WEIGHTS,
										"the weight file claims a header of %llu bytes, the limit is %d",
										(unsigned long long) length, MAX_HEADER_SIZE));
	if (length > size - 8)
		return broken_file(status_error(LS_INVALID_WEIGHTS,
										"the weight file claims a header of %llu bytes, it has %zu after the length",
										(unsigned long long) length, size - 8));
	file->root = json_loadb((const char *) start + 8, (size_t) length, JSON_REJECT_DUPLICATES, &error);
	if (file->root == NULL && json_error_code(&error) == json_error_out_of_memory)
		return status_error(LS_OUT_OF_MEMORY, "could not parse a weight file's header of %llu bytes",
							(unsigned long long) length);
	if (file->root == NULL)
		return broken_file(status_error(LS_INVALID_WEIGHTS, "the weight file's header is not valid: %s (byte %d)",
										printable(error.text).text, error.position));
	if (!json_is_object(file->root))
	{
		json_decref(file->root);
		return broken_file(status_error(LS_INVALID_WEIGHTS, "the weight file's header is not a JSON object"));
	}
	file->data = start + 8 + length;
	file->data_size = size - 8 - (size_t) length;
	return status_ok();
}

/* ---- metadata ---- */

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
	return good ? status_ok() : metadata_error(key, count == 1 ? "is not a number" : "is not three numbers");
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

/* Read our metadata, if the file has it. */
static Status
read_metadata(const WeightsFile *file, WeightsInfo *info)
{
	const json_t *metadata = json_object_get(file->root, METADATA_KEY);
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
	info->image_size = (int) number;
	TRY(read_channels(metadata, "mean", -1e6, info->mean));
	TRY(read_channels(metadata, "std", 1e-6, info->std));
	TRY(copy_text(metadata, "extension_version", info->extension_version, sizeof info->extension_version));
	if (json_object_get(metadata, "threshold") != NULL)
	{
		TRY(read_numbers(metadata, "threshold", 1, &info->threshold));
		if (!(info->threshold > 0 && info->threshold < 1))
			return metadata_error("threshold", "is not between 0 and 1");
	}
	if (json_object_get(metadata, "temperature") != NULL)
	{
		TRY(read_numbers(metadata, "temperature", 1, &info->temperature));
		if (!(info->temperature >= 0.01 && info->temperature <= 100))
			return metadata_error("temperature", "is not between 0.01 and 100");
	}
	if (json_object_get(metadata, "review_below") != NULL)
	{
		TRY(read_numbers(metadata, "review_below", 1, &info->review_below));
		if (!(info->review_below >= 0 && info->review_below <= 1))
			return metadata_error("review_below", "is not between 0 and 1");
	}
	if (json_object_get(metadata, "enhance") != NULL)
		TRY(copy_text(metadata, "enhance", info->enhance, sizeof info->enhance));
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

/* ---- tensors ---- */

/* Take a non-negative integer of JSON. */
static bool
json_size(const json_t *value, size_t *size)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*size = (size_t) json_integer_value(value);
	return true;
}

/* Check one entry of the header against the size of the data. */
static Status
read_entry(const WeightsFile *file, const char *name, const json_t *entry, FileTensor *tensor)
{
	const char *dtype = json_string_value(json_object_get(entry, "dtype"));
	const json_t *offsets = json_object_get(entry, "data_offsets");
	size_t		bytes;

	tensor->name = name;
	if (dtype == NULL)
		return tensor_error(name, "no dtype");
	tensor->dtype = weights_dtype_find(dtype);
	if (tensor->dtype == NULL)
		return status_with_hint(status_error(LS_INVALID_WEIGHTS, "tensor \"%s\": dtype %s is unknown",
											 printable(name).text, printable(dtype).text),
								"Weights may be F32, F16, BF16 or F64.");
	tensor->shape = json_object_get(entry, "shape");
	if (!json_is_array(tensor->shape))
		return tensor_error(name, "no shape");
	bytes = tensor->dtype->size;
	for (size_t i = 0; i < json_array_size(tensor->shape); i++)
	{
		size_t		extent;

		if (!json_size(json_array_get(tensor->shape, i), &extent))
			return tensor_error(name, "its shape is not a list of non-negative integers");
		if (!checked_mul(bytes, extent, &bytes))
			return tensor_error(name, "its shape overflows");
	}
	if (json_array_size(offsets) != 2 || !json_size(json_array_get(offsets, 0), &tensor->begin) ||
		!json_size(json_array_get(offsets, 1), &tensor->end))
		return tensor_error(name, "data_offsets is not a pair of non-negative integers");
	if (tensor->begin > tensor->end || tensor->end > file->data_size)
		return broken_file(status_error(LS_INVALID_WEIGHTS,
										"tensor \"%s\": offsets %zu to %zu are not inside the %zu bytes of data",
										printable(name).text, tensor->begin, tensor->end, file->data_size));
	if (tensor->end - tensor->begin != bytes)
		return status_error(LS_INVALID_WEIGHTS, "tensor \"%s\": shape and dtype need %zu bytes, the offsets hold %zu",
							printable(name).text, bytes, tensor->end - tensor->begin);
	return status_ok();
}

/* Order tensors by where they lie. */
static int
compare_tensors(const void *a, const void *b)
{
	const FileTensor *x = a;
	const FileTensor *y = b;

	if (x->begin != y->begin)
		return x->begin < y->begin ? -1 : 1;
	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return 0;
}

/* Check that sorted tensors cover the data exactly once. */
static Status
check_tiling(const WeightsFile *file, const FileTensor *tensors, size_t count)
{
	size_t		end = 0;

	for (size_t i = 0; i < count; i++)
	{
		if (tensors[i].begin < end)
			return tensor_error(tensors[i].name, "it overlaps another tensor");
		if (tensors[i].begin > end)
			return tensor_error(tensors[i].name, "there is a gap before it");
		end = tensors[i].end;
	}
	if (end != file->data_size)
		return broken_file(status_error(LS_INVALID_WEIGHTS, "%zu bytes follow the weight file's last tensor",
										file->data_size - end));
	return status_ok();
}

/* Compare the sorted tensors' checksums with those in the metadata, which
 * files that others wrote do not have. */
static Status
check_checksums(const Call *call, const WeightsFile *file, const FileTensor *tensors, size_t count)
{
	const json_t *entry = json_object_get(json_object_get(file->root, METADATA_KEY), WEIGHTS_CHECKSUMS_KEY);
	const char *expected = json_string_value(entry);

	if (entry == NULL)
		return status_ok();
	if (expected == NULL || strlen(expected) != count * WEIGHTS_CHECKSUM_LENGTH)
		return metadata_error(WEIGHTS_CHECKSUMS_KEY, "is not one checksum for each tensor");
	for (size_t i = 0; i < count; i++)
	{
		char		found[WEIGHTS_CHECKSUM_LENGTH];

		TRY(call_poll(call));
		weights_checksum(file->data + tensors[i].begin, tensors[i].end - tensors[i].begin, found);
		if (memcmp(found, expected + i * WEIGHTS_CHECKSUM_LENGTH, sizeof found) != 0)
			return broken_file(tensor_error(tensors[i].name, "it does not have the checksum that the file says"));
	}
	return status_ok();
}

/* Format a shape as "(4, 3, 3, 3)". */
static Printable
file_shape(const json_t *shape)
{
	Printable	result = {"("};
	size_t		used = 1;

	for (size_t i = 0; i < json_array_size(shape) && used + 24 < sizeof result.text; i++)
		used += snprintf(result.text + used, sizeof result.text - used, i == 0 ? "%lld" : ", %lld",
						 (long long) json_integer_value(json_array_get(shape, i)));
	snprintf(result.text + used, sizeof result.text - used, ")");
	return result;
}

static Printable
param_shape(const GraphParam *param)
{
	Printable	result = {"("};
	size_t		used = 1;

	for (int i = 0; i < param->rank && used + 24 < sizeof result.text; i++)
		used += snprintf(result.text + used, sizeof result.text - used, i == 0 ? "%lld" : ", %lld",
						 (long long) param->shape[i]);
	snprintf(result.text + used, sizeof result.text - used, ")");
	return result;
}

/* Check that a tensor is what the graph expects under its name. */
static Status
check_shape(const FileTensor *tensor, const GraphParam *param)
{
	bool		same = json_array_size(tensor->shape) == (size_t) param->rank;

	for (int i = 0; same && i < param->rank; i++)
		same = json_integer_value(json_array_get(tensor->shape, i)) == param->shape[i];
	if (!same)
		return status_with_hint(status_error(LS_INVALID_WEIGHTS, "tensor \"%s\" has shape %s, the network needs %s",
											 param->name, file_shape(tensor->shape).text, param_shape(param).text),
								"The file is for another config; create the model with the config it was trained with.");
	return status_ok();
}

/* Convert one tensor and check its values. */
static Status
read_values(const WeightsFile *file, const FileTensor *tensor, const GraphParam *param, float *values)
{
	if (tensor->dtype->load == NULL)
		return status_with_hint(status_error(LS_INVALID_WEIGHTS, "tensor \"%s\" has dtype %s",
											 param->name, tensor->dtype->name),
								"Weights may be F32, F16, BF16 or F64.");
	TRY(check_shape(tensor, param));
	tensor->dtype->load(file->data + tensor->begin, param->count, values);
	for (size_t i = 0; i < param->count; i++)
	{
		if (!isfinite(values[i]))
			return status_error(LS_INVALID_WEIGHTS, "tensor \"%s\": element %zu is not a finite float32 value",
								param->name, i);
		if (param->kind == PARAM_RUNNING_VARIANCE && values[i] < 0)
			return status_error(LS_INVALID_WEIGHTS, "tensor \"%s\": element %zu is a negative variance",
								param->name, i);
	}
	return status_ok();
}

/* True for PyTorch's batch counters, which nothing here needs. */
static bool
is_batch_counter(const char *name)
{
	static const char suffix[] = "num_batches_tracked";
	size_t		length = strlen(name);

	return length >= sizeof suffix - 1 && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
}

/* Check the layout of all tensors, then read those of the graph. tensors
 * has room for every entry of the header. */
static Status
read_tensors(const Call *call, const WeightsFile *file, const Graph *graph, FileTensor *tensors,
			 float *weights)
{
	size_t		count = 0;
	const char *name;
	json_t	   *entry;

	json_object_foreach(file->root, name, entry)
	{
		if (strcmp(name, METADATA_KEY) != 0)
			TRY(read_entry(file, name, entry, &tensors[count++]));
	}
	if (count > 0)
		qsort(tensors, count, sizeof *tensors, compare_tensors);
	TRY(check_tiling(file, tensors, count));
	TRY(check_checksums(call, file, tensors, count));

	for (int i = 0; i < graph->param_count; i++)
		if (json_object_get(file->root, graph->params[i].name) == NULL)
			return status_with_hint(tensor_error(graph->params[i].name, "it is missing"),
									"The file is for another architecture or config.");
	for (size_t i = 0; i < count; i++)
	{
		int			param;

		if (is_batch_counter(tensors[i].name))
			continue;
		TRY(call_poll(call));
		param = graph_find_param(graph, tensors[i].name);
		if (param < 0)
			return status_with_hint(tensor_error(tensors[i].name, "the network has no such tensor"),
									"The file is for another architecture or config.");
		TRY(read_values(file, &tensors[i], &graph->params[param], weights + graph->params[param].offset));
	}
	return status_ok();
}

Status
weights_read(const Call *call, const void *bytes, size_t size, const Graph *graph, float *weights)
{
	WeightsFile file;
	WeightsInfo info;
	void	   *tensors = NULL;
	Status		status;

	TRY(parse_header(bytes, size, &file));
	status = read_metadata(&file, &info);
	if (status.code == LS_OK)
		status = call_alloc_array(call, json_object_size(file.root), sizeof(FileTensor), &tensors);
	if (status.code == LS_OK)
		status = read_tensors(call, &file, graph, tensors, weights);
	call_free(call, tensors);
	json_decref(file.root);
	return status;
}

/*
 * weights_read.c: reading safetensors that may come from anywhere.
 *
 * Everything in a file is checked before it is used: first the header's length
 * and JSON (weights_file.c); then that the tensors fill the data without gaps
 * or overlaps; then that they are the graph's tensors. Only then are values
 * converted. Each public function has one json_decref(), which releases the
 * header on every path.
 */
#include "nn/weights/weights_file.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/checked.h"
#include "nn/weights/weights_checksum.h"
#include "nn/weights/weights_dtype.h"

/* One tensor of the file, its entry checked on its own. */
typedef struct FileTensor
{
	const char *name;			/* owned by the header */
	const WeightsDtype *dtype;
	const json_t *shape;
	size_t		begin;			/* offsets into the data */
	size_t		end;
} FileTensor;

/* The failure of one tensor. */
static Status
tensor_error(const char *name, const char *fact)
{
	return status_error(LS_INVALID_WEIGHTS, "tensor \"%s\": %s", printable(name).text, fact);
}

/* Read a non-negative integer of JSON. */
static bool
json_size(const json_t *value, size_t *size)
{
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*size = (size_t) json_integer_value(value);
	return true;
}

/* True for PyTorch's batch counters, which are not used here. */
static bool
is_batch_counter(const char *name)
{
	static const char suffix[] = "num_batches_tracked";
	size_t		length = strlen(name);

	return length >= sizeof suffix - 1 && strcmp(name + length - (sizeof suffix - 1), suffix) == 0;
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
	if (is_batch_counter(name) && bytes != tensor->dtype->size)
		return tensor_error(name, "a counter has more than one value");
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

/* Compare the sorted tensors' checksums with those in the metadata. Files of
 * other tools have none. */
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

/* Check that a tensor's shape is the one that the graph expects. */
static Status
check_shape(const FileTensor *tensor, const GraphParam *param)
{
	bool		same = json_array_size(tensor->shape) == (size_t) param->rank;

	for (int i = 0; same && i < param->rank; i++)
		same = json_integer_value(json_array_get(tensor->shape, i)) == param->shape[i];
	if (!same)
		return status_with_hint(status_error(LS_INVALID_WEIGHTS, "tensor \"%s\" has shape %s, the network needs %s",
											 param->name, file_shape(tensor->shape).text, param_shape(param).text),
								"The file is for another config; "
								"create the model with the config it was trained with.");
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

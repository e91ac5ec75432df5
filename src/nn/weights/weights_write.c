/*
 * weights_write.c: writing safetensors, the same bytes for the same weights.
 *
 * The header lists the metadata first, then the tensors as they lie in the
 * data. Four-byte tensors come before two-byte ones (each in graph order) and
 * the header is padded with spaces to a multiple of 8, so that every tensor is
 * aligned for readers that map the file. The metadata hold a checksum of each
 * tensor, so the header is made twice: first for its length, and again when
 * the data are written.
 */
#include "nn/weights/weights.h"

#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/checked.h"
#include "nn/tensor.h"
#include "nn/weights/weights_checksum.h"
#include "nn/weights/weights_dtype.h"

#define DUMP_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9))

/* The element type a parameter is stored in. */
static const WeightsDtype *
storage_dtype(const GraphParam *param, WeightsStorage storage)
{
	if (storage == WEIGHTS_F32 || param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE)
		return weights_dtype_find("F32");
	return weights_dtype_find(storage == WEIGHTS_BF16 ? "BF16" : "F16");
}

/* Put text into metadata. Returns false on failure, like all that follow. */
static bool
set_text(json_t *metadata, const char *key, const char *text)
{
	return json_object_set_new(metadata, key, json_string(text)) == 0;
}

/* Put a whole number into metadata, as text. */
static bool
set_integer(json_t *metadata, const char *key, int number)
{
	char		text[16];

	snprintf(text, sizeof text, "%d", number);
	return set_text(metadata, key, text);
}

/* Put numbers into metadata as "a,b,c". jansson formats them, because
 * printf() would ask the locale for its decimal point. */
static bool
set_numbers(json_t *metadata, const char *key, int count, const double *numbers, int digits)
{
	json_t	   *list = json_array();
	char		text[256];
	size_t		length;

	for (int i = 0; i < count; i++)
		if (json_array_append_new(list, json_real(numbers[i])) != 0)
			break;
	length = json_dumpb(list, text, sizeof text, JSON_COMPACT | JSON_REAL_PRECISION(digits));
	json_decref(list);
	return length > 2 && length <= sizeof text &&
		json_object_set_new(metadata, key, json_stringn(text + 1, length - 2)) == 0;
}

/* Put mean or std into metadata. */
static bool
set_channels(json_t *metadata, const char *key, const float *channels)
{
	const double numbers[] = {(double) channels[0], (double) channels[1], (double) channels[2]};

	return set_numbers(metadata, key, 3, numbers, 9);
}

/* Put numbers into metadata unless all are 0. */
static bool
put_numbers(json_t *metadata, const char *key, int count, const double *numbers)
{
	bool		known = false;

	for (int i = 0; i < count; i++)
		known = known || numbers[i] != 0;
	return !known || set_numbers(metadata, key, count, numbers, 15);
}

/*
 * Make an empty object. json_object() cannot be used: PostgreSQL exports a
 * function with the same name, and inside the server that one would be called.
 */
static json_t *
new_object(void)
{
	return json_pack("{}");
}

/* Make the metadata object, or NULL. */
static json_t *
make_metadata(const WeightsInfo *info, const char *checksums)
{
	json_t	   *metadata = new_object();

	if (set_integer(metadata, "format_version", WEIGHTS_FORMAT_VERSION) &&
		set_text(metadata, "architecture", info->architecture) &&
		set_text(metadata, "config", info->config) &&
		set_integer(metadata, "image_size", info->traits.image_size) &&
		set_channels(metadata, "mean", info->mean) &&
		set_channels(metadata, "std", info->std) &&
		set_text(metadata, "extension_version", info->extension_version) &&
		put_numbers(metadata, "threshold", 1, &info->traits.threshold) &&
		put_numbers(metadata, "temperature", 1, &info->traits.temperature) &&
		put_numbers(metadata, "review_below", 1, &info->traits.review_below) &&
		put_numbers(metadata, "dice_coefficients", TRAITS_DICE_COEFFICIENTS, info->traits.dice_coefficients) &&
		set_text(metadata, WEIGHTS_CHECKSUMS_KEY, checksums) &&
		(info->traits.enhance == ENHANCE_MODE_OFF ||
		 set_text(metadata, "enhance", enhance_mode_name(info->traits.enhance))) &&
		(info->split[0] == '\0' || set_text(metadata, "split", info->split)))
		return metadata;
	json_decref(metadata);
	return NULL;
}

/* Add a tensor that takes [begin, end) of the data. */
static bool
set_tensor(json_t *header, const GraphParam *param, const WeightsDtype *dtype, size_t begin, size_t end)
{
	json_t	   *shape = json_array();
	bool		good = shape != NULL;

	for (int i = 0; good && i < param->rank; i++)
		good = json_array_append_new(shape, json_integer(param->shape[i])) == 0;
	if (!good)
	{
		json_decref(shape);
		return false;
	}
	return json_object_set_new(header, param->name,
							   json_pack("{s:s,s:o,s:[I,I]}", "dtype", dtype->name, "shape", shape,
										 "data_offsets", (json_int_t) begin, (json_int_t) end)) == 0;
}

/* Make the header (or NULL) and return the size of the data that it
 * describes. */
static json_t *
make_header(const WeightsInfo *info, const Graph *graph, WeightsStorage storage, const char *checksums,
			size_t *data_size)
{
	json_t	   *header = new_object();
	bool		good = json_object_set_new(header, "__metadata__", make_metadata(info, checksums)) == 0;
	size_t		begin = 0;

	for (size_t width = 4; width >= 2; width /= 2)
		for (int i = 0; good && i < graph->param_count; i++)
		{
			const GraphParam *param = &graph->params[i];
			const WeightsDtype *dtype = storage_dtype(param, storage);
			size_t		bytes;
			size_t		end;

			if (dtype->size != width)
				continue;
			good = checked_mul(param->count, width, &bytes) && checked_add(begin, bytes, &end) &&
				set_tensor(header, param, dtype, begin, end);
			if (good)
				begin = end;
		}
	if (!good)
	{
		json_decref(header);
		return NULL;
	}
	*data_size = begin;
	return header;
}

/* Check that a tensor's values can be stored and read again. */
static Status
check_values(const GraphParam *param, const float *values, WeightsStorage storage)
{
	for (size_t i = 0; i < param->count; i++)
	{
		if (!isfinite(values[i]))
			return status_with_hint(status_error(LS_INVALID_WEIGHTS, "tensor \"%s\": element %zu is not finite",
												 param->name, i),
									"The training diverged; use an earlier version or a lower learning rate.");
		if (storage == WEIGHTS_F16 && fabsf(values[i]) >= 65520)
			return status_with_hint(status_error(LS_INVALID_WEIGHTS,
												 "tensor \"%s\": element %zu (%g) is too large for float16",
												 param->name, i, (double) values[i]),
									"Export as bf16 or f32.");
		if (storage == WEIGHTS_BF16 && !isfinite(bfloat16_to_float(bfloat16_from_float(values[i]))))
			return status_with_hint(status_error(LS_INVALID_WEIGHTS,
												 "tensor \"%s\": element %zu (%g) is too large for bfloat16",
												 param->name, i, (double) values[i]),
									"Export as f32.");
	}
	return status_ok();
}

/* The failure of a header that could not be made. */
static Status
header_error(void)
{
	return status_error(LS_OUT_OF_MEMORY, "could not write a weight file's header");
}

/* Write the tensors after the header, and their checksums to the same length
 * as before. */
static void
write_data(const Graph *graph, const float *weights, WeightsStorage storage, unsigned char *data, char *checksums)
{
	for (size_t width = 4; width >= 2; width /= 2)
		for (int i = 0; i < graph->param_count; i++)
		{
			const GraphParam *param = &graph->params[i];
			const WeightsDtype *dtype = storage_dtype(param, storage);
			size_t		bytes = param->count * width;

			if (dtype->size != width)
				continue;
			dtype->store(weights + param->offset, param->count, data);
			weights_checksum(data, bytes, checksums);
			data += bytes;
			checksums += WEIGHTS_CHECKSUM_LENGTH;
		}
}

/* Write header and tensors into a new buffer; checksums has room for one a
 * tensor and a null byte. */
static Status
write_file(const Call *call, const WeightsInfo *info, const Graph *graph, const float *weights,
		   WeightsStorage storage, char *checksums, void **bytes, size_t *size)
{
	size_t		checksums_length = (size_t) graph->param_count * WEIGHTS_CHECKSUM_LENGTH;
	size_t		data_size = 0;
	size_t		json_size;
	size_t		padded;
	json_t	   *header;
	void	   *memory;
	unsigned char *file;

	memset(checksums, '0', checksums_length);
	checksums[checksums_length] = '\0';
	header = make_header(info, graph, storage, checksums, &data_size);
	json_size = json_dumpb(header, NULL, 0, DUMP_FLAGS);
	json_decref(header);
	if (json_size == 0)
		return header_error();
	padded = (json_size + 7) / 8 * 8;
	if (!checked_add(8 + padded, data_size, size))
		return status_error(LS_LIMIT_EXCEEDED, "the weight file is too large");
	TRY(call_alloc(call, *size, &memory));
	file = memory;
	for (int i = 0; i < 8; i++)
		file[i] = (unsigned char) ((uint64_t) padded >> 8 * i);
	memset(file + 8, ' ', padded);
	write_data(graph, weights, storage, file + 8 + padded, checksums);

	header = make_header(info, graph, storage, checksums, &data_size);
	if (json_dumpb(header, (char *) file + 8, json_size, DUMP_FLAGS) != json_size)
	{
		json_decref(header);
		call_free(call, memory);
		return header_error();
	}
	json_decref(header);
	*bytes = file;
	return status_ok();
}

Status
weights_write(const Call *call, const WeightsInfo *info, const Graph *graph, const float *weights,
			  WeightsStorage storage, void **bytes, size_t *size)
{
	void	   *checksums;
	Status		status;

	*bytes = NULL;
	for (int i = 0; i < graph->param_count; i++)
	{
		const GraphParam *param = &graph->params[i];
		bool		narrow = storage_dtype(param, storage)->size == 2;

		TRY(call_poll(call));
		TRY(check_values(param, weights + param->offset, narrow ? storage : WEIGHTS_F32));
	}
	TRY(call_alloc(call, (size_t) graph->param_count * WEIGHTS_CHECKSUM_LENGTH + 1, &checksums));
	status = write_file(call, info, graph, weights, storage, checksums, bytes, size);
	call_free(call, checksums);
	return status;
}

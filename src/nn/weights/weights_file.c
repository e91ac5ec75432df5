/*
 * weights_file.c: the header of a weight file that may come from anywhere.
 *
 * jansson parses it, with memory from malloc, so the length of the header is
 * limited.
 */
#include "nn/weights/weights_file.h"

/* A tensor takes a few hundred bytes, so this is room for thousands. */
#define MAX_HEADER_SIZE (1024 * 1024)

Printable
printable(const char *text)
{
	Printable	result;
	size_t		i;

	for (i = 0; text[i] != '\0' && i + 1 < sizeof result.text; i++)
		result.text[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	result.text[i] = '\0';
	return result;
}

Status
broken_file(Status status)
{
	return status_with_hint(status, "Check that it is a .safetensors file and was copied whole.");
}

Status
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

Status
metadata_error(const char *key, const char *fact)
{
	return status_with_hint(status_error(LS_INVALID_WEIGHTS, "the weight file's metadata \"%s\" %s", key, fact),
							"A file with the key \"format_version\" must have all the metadata that "
							"lesion_model_export writes.");
}

/*
 * fuzz_pacs_multipart.c: any Content-Type and body as an answer of a PACS.
 * The input's first line is the Content-Type.
 */
#include "fuzz.h"

#include "pacs/web/multipart.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	size_t		type_size = line == NULL ? size : (size_t) (line - data);
	size_t		body_size = line == NULL ? 0 : size - type_size - 1;
	char	   *type = malloc(type_size + 1);
	char	   *body = malloc(body_size > 0 ? body_size : 1);
	MultipartReader reader;
	MultipartPart part;
	bool		found = true;
	volatile char sum = 0;

	if (type_size > 0)
		memcpy(type, data, type_size);
	type[type_size] = '\0';
	if (body_size > 0)
		memcpy(body, line + 1, body_size);
	if (multipart_open(&reader, type, body, body_size).code == LS_OK)
		while (found && multipart_next(&reader, &part, &found).code == LS_OK && found)
			for (size_t i = 0; i < part.size; i++)
				sum = (char) (sum + part.data[i]);
	if (multipart_find_file(type, body, body_size, &part).code == LS_OK)
		sum = (char) (sum + part.data[part.size - 1]);
	free(type);
	free(body);
	return 0;
}

/*
 * weights_file.h: a weight file with a parsed header, for its two readers: of
 * metadata (weights_metadata.c) and of tensors (weights_read.c). Private to
 * this folder.
 */
#ifndef LESIONSEG_NN_WEIGHTS_FILE_H
#define LESIONSEG_NN_WEIGHTS_FILE_H

#include <jansson.h>

#include "nn/weights/weights.h"

#define METADATA_KEY "__metadata__"

/* A parsed header and the data behind it. */
typedef struct WeightsFile
{
	json_t	   *root;			/* owned */
	const unsigned char *data;
	size_t		data_size;
} WeightsFile;

/* Text from a file, made safe for a message in any encoding. */
typedef struct Printable
{
	char		text[80];
} Printable;

/* Cut text to a readable length and replace all but printable ASCII by '?'. */
Printable	printable(const char *text);

/* Add the hint for a file that is broken as a whole. */
Status		broken_file(Status status);

/* The failure of one metadata key. */
Status		metadata_error(const char *key, const char *fact);

/* Parse the header; on success the caller releases file->root. */
Status		parse_header(const void *bytes, size_t size, WeightsFile *file);

/* Read our metadata, if the file has it (weights_metadata.c). */
Status		read_metadata(const WeightsFile *file, WeightsInfo *info);

#endif

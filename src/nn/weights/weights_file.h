/*
 * weights_file.h: a weight file whose header has been parsed, for the two who
 * read it: metadata (weights_metadata.c) and tensors (weights_read.c). Private
 * to this folder.
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

/* Text from a file as it may stand in a message, whatever its encoding. */
typedef struct Printable
{
	char		text[80];
} Printable;

/* Cut text to a readable length and replace all but printable ASCII by '?'. */
Printable	printable(const char *text);

/* Advise what to do about a file that is broken as a whole. */
Status		broken_file(Status status);

/* Make the failure of one metadata key. */
Status		metadata_error(const char *key, const char *fact);

/* Parse the header; on success the caller releases file->root. */
Status		parse_header(const void *bytes, size_t size, WeightsFile *file);

/* Read our metadata, if the file has it (weights_metadata.c). */
Status		read_metadata(const WeightsFile *file, WeightsInfo *info);

#endif

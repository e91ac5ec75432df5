/*
 * image_files.h: what benchmarks that read photographs share.
 */
#ifndef LESIONSEG_BENCH_IMAGE_FILES_H
#define LESIONSEG_BENCH_IMAGE_FILES_H

#include <stdio.h>
#include <stdlib.h>

#include "image/codec/codec.h"

/* End the program when status is a failure. */
static inline void
require(Status status)
{
	if (status.code == LS_OK)
		return;
	fprintf(stderr, "%s\n%s\n", status.message, status.hint);
	exit(1);
}

/* The bytes of a file. */
typedef struct File
{
	uint8_t    *bytes;
	size_t		size;
} File;

/* Read a file; the caller frees the bytes. */
static inline File
read_file(const char *path)
{
	FILE	   *stream = fopen(path, "rb");
	long		size = 0;
	File		file;

	if (stream != NULL && fseek(stream, 0, SEEK_END) == 0)
		size = ftell(stream);
	file.size = (size_t) size;
	file.bytes = malloc(file.size + 1);
	if (stream == NULL || file.bytes == NULL || fseek(stream, 0, SEEK_SET) != 0 ||
		fread(file.bytes, 1, file.size, stream) != file.size)
	{
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	fclose(stream);
	return file;
}

/* Decode a file. */
static inline Image
read_image(const char *path)
{
	File		file = read_file(path);
	Image		image;

	require(image_decode(call_standalone(), file.bytes, file.size, DECODE_RGB, &image));
	free(file.bytes);
	return image;
}

#endif

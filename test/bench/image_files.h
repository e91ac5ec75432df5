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

/* Decode a file. */
static inline Image
read_image(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	long		size = 0;
	void	   *bytes;
	Image		image;

	if (file != NULL && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	bytes = malloc((size_t) size + 1);
	if (file == NULL || bytes == NULL || fseek(file, 0, SEEK_SET) != 0 ||
		fread(bytes, 1, (size_t) size, file) != (size_t) size)
	{
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	fclose(file);
	require(image_decode(call_standalone(), bytes, (size_t) size, DECODE_RGB, &image));
	free(bytes);
	return image;
}

#endif

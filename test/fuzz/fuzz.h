/*
 * fuzz.h: what the fuzz targets share: a call with small limits, and a copy
 * of the input that starts with the signature of the format under test, so
 * that no input is wasted on the recognition of formats.
 */
#ifndef LESIONSEG_TEST_FUZZ_H
#define LESIONSEG_TEST_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/codec/codec.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t		LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t		LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* A megapixel at most, 64 MB at most. */
static inline Call
fuzz_host(void)
{
	Call call = *call_standalone();

	call.max_pixels = 1000000;
	call.host.max_memory = 64 << 20;
	return call;
}

/* Read one byte of every pixel's, so that uninitialised ones are noticed,
 * and free the image. */
static inline void
fuzz_touch(const Call *call, Image *image)
{
	volatile uint8_t sum = 0;

	if (image->pixels == NULL)
		return;
	for (size_t i = 0; i < (size_t) image->width * (size_t) image->height * (size_t) image->channels; i++)
		sum = (uint8_t) (sum + image->pixels[i]);
	image_free(call, image);
}

/* Put bytes with that signature through every way of decoding. */
static inline int
fuzz_decode(const uint8_t *data, size_t size, const char *signature, size_t signature_size)
{
	Call call = fuzz_host();
	uint8_t    *bytes;
	Image		image;
	ImageInfo	info;

	if (size < signature_size)
		return 0;
	bytes = malloc(size);		/* of the exact size, so that one byte too far is seen */
	memcpy(bytes, data, size);
	memcpy(bytes, signature, signature_size);
	image_info(&call, bytes, size, &info);
	if (image_decode(&call, bytes, size, DECODE_RGB, &image).code == LS_OK)
	{
		if (info.width != image.width || info.height != image.height)
			abort();
		fuzz_touch(&call, &image);
		if (image_decode_at_least(&call, bytes, size, DECODE_GREY, TURN_UPRIGHT, 9, 5, &image).code != LS_OK)
			abort();
		fuzz_touch(&call, &image);
	}
	free(bytes);
	return 0;
}

#endif

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

#include "image/reduce.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t		LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t		LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Images of more pixels are not reduced: under the sanitizers that takes most of a second. */
#define FUZZ_REDUCED_PIXELS (1 << 17)

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

/* Rows of an image whose pixels are known already. */
typedef struct KnownRows
{
	const Image *image;
	int			rows;			/* seen */
} KnownRows;

static inline Status
known_begin(void *user, int width, int height)
{
	KnownRows  *known = user;

	if (known->image->pixels != NULL && (width != known->image->width || height != known->image->height))
		abort();
	return status_ok();
}

static inline Status
known_row(void *user, const uint8_t *pixels)
{
	KnownRows  *known = user;
	size_t		row = (size_t) known->image->width * (size_t) known->image->channels;

	if (known->image->pixels != NULL &&
		(known->rows >= known->image->height ||
		 memcmp(known->image->pixels + (size_t) known->rows * row, pixels, row) != 0))
		abort();
	known->rows++;
	return status_ok();
}

/* Do both have the same words? By rows less memory is needed, so what fails for lack of it may go on. */
static inline void
fuzz_same_status(Status whole, Status rows)
{
	if (whole.code == LS_LIMIT_EXCEEDED)
		return;
	if (whole.code != rows.code || strcmp(whole.message, rows.message) != 0)
		abort();
}

/* Decode by rows, and reduce, what was decoded to `image`, or failed. */
static inline void
fuzz_rows(const Call *call, const uint8_t *bytes, size_t size, const Image *image, Status whole)
{
	static const int sides[] = {7, 16};
	KnownRows	known = {.image = image};
	const RowSink sink = {known_begin, known_row, &known};
	Image		reduced[2];
	Image		part;
	Image		resized;
	ImagePart	within;

	fuzz_same_status(whole, image_decode_rows(call, bytes, size, DECODE_RGB, TURN_UPRIGHT, 0, 0, &sink));
	if (whole.code != LS_OK)
		return;
	if (known.rows != image->height)
		abort();
	if ((int64_t) image->width * image->height > FUZZ_REDUCED_PIXELS)
		return;
	within = (ImagePart) {image->width / 3, image->height / 4, (image->width + 1) / 2, (image->height + 1) / 2};
	if (image_decode_reduced(call, bytes, size, TURN_UPRIGHT, &within, sides, 2, NULL, reduced).code != LS_OK ||
		image_crop(call, image, within.x, within.y, within.width, within.height, &part).code != LS_OK)
		abort();
	for (int i = 0; i < 2; i++)
	{
		if (image_resize(call, &part, sides[i], sides[i], &resized).code != LS_OK ||
			memcmp(resized.pixels, reduced[i].pixels, (size_t) (3 * sides[i] * sides[i])) != 0)
			abort();
		image_free(call, &resized);
		image_free(call, &reduced[i]);
	}
	image_free(call, &part);
}

/* The same at the scale that is enough for a small square. */
static inline void
fuzz_reduced(const Call *call, const uint8_t *bytes, size_t size)
{
	static const int side = 5;
	Image		image;
	Image		reduced;
	Image		resized;
	Status		whole = image_decode_at_least(call, bytes, size, DECODE_RGB, TURN_AS_STORED, side, side, &image);
	Status		rows = image_decode_reduced(call, bytes, size, TURN_AS_STORED, NULL, &side, 1, NULL, &reduced);

	fuzz_same_status(whole, rows);
	if (whole.code == LS_OK)
	{
		if (image_resize(call, &image, side, side, &resized).code != LS_OK ||
			memcmp(resized.pixels, reduced.pixels, (size_t) (3 * side * side)) != 0)
			abort();
		image_free(call, &image);
		image_free(call, &resized);
	}
	if (rows.code == LS_OK)
		image_free(call, &reduced);
}

/* Put bytes with that signature through every way of decoding. */
static inline int
fuzz_decode(const uint8_t *data, size_t size, const char *signature, size_t signature_size)
{
	Call call = fuzz_host();
	uint8_t    *bytes;
	Image		image;
	ImageInfo	info;
	Status		status;

	if (size < signature_size)
		return 0;
	bytes = malloc(size);		/* of the exact size, so that one byte too far is seen */
	memcpy(bytes, data, size);
	memcpy(bytes, signature, signature_size);
	image_info(&call, bytes, size, &info);
	status = image_decode(&call, bytes, size, DECODE_RGB, &image);
	fuzz_rows(&call, bytes, size, &image, status);
	if ((int64_t) info.width * info.height <= FUZZ_REDUCED_PIXELS)
		fuzz_reduced(&call, bytes, size);
	if (status.code == LS_OK)
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

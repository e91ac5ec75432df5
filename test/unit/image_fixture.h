/*
 * image_fixture.h: what the image tests share: files of test/data, the
 * patterns they hold (see test/data/generate.py), and a call that counts
 * allocations and can refuse or cancel at a chosen moment.
 */
#ifndef LESIONSEG_TEST_IMAGE_FIXTURE_H
#define LESIONSEG_TEST_IMAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "image/codec/codec.h"
#include "image/mask_decode.h"

#define PATTERN_WIDTH 7
#define PATTERN_HEIGHT 5

/* A file, its bytes in a block of exactly their size. */
typedef struct File
{
	uint8_t    *bytes;
	size_t		size;
} File;

/* What the counting call has seen, and when it is to misbehave. */
typedef struct Counts
{
	long		allocated;		/* blocks in use */
	long		allocations;	/* blocks ever */
	long		polls;
	long		fail_at;		/* this allocation fails, counted from 1; 0 = none */
	long		cancel_at;		/* this poll and all later ones cancel; 0 = none */
} Counts;

static inline void *
counting_alloc(void *user, size_t size)
{
	Counts	   *counts = user;

	counts->allocations++;
	if (counts->allocations == counts->fail_at)
		return NULL;
	counts->allocated++;
	return aligned_alloc(64, (size + 63) / 64 * 64);
}

static inline void
counting_free(void *user, void *memory)
{
	Counts	   *counts = user;

	if (memory != NULL)
		counts->allocated--;
	free(memory);
}

static inline bool
counting_poll(void *user)
{
	Counts	   *counts = user;

	counts->polls++;
	return counts->cancel_at != 0 && counts->polls >= counts->cancel_at;
}

/* A call that counts into counts, which start at zero. */
static inline Call
counting_call(Counts *counts)
{
	Call call = *call_standalone();

	memset(counts, 0, sizeof *counts);
	call.host.alloc = counting_alloc;
	call.host.free = counting_free;
	call.poll = counting_poll;
	call.host.user = counts;
	call.user = counts;
	return call;
}

/* Fail the test unless status is OK, showing what it says. */
static inline void
assert_ok(Status status)
{
	if (status.code != LS_OK)
		print_error("%s\n", status.message);
	assert_int_equal(status.code, LS_OK);
}

/* Fail unless status has this code, this text in its message, and a hint. */
static inline void
assert_failed(Status status, StatusCode code, const char *text)
{
	if (status.code != code || strstr(status.message, text) == NULL)
		print_error("got %d: %s\n", status.code, status.message);
	assert_int_equal(status.code, code);
	assert_non_null(strstr(status.message, text));
	assert_true(status.hint[0] != '\0');
}

/* Read test/data/name; tests run in the repository's root. */
static inline File
load(const char *name)
{
	char		path[256];
	FILE	   *stream;
	long		size;
	File		file;

	snprintf(path, sizeof path, "test/data/%s", name);
	stream = fopen(path, "rb");
	if (stream == NULL)
		fail_msg("cannot open %s", path);
	fseek(stream, 0, SEEK_END);
	size = ftell(stream);
	rewind(stream);
	file.size = (size_t) size;
	file.bytes = malloc(file.size);
	assert_non_null(file.bytes);
	assert_int_equal(fread(file.bytes, 1, file.size, stream), file.size);
	fclose(stream);
	return file;
}

/* Decode test/data/name, which must work. */
static inline Image
decode_file(const char *name, DecodeAs as)
{
	File		file = load(name);
	Image		image;
	Status		status = image_decode(call_standalone(), file.bytes, file.size, as, &image);

	if (status.code != LS_OK)
		fail_msg("%s: %s", name, status.message);
	free(file.bytes);
	return image;
}

/* Compare the header of test/data/name with what it must say. */
static inline void
assert_info(const char *name, ImageFormat format, int width, int height, int channels, int bits)
{
	File		file = load(name);
	ImageInfo	info;

	assert_ok(image_info(call_standalone(), file.bytes, file.size, &info));
	if (info.width != width || info.height != height || info.channels != channels || info.bits != bits)
		fail_msg("%s: %d x %d, %d channels, %d bits", name, info.width, info.height, info.channels, info.bits);
	assert_int_equal(info.format, format);
	free(file.bytes);
}

/* The value of channel c at (x, y) of a decoded pattern. */
typedef int (*Pattern) (int x, int y, int c);

static const int pattern_palette[4][3] = {{0, 0, 0}, {255, 0, 0}, {10, 200, 30}, {255, 255, 255}};

static inline int
pattern_colour(int x, int y, int c)
{
	return c == 0 ? 40 * x : c == 1 ? 60 * y : 8 * x * y;
}

static inline int
pattern_grey(int x, int y, int c)
{
	(void) c;
	return 30 * x + 15 * y;
}

static inline int
pattern_indexed(int x, int y, int c)
{
	return pattern_palette[(x + y) % 4][c];
}

/* Blend a value of 0..255 on black, rounding to nearest. */
static inline int
on_black(int value, int alpha)
{
	return (value * alpha + 127) / 255;
}

static inline int
pattern_alpha(int x, int y, int c)
{
	return on_black(pattern_colour(x, y, c), 42 * x);
}

/* Compare test/data/name, decoded to RGB, with a pattern. */
static inline void
assert_pattern(const char *name, Pattern pattern)
{
	Image		image = decode_file(name, DECODE_RGB);

	assert_int_equal(image.width, PATTERN_WIDTH);
	assert_int_equal(image.height, PATTERN_HEIGHT);
	assert_int_equal(image.channels, 3);
	for (int y = 0; y < PATTERN_HEIGHT; y++)
	{
		for (int x = 0; x < PATTERN_WIDTH; x++)
		{
			for (int c = 0; c < 3; c++)
			{
				int			value = image.pixels[(y * PATTERN_WIDTH + x) * 3 + c];

				if (value != pattern(x, y, c))
					fail_msg("%s at (%d, %d), channel %d: %d, not %d", name, x, y, c, value, pattern(x, y, c));
			}
		}
	}
	image_free(call_standalone(), &image);
}

static inline size_t
samples_of(const Image *image)
{
	return (size_t) image->width * (size_t) image->height * (size_t) image->channels;
}

/* An image whose samples all have one value. */
static inline Image
constant(int width, int height, int channels, int value)
{
	Image		image;

	assert_ok(image_create(call_standalone(), width, height, channels, &image));
	memset(image.pixels, value, samples_of(&image));
	return image;
}

/* An image whose samples are given. */
static inline Image
make_image(int width, int height, int channels, const uint8_t *samples)
{
	Image		image;

	assert_ok(image_create(call_standalone(), width, height, channels, &image));
	memcpy(image.pixels, samples, samples_of(&image));
	return image;
}

/* An image of noise that is the same every time. */
static inline Image
make_noise(int width, int height, int channels, uint32_t seed)
{
	Image		image;

	assert_ok(image_create(call_standalone(), width, height, channels, &image));
	for (int i = 0; i < width * height * channels; i++)
	{
		seed = seed * 1664525u + 1013904223u;
		image.pixels[i] = (uint8_t) (seed >> 24);
	}
	return image;
}

/* Fail unless two images are the same in every sample. */
static inline void
assert_same_image(const Image *a, const Image *b)
{
	assert_int_equal(a->width, b->width);
	assert_int_equal(a->height, b->height);
	assert_int_equal(a->channels, b->channels);
	assert_memory_equal(a->pixels, b->pixels, samples_of(a));
}

#endif

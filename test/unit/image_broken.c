/*
 * image_broken.c: bytes that are no image, or a broken one, get an error that
 * says so and what to do, and leak nothing; so do all prefixes of good files,
 * a call without memory, and a cancel at any moment.
 */
#include "image_fixture.h"

#include "image/drawing/draw.h"
#include "image/synthetic.h"

static const char *const good_files[] = {
	"rgb8.png", "rgba16_interlaced.png", "palette2_trns.png", "grey1_interlaced.png", "ancillary.png",
	"rgb.jpg", "rgb_420.jpg", "progressive.jpg", "restart.jpg", "arithmetic.jpg",
	"cmyk_adobe.jpg", "grey.jpg", "orientation6.jpg",
	"rgb24.bmp", "rgb24_core.bmp", "rgba32_v4.bmp", "rgb16_565.bmp", "palette4.bmp", "rle8.bmp", "rle4.bmp",
	"mask_red.png", "mask_ink.png", "mask_hidden.png", "mask_border.png", "mask16_1.png", "mask_percent.png",
	"mask_lossy_red.jpg", "mask_ink.bmp", "mask_border.bmp",
};

#define COUNT(array) ((int) (sizeof(array) / sizeof(array)[0]))

/* Decode test/data/name, which must fail so, also as a mask and scaled. */
static void
assert_broken(const char *name, StatusCode code, const char *text)
{
	File		file = load(name);
	Counts		counts;
	Call call = counting_call(&counts);
	Image		image;

	assert_failed(image_decode(&call, file.bytes, file.size, DECODE_RGB, &image), code, text);
	assert_null(image.pixels);
	assert_failed(image_decode_at_least(&call, file.bytes, file.size, DECODE_GREY, TURN_UPRIGHT, 2, 2, &image), code,
				  text);
	assert_failed(mask_decode(&call, file.bytes, file.size, TURN_UPRIGHT, &image, NULL), code, text);
	assert_int_equal(counts.allocated, 0);
	free(file.bytes);
}

/* What cannot be decoded has no header, either: it would promise an image. */
static void
assert_unsupported_header(const char *name)
{
	File		file = load(name);
	ImageInfo	info;

	assert_int_equal(image_info(call_standalone(), file.bytes, file.size, &info).code, LS_UNSUPPORTED);
	free(file.bytes);
}

static void
test_png(void **state)
{
	(void) state;
	assert_broken("bad_huge.png", LS_LIMIT_EXCEEDED, "60000 x 60000");
	assert_broken("bad_zero.png", LS_INVALID_IMAGE, "broken");
	assert_broken("bad_truncated.png", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_no_end.png", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_crc.png", LS_INVALID_IMAGE, "broken");
	assert_broken("bad_short_data.png", LS_INVALID_IMAGE, "Not enough image data");
	assert_broken("bad_no_palette.png", LS_INVALID_IMAGE, "PLTE");
}

static void
test_jpeg(void **state)
{
	(void) state;
	assert_broken("bad_huge.jpg", LS_LIMIT_EXCEEDED, "60000 x 60000");
	assert_broken("bad_zero.jpg", LS_INVALID_IMAGE, "Empty JPEG image");
	assert_broken("bad_truncated.jpg", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_last_scan.jpg", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_last_restart.jpg", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_no_end_scans.jpg", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_no_end_arithmetic.jpg", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_header_only.jpg", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_progressive_truncated.jpg", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_lossless.jpg", LS_UNSUPPORTED, "lossless");
	assert_broken("bad_lossless_scan.jpg", LS_UNSUPPORTED, "lossless");
	assert_broken("bad_12_bits.jpg", LS_UNSUPPORTED, "precision");
	assert_unsupported_header("bad_lossless.jpg");
	assert_unsupported_header("bad_12_bits.jpg");
	assert_broken("bad_scans.jpg", LS_INVALID_IMAGE, "scans");
}

static void
test_bmp(void **state)
{
	(void) state;
	assert_broken("bad_huge.bmp", LS_LIMIT_EXCEEDED, "60000 x 60000");
	assert_broken("bad_zero.bmp", LS_INVALID_IMAGE, "zero");
	assert_broken("bad_truncated.bmp", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_header.bmp", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_index.bmp", LS_INVALID_IMAGE, "palette");
	assert_broken("bad_rle_literal.bmp", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_rle_rows.bmp", LS_INVALID_IMAGE, "more rows");
	assert_broken("bad_rle_no_end.bmp", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_rle_no_row.bmp", LS_INVALID_IMAGE, "truncated");
	assert_broken("bad_rle_beyond.bmp", LS_INVALID_IMAGE, "more rows");
	assert_broken("bad_masks.bmp", LS_INVALID_IMAGE, "gaps");
	assert_broken("bad_bits.bmp", LS_INVALID_IMAGE, "bits per pixel");
	assert_broken("bad_jpeg_inside.bmp", LS_UNSUPPORTED, "compression");
	assert_broken("bad_pixels_offset.bmp", LS_INVALID_IMAGE, "inside its header");
}

static void
test_not_an_image(void **state)
{
	const Call *call = call_standalone();
	Image		image;
	ImageInfo	info;

	(void) state;
	assert_failed(image_decode(call, "", 0, DECODE_RGB, &image), LS_INVALID_IMAGE, "empty");
	assert_failed(image_info(call, NULL, 0, &info), LS_INVALID_IMAGE, "empty");
	assert_failed(mask_decode(call, "", 0, TURN_UPRIGHT, &image, NULL), LS_INVALID_IMAGE, "empty");
	assert_failed(image_decode(call, "hel\1o", 5, DECODE_RGB, &image), LS_INVALID_IMAGE,
				  "5 bytes that are not an image");
	assert_failed(image_info(call, "GIF89a", 6, &info), LS_UNSUPPORTED, "a GIF image");
	assert_failed(image_info(call, "B", 1, &info), LS_INVALID_IMAGE, "not an image");
	assert_failed(image_info(call, "BM", 2, &info), LS_INVALID_IMAGE, "truncated");
	assert_failed(image_info(call, "\xFF\xD8\xFF", 3, &info), LS_INVALID_IMAGE, "truncated");
	assert_failed(image_info(call, "\x89PNG\r\n\x1a\n", 8, &info), LS_INVALID_IMAGE, "truncated");
}

/* Bytes from one case to the next where every byte makes a case: slow runs
 * (memcheck) take a sample. */
static size_t
case_step(void)
{
	return getenv("LESIONSEG_TEST_QUICK") != NULL ? 13 : 1;
}

/* Every proper prefix of a good file is an error, and none leaks. A JPEG or a
 * run-length encoded BMP may do without its last bytes: those end the image,
 * and have no pixels. */
static void
test_every_prefix(void **state)
{
	Counts		counts;
	Call call = counting_call(&counts);

	(void) state;
	for (int i = 0; i < COUNT(good_files); i++)
	{
		File		file = load(good_files[i]);
		Image		whole = decode_file(good_files[i], DECODE_RGB);
		size_t		end = strstr(good_files[i], ".png") != NULL || strstr(good_files[i], "rle") == NULL ? 0 : 4;

		end = strstr(good_files[i], ".jpg") != NULL ? 3 : end;
		for (size_t size = 0; size < file.size; size += case_step())
		{
			uint8_t    *prefix = malloc(size + (size == 0));	/* exact, for the sanitizer */
			Image		image;
			Status		status;

			memcpy(prefix, file.bytes, size);
			status = image_decode(&call, prefix, size, DECODE_RGB, &image);
			if (status.code == LS_OK && size + end >= file.size)
			{
				assert_same_image(&image, &whole);
				image_free(&call, &image);
			}
			else if (status.code != LS_INVALID_IMAGE || image.pixels != NULL)
				fail_msg("%s cut after %zu of %zu bytes: status %d", good_files[i], size, file.size, status.code);
			free(prefix);
		}
		image_free(call_standalone(), &whole);
		free(file.bytes);
	}
	assert_int_equal(counts.allocated, 0);
}

/* Change every byte of a good file, one at a time: whatever comes of it,
 * nothing breaks and nothing leaks. */
static void
test_every_byte_changed(void **state)
{
	Counts		counts;
	Call call = counting_call(&counts);

	(void) state;
	call.max_pixels = 100000;
	for (int i = 0; i < COUNT(good_files); i++)
	{
		File		file = load(good_files[i]);

		for (size_t at = 0; at < file.size; at += case_step())
		{
			uint8_t		old = file.bytes[at];
			Image		image;
			Status		status;

			file.bytes[at] = (uint8_t) (at % 2 == 0 ? old ^ 0xFF : old ^ 1u << at % 8);
			status = image_decode(&call, file.bytes, file.size, DECODE_GREY, &image);
			assert_int_equal(status.code == LS_OK, image.pixels != NULL);
			image_free(&call, &image);
			file.bytes[at] = old;
		}
		free(file.bytes);
	}
	assert_int_equal(counts.allocated, 0);
}

/* max_pixels is the number of pixels that is still accepted. */
static void
test_max_pixels(void **state)
{
	static const char *const files[] = {"rgb8.png", "rgb24.bmp", "rgb.jpg", "orientation6.jpg"};

	(void) state;
	for (int i = 0; i < COUNT(files); i++)
	{
		File		file = load(files[i]);
		Call call = *call_standalone();
		Image		image;

		call.max_pixels = i < 2 ? 35 : 48 * 32;
		assert_ok(image_decode(&call, file.bytes, file.size, DECODE_RGB, &image));
		image_free(&call, &image);
		call.max_pixels--;
		assert_failed(image_decode(&call, file.bytes, file.size, DECODE_RGB, &image), LS_LIMIT_EXCEEDED,
					  "the limit is");
		assert_failed(image_decode_at_least(&call, file.bytes, file.size, DECODE_RGB, TURN_UPRIGHT, 2, 2, &image),
					  LS_LIMIT_EXCEEDED, "the limit is");
		free(file.bytes);
	}
}

/* The coefficients of a progressive JPEG are counted against max_memory. */
static void
test_max_memory(void **state)
{
	File		file = load("progressive.jpg");
	Call call = *call_standalone();
	Image		image;

	(void) state;
	call.host.max_memory = 1000;
	assert_failed(image_decode(&call, file.bytes, file.size, DECODE_RGB, &image), LS_LIMIT_EXCEEDED, "bytes");
	free(file.bytes);
}

/* What can be done to an image; each must return the first failure. */
static Status
work(const Call *call, const File *file)
{
	Image		image;
	Image		small = {0};
	Image		grey = {0};
	Image		drawn = {0};
	EncodedImage encoded = {0};
	Status		status = image_decode(call, file->bytes, file->size, DECODE_RGB, &image);

	if (status.code == LS_OK)
		status = image_resize(call, &image, 5, 40, &small);
	if (status.code == LS_OK)
		status = mask_decode(call, file->bytes, file->size, TURN_UPRIGHT, &grey, NULL);
	if (status.code == LS_INVALID_IMAGE)	/* a picture, no mask */
		status = image_decode(call, file->bytes, file->size, DECODE_GREY, &grey);
	if (status.code == LS_OK)
		status = draw_overlay(call, &image, &grey, &grey, &drawn);
	image_free(call, &drawn);
	if (status.code == LS_OK)
		status = draw_panel(call, &image, &grey, &grey, &drawn);
	if (status.code == LS_OK)
		status = png_encode(call, &small, &encoded);
	call_free(call, encoded.bytes);
	encoded.bytes = NULL;
	if (status.code == LS_OK)
		status = jpeg_encode(call, &small, 90, &encoded);
	call_free(call, encoded.bytes);
	encoded.bytes = NULL;
	if (status.code == LS_OK)
		status = bmp_encode(call, &small, &encoded);
	call_free(call, encoded.bytes);
	image_free(call, &small);
	image_free(call, &grey);
	image_free(call, &drawn);
	image_free(call, &image);
	if (status.code == LS_OK)
	{
		status = synthetic_lesion(call, 1, 20, 16, 5, &image, &grey);
		image_free(call, &image);
		image_free(call, &grey);
	}
	return status;
}

/* Let each allocation fail in turn. */
static void
test_no_memory(void **state)
{
	Counts		counts;
	Call call = counting_call(&counts);

	(void) state;
	for (int i = 0; i < COUNT(good_files); i++)
	{
		File		file = load(good_files[i]);
		long		allocations;

		counts = (Counts) {0};
		assert_ok(work(&call, &file));
		allocations = counts.allocations;
		assert_true(allocations > 10);
		for (long at = 1; at <= allocations; at++)
		{
			Status		status;

			counts = (Counts) {.fail_at = at};
			status = work(&call, &file);
			if (status.code != LS_OUT_OF_MEMORY || counts.allocated != 0)
				fail_msg("%s without allocation %ld of %ld: status %d (%s), %ld blocks left", good_files[i], at,
						 allocations, status.code, status.message, counts.allocated);
		}
		free(file.bytes);
	}
}

/* Cancel at each poll in turn. */
static void
test_cancel(void **state)
{
	Counts		counts;
	Call call = counting_call(&counts);

	(void) state;
	for (int i = 0; i < COUNT(good_files); i++)
	{
		File		file = load(good_files[i]);
		long		polls;

		counts = (Counts) {0};
		assert_ok(work(&call, &file));
		polls = counts.polls;
		assert_true(polls > 10);
		for (long at = 1; at <= polls; at++)
		{
			counts = (Counts) {.cancel_at = at};
			assert_int_equal(work(&call, &file).code, LS_CANCELLED);
			assert_int_equal(counts.allocated, 0);
			assert_int_equal(counts.polls, at);
		}
		free(file.bytes);
	}
}

/* Large images are polled often: at least once per 32 rows of pixels, and in
 * each scan of a progressive JPEG. */
static void
test_polls(void **state)
{
	Counts		counts;
	Call call = counting_call(&counts);
	Image		image = make_noise(64, 4096, 3, 1);
	Image		again;
	EncodedImage encoded;

	(void) state;
	assert_ok(png_encode(&call, &image, &encoded));
	assert_true(counts.polls >= 128);
	counts.polls = 0;
	assert_ok(image_decode(&call, encoded.bytes, encoded.size, DECODE_RGB, &again));
	assert_true(counts.polls >= 128);
	image_free(&call, &again);
	call_free(&call, encoded.bytes);
	counts.polls = 0;
	assert_ok(jpeg_encode(&call, &image, 90, &encoded));
	assert_true(counts.polls >= 128);
	counts.polls = 0;
	assert_ok(image_decode(&call, encoded.bytes, encoded.size, DECODE_RGB, &again));
	assert_true(counts.polls >= 128);
	image_free(&call, &again);
	call_free(&call, encoded.bytes);
	counts.polls = 0;
	assert_ok(image_resize(&call, &image, 32, 32, &again));
	assert_true(counts.polls >= 128);
	image_free(&call, &again);
	image_free(call_standalone(), &image);
	assert_int_equal(counts.allocated, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_png),
		cmocka_unit_test(test_jpeg),
		cmocka_unit_test(test_bmp),
		cmocka_unit_test(test_not_an_image),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_every_byte_changed),
		cmocka_unit_test(test_max_pixels),
		cmocka_unit_test(test_max_memory),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_polls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

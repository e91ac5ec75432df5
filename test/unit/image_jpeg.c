/*
 * image_jpeg.c: JPEG of every kind: baseline and progressive, grey, YCbCr,
 * CMYK and YCCK, turned eight ways, scaled while decoding.
 *
 * The files hold six flat blocks of 16 x 16, so lossy coding leaves each
 * within a few levels of its colour.
 */
#include "between.h"
#include "image_fixture.h"

#define TOLERANCE 3

/* The blocks, named A to F row by row. */
static const int blocks[6][3] = {
	{200, 40, 40}, {40, 200, 40}, {40, 40, 200}, {220, 220, 60}, {30, 30, 30}, {230, 230, 230},
};

/* Compare the middle of each block with the colours that `layout` names, row
 * by row ("ABC/DEF"), each times percent / 100. */
static void
assert_blocks(const Image *image, const char *layout, int block, int percent, int tolerance)
{
	int			x = 0;
	int			y = 0;

	for (const char *p = layout; *p != '\0'; p++)
	{
		const uint8_t *pixel;

		if (*p == '/')
		{
			x = 0;
			y++;
			continue;
		}
		pixel = image->pixels + ((y * block + block / 2) * image->width + x * block + block / 2) * 3;
		for (int c = 0; c < 3; c++)
		{
			int			want = blocks[*p - 'A'][c] * percent / 100;

			if (abs(pixel[c] - want) > tolerance)
				fail_msg("block %c of %s, channel %d: %d, not %d", *p, layout, c, pixel[c], want);
		}
		x++;
	}
	assert_int_equal(image->width, x * block);
	assert_int_equal(image->height, (y + 1) * block);
}

static void
assert_file(const char *name, const char *layout, int percent)
{
	Image		image = decode_file(name, DECODE_RGB);

	assert_blocks(&image, layout, 16, percent, TOLERANCE);
	image_free(call_standalone(), &image);
}

static void
test_decode(void **state)
{
	(void) state;
	assert_file("rgb.jpg", "ABC/DEF", 100);
	assert_file("progressive.jpg", "ABC/DEF", 100);
	assert_file("restart.jpg", "ABC/DEF", 100);
	assert_file("trailing.jpg", "ABC/DEF", 100);
	assert_file("rgb_420.jpg", "ABC/DEF", 100);
}

/* The progressive file holds the same coefficients as the baseline one. */
static void
test_progressive_is_baseline(void **state)
{
	Image		baseline = decode_file("rgb.jpg", DECODE_RGB);
	Image		progressive = decode_file("progressive.jpg", DECODE_RGB);

	(void) state;
	assert_same_image(&baseline, &progressive);
	image_free(call_standalone(), &baseline);
	image_free(call_standalone(), &progressive);
}

/* A fifth of black ink over everything leaves 80 % of the light. */
static void
test_cmyk(void **state)
{
	Image		adobe = decode_file("cmyk_adobe.jpg", DECODE_RGB);
	Image		plain = decode_file("cmyk_plain.jpg", DECODE_RGB);
	Image		grey = decode_file("cmyk_adobe.jpg", DECODE_GREY);

	(void) state;
	assert_blocks(&adobe, "ABC/DEF", 16, 80, TOLERANCE);
	assert_blocks(&plain, "ABC/DEF", 16, 80, TOLERANCE);
	assert_int_equal(grey.channels, 1);
	assert_between(grey.pixels[8 * 48 + 40], 45, 51);	/* C: 0.8 * (0.299 * 40 + 0.587 * 40 + 0.114 * 200) = 46.6 */
	image_free(call_standalone(), &adobe);
	image_free(call_standalone(), &plain);
	image_free(call_standalone(), &grey);
}

/*
 * The same samples as in cmyk_adobe.jpg, read as YCCK: block F, stored as
 * (230, 230, 230, 204), is Y = 230 and Cb = Cr = 230, hence
 *   C = 255 - (Y + 1.402 * 102) = 0 after clamping,
 *   M = 255 - (Y - 0.344136 * 102 - 0.714136 * 102) = 133, Y = 0
 * in libjpeg's inverted sense, with 204 of 255 of the light left by black.
 */
static void
test_ycck(void **state)
{
	Image		image = decode_file("ycck.jpg", DECODE_RGB);
	const uint8_t *pixel = image.pixels + (24 * 48 + 40) * 3;

	(void) state;
	assert_int_equal(pixel[0], 0);
	assert_between(pixel[1], 103, 110);
	assert_int_equal(pixel[2], 0);
	image_free(call_standalone(), &image);
}

static void
test_grey(void **state)
{
	Image		image = decode_file("grey.jpg", DECODE_RGB);
	const uint8_t *pixel = image.pixels + (8 * 48 + 8) * 3;

	(void) state;
	assert_between(pixel[0], 85, 91);	/* A: 0.299 * 200 + 0.701 * 40 = 87.8 */
	assert_int_equal(pixel[0], pixel[1]);
	assert_int_equal(pixel[0], pixel[2]);
	image_free(call_standalone(), &image);
	image = decode_file("rgb.jpg", DECODE_GREY);
	assert_int_equal(image.channels, 1);
	assert_between(image.pixels[8 * 48 + 8], 85, 91);
	image_free(call_standalone(), &image);
}

static void
test_orientation(void **state)
{
	static const char *const layouts[8] = {
		"ABC/DEF", "CBA/FED", "FED/CBA", "DEF/ABC", "AD/BE/CF", "DA/EB/FC", "FC/EB/DA", "CF/BE/AD",
	};

	(void) state;
	for (int i = 0; i < 8; i++)
	{
		char		name[32];
		File		file;
		ImageInfo	info;

		snprintf(name, sizeof name, "orientation%d.jpg", i + 1);
		assert_file(name, layouts[i], 100);
		file = load(name);
		assert_ok(image_info(call_standalone(), file.bytes, file.size, &info));
		assert_int_equal(info.orientation, i + 1);
		assert_int_equal(info.width, i < 4 ? 48 : 32);
		assert_int_equal(info.height, i < 4 ? 32 : 48);
		free(file.bytes);
	}
	assert_file("orientation_bad.jpg", "ABC/DEF", 100);
	assert_file("orientation6_long_le.jpg", "DA/EB/FC", 100);
	assert_file("orientation6_long_be.jpg", "DA/EB/FC", 100);
	assert_file("orientation_long_bad.jpg", "ABC/DEF", 100);
}

/* As stored, each of them is the same. */
static void
test_as_stored(void **state)
{
	(void) state;
	for (int i = 1; i <= 8; i++)
	{
		char		name[32];
		File		file;
		ImageInfo	info;
		Image		image;

		snprintf(name, sizeof name, "orientation%d.jpg", i);
		file = load(name);
		assert_ok(image_decode_at_least(call_standalone(), file.bytes, file.size, DECODE_RGB, TURN_AS_STORED, 48, 32,
										&image));
		assert_blocks(&image, "ABC/DEF", 16, 100, TOLERANCE);
		assert_ok(image_info(call_standalone(), file.bytes, file.size, &info));
		image_info_turn(&info, TURN_AS_STORED);
		assert_int_equal(info.width, image.width);
		assert_int_equal(info.height, image.height);
		image_free(call_standalone(), &image);
		free(file.bytes);
	}
}

/* A file without its end marker is whole: the same pixels. */
static void
test_no_end(void **state)
{
	static const char *const files[][2] = {
		{"no_end.jpg", "rgb.jpg"}, {"half_end.jpg", "rgb.jpg"}, {"no_end_grey.jpg", "grey.jpg"},
		{"no_end_restart.jpg", "restart.jpg"}, {"no_end_progressive.jpg", "progressive.jpg"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
	{
		Image		cut = decode_file(files[i][0], DECODE_RGB);
		Image		whole = decode_file(files[i][1], DECODE_RGB);

		assert_same_image(&cut, &whole);
		image_free(call_standalone(), &cut);
		image_free(call_standalone(), &whole);
	}
}

static void
test_info(void **state)
{
	(void) state;
	assert_info("rgb.jpg", IMAGE_FORMAT_JPEG, 48, 32, 3, 8);
	assert_info("progressive.jpg", IMAGE_FORMAT_JPEG, 48, 32, 3, 8);
	assert_info("grey.jpg", IMAGE_FORMAT_JPEG, 48, 32, 1, 8);
	assert_info("cmyk_adobe.jpg", IMAGE_FORMAT_JPEG, 48, 32, 4, 8);
	assert_info("bad_huge.jpg", IMAGE_FORMAT_JPEG, 60000, 60000, 3, 8);
	assert_string_equal(image_format_name(IMAGE_FORMAT_JPEG), "jpeg");
}

/* Decode name for a size; return the size it came in. */
static void
assert_scaled(const char *name, int width, int height, int got_width, int got_height)
{
	File		file = load(name);
	Image		image;

	assert_ok(image_decode_at_least(call_standalone(), file.bytes, file.size, DECODE_RGB, TURN_UPRIGHT, width, height,
									&image));
	if (image.width != got_width || image.height != got_height)
		fail_msg("%s for %d x %d came as %d x %d", name, width, height, image.width, image.height);
	image_free(call_standalone(), &image);
	free(file.bytes);
}

/* 48 x 32 by 1/8, 1/4, 1/2 and 1 is 6 x 4, 12 x 8, 24 x 16, 48 x 32. */
static void
test_decode_at_least(void **state)
{
	File		file = load("rgb.jpg");
	Image		image;

	(void) state;
	assert_scaled("rgb.jpg", 1, 1, 6, 4);
	assert_scaled("rgb.jpg", 6, 4, 6, 4);
	assert_scaled("rgb.jpg", 7, 4, 12, 8);
	assert_scaled("rgb.jpg", 6, 9, 24, 16);
	assert_scaled("rgb.jpg", 25, 1, 48, 32);
	assert_scaled("rgb.jpg", 24, 16, 24, 16);
	assert_scaled("rgb.jpg", 48, 32, 48, 32);
	assert_scaled("rgb.jpg", 500, 500, 48, 32);
	assert_scaled("progressive.jpg", 24, 16, 24, 16);
	assert_scaled("cmyk_adobe.jpg", 24, 16, 24, 16);
	assert_scaled("orientation6.jpg", 4, 6, 4, 6);	/* as seen: 32 x 48 */
	assert_scaled("orientation6.jpg", 4, 7, 8, 12);
	assert_scaled("rgb8.png", 1, 1, 7, 5);	/* others come whole */
	assert_scaled("rgb24.bmp", 1, 1, 7, 5);

	assert_ok(image_decode_at_least(call_standalone(), file.bytes, file.size, DECODE_RGB, TURN_UPRIGHT, 24, 16,
									&image));
	assert_blocks(&image, "ABC/DEF", 8, 100, TOLERANCE);
	image_free(call_standalone(), &image);
	assert_int_equal(image_decode_at_least(call_standalone(), file.bytes, file.size, DECODE_RGB, TURN_UPRIGHT, 0, 16,
										   &image).code, LS_INVALID_ARGUMENT);
	free(file.bytes);
}

/* Encoding keeps flat colours within a level or two at high quality, and
 * colour at full resolution. */
static void
test_encode(void **state)
{
	Image		image = decode_file("rgb.jpg", DECODE_RGB);
	Image		again;
	EncodedImage encoded;

	(void) state;
	assert_ok(jpeg_encode(call_standalone(), &image, 95, &encoded));
	assert_ok(image_decode(call_standalone(), encoded.bytes, encoded.size, DECODE_RGB, &again));
	assert_blocks(&again, "ABC/DEF", 16, 100, TOLERANCE);
	call_free(call_standalone(), encoded.bytes);
	image_free(call_standalone(), &again);
	image_free(call_standalone(), &image);

	image = make_noise(300, 200, 1, 3);	/* larger than the first buffer */
	assert_ok(jpeg_encode(call_standalone(), &image, 100, &encoded));
	assert_true(encoded.size > 16384);
	assert_ok(image_decode(call_standalone(), encoded.bytes, encoded.size, DECODE_GREY, &again));
	for (int i = 0; i < 300 * 200; i++)
		assert_between(again.pixels[i] + 4, image.pixels[i], image.pixels[i] + 8);
	call_free(call_standalone(), encoded.bytes);
	image_free(call_standalone(), &again);
	assert_failed(jpeg_encode(call_standalone(), &image, 0, &encoded), LS_INVALID_ARGUMENT, "quality is 0");
	assert_failed(jpeg_encode(call_standalone(), &image, 101, &encoded), LS_INVALID_ARGUMENT, "quality is 101");
	image_free(call_standalone(), &image);

	assert_ok(image_create(call_standalone(), 65501, 1, 1, &image));
	assert_failed(jpeg_encode(call_standalone(), &image, 90, &encoded), LS_INVALID_ARGUMENT, "do not fit");
	image_free(call_standalone(), &image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_progressive_is_baseline),
		cmocka_unit_test(test_cmyk),
		cmocka_unit_test(test_ycck),
		cmocka_unit_test(test_grey),
		cmocka_unit_test(test_orientation),
		cmocka_unit_test(test_as_stored),
		cmocka_unit_test(test_no_end),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_decode_at_least),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

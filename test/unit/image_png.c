/*
 * image_png.c: PNG of every colour type and depth, read and written.
 */
#include "image_fixture.h"

static int
grey_alpha(int x, int y, int c)
{
	return on_black(pattern_grey(x, y, c), 42 * x);
}

/* One colour is transparent: (40, 60, 8), which stands at (1, 1). */
static int
colour_key(int x, int y, int c)
{
	return x == 1 && y == 1 ? 0 : pattern_colour(x, y, c);
}

/* Grey 45 is transparent: (0, 3) and (1, 1). */
static int
grey_key(int x, int y, int c)
{
	return pattern_grey(x, y, c) == 45 ? 0 : pattern_grey(x, y, c);
}

static int
bits1(int x, int y, int c)
{
	(void) c;
	return (x + y) % 2 * 255;
}

static int
bits2(int x, int y, int c)
{
	(void) c;
	return (x + y) % 4 * 85;
}

static int
bits4(int x, int y, int c)
{
	(void) c;
	return (x + 2 * y) % 16 * 17;
}

/* 16 bits become 8 by rounding to nearest. */
static int
grey16(int x, int y, int c)
{
	(void) c;
	return (10000 * x + 500 * y + 128) / 257;
}

static int
palette_alpha(int x, int y, int c)
{
	static const int alphas[4] = {255, 128, 0, 255};

	return on_black(pattern_indexed(x, y, c), alphas[(x + y) % 4]);
}

static void
test_decode(void **state)
{
	(void) state;
	assert_pattern("rgb8.png", pattern_colour);
	assert_pattern("rgb8_interlaced.png", pattern_colour);
	assert_pattern("rgb16.png", pattern_colour);	/* 100 of 65535 above, rounds back */
	assert_pattern("rgba8.png", pattern_alpha);
	assert_pattern("rgba16_interlaced.png", pattern_alpha);
	assert_pattern("rgb8_trns.png", colour_key);
	assert_pattern("grey8.png", pattern_grey);
	assert_pattern("grey8_trns.png", grey_key);
	assert_pattern("grey16.png", grey16);
	assert_pattern("grey_alpha8.png", grey_alpha);
	assert_pattern("grey1.png", bits1);
	assert_pattern("grey1_interlaced.png", bits1);
	assert_pattern("grey2.png", bits2);
	assert_pattern("grey4.png", bits4);
	assert_pattern("palette8.png", pattern_indexed);
	assert_pattern("palette2_trns.png", palette_alpha);
}

/* Chunks that pixels do not need are skipped, broken or not, gamma included. */
static void
test_ancillary_chunks(void **state)
{
	(void) state;
	assert_pattern("ancillary.png", pattern_colour);
}

/* Where the pixel at (x, y) of an upright image of width x height stands in
 * the stored one, which has the pattern's size. */
static void
stored_place(int orientation, int x, int y, int *stored_x, int *stored_y)
{
	const int	right = PATTERN_WIDTH - 1;
	const int	bottom = PATTERN_HEIGHT - 1;
	const int	places[8][2] = {
		{x, y}, {right - x, y}, {right - x, bottom - y}, {x, bottom - y},
		{y, x}, {y, bottom - x}, {right - y, bottom - x}, {right - y, x},
	};

	*stored_x = places[orientation - 1][0];
	*stored_y = places[orientation - 1][1];
}

/* Check test/data/name against the pattern turned so. */
static void
assert_orientation(const char *name, int orientation)
{
	File		file = load(name);
	ImageInfo	info;
	Image		image;

	assert_ok(image_info(call_standalone(), file.bytes, file.size, &info));
	assert_int_equal(info.orientation, orientation);
	assert_false(info.exif_unread);
	assert_int_equal(info.width, orientation < 5 ? PATTERN_WIDTH : PATTERN_HEIGHT);
	assert_int_equal(info.height, orientation < 5 ? PATTERN_HEIGHT : PATTERN_WIDTH);
	assert_ok(image_decode(call_standalone(), file.bytes, file.size, DECODE_RGB, &image));
	assert_int_equal(image.width, info.width);
	assert_int_equal(image.height, info.height);
	for (int y = 0; y < image.height; y++)
		for (int x = 0; x < image.width; x++)
		{
			int			stored_x;
			int			stored_y;

			stored_place(orientation, x, y, &stored_x, &stored_y);
			for (int c = 0; c < 3; c++)
				assert_int_equal(image.pixels[(y * image.width + x) * 3 + c], pattern_colour(stored_x, stored_y, c));
		}
	image_free(call_standalone(), &image);
	assert_ok(image_decode_at_least(call_standalone(), file.bytes, file.size, DECODE_RGB, TURN_AS_STORED, 1, 1,
									&image));
	assert_int_equal(image.width, PATTERN_WIDTH);
	assert_int_equal(image.pixels[3 * 3], pattern_colour(3, 0, 0));
	image_free(call_standalone(), &image);
	free(file.bytes);
}

static void
test_orientation(void **state)
{
	(void) state;
	for (int i = 1; i <= 8; i++)
	{
		char		name[32];

		snprintf(name, sizeof name, "orientation%d.png", i);
		assert_orientation(name, i);
	}
	assert_orientation("orientation6_behind.png", 6);
	assert_orientation("orientation_wrong_crc.png", 1);
	assert_orientation("orientation_bad.png", 1);
}

/* A header without the pixels tells that an orientation may come. */
static void
test_orientation_unread(void **state)
{
	File		file = load("orientation6_behind.png");
	ImageInfo	info;

	(void) state;
	assert_ok(image_info(call_standalone(), file.bytes, file.size - 20, &info));
	assert_int_equal(info.orientation, 1);
	assert_true(info.exif_unread);
	free(file.bytes);
}

static void
test_info(void **state)
{
	(void) state;
	assert_info("rgb8.png", IMAGE_FORMAT_PNG, 7, 5, 3, 8);
	assert_info("rgb16.png", IMAGE_FORMAT_PNG, 7, 5, 3, 16);
	assert_info("rgba8.png", IMAGE_FORMAT_PNG, 7, 5, 4, 8);
	assert_info("rgba16_interlaced.png", IMAGE_FORMAT_PNG, 7, 5, 4, 16);
	assert_info("grey8.png", IMAGE_FORMAT_PNG, 7, 5, 1, 8);
	assert_info("grey16.png", IMAGE_FORMAT_PNG, 7, 5, 1, 16);
	assert_info("grey_alpha8.png", IMAGE_FORMAT_PNG, 7, 5, 2, 8);
	assert_info("grey1.png", IMAGE_FORMAT_PNG, 7, 5, 1, 1);
	assert_info("grey4.png", IMAGE_FORMAT_PNG, 7, 5, 1, 4);
	assert_info("palette8.png", IMAGE_FORMAT_PNG, 7, 5, 3, 8);
	assert_info("palette2_trns.png", IMAGE_FORMAT_PNG, 7, 5, 4, 2);
	assert_info("bad_huge.png", IMAGE_FORMAT_PNG, 60000, 60000, 3, 8);	/* the header is fine */
	assert_string_equal(image_format_name(IMAGE_FORMAT_PNG), "png");
}

/* Grey of a colour is its luma by Rec. 601. */
static void
test_decode_grey(void **state)
{
	Image		image = decode_file("rgb8.png", DECODE_GREY);

	(void) state;
	assert_int_equal(image.channels, 1);
	for (int y = 0; y < PATTERN_HEIGHT; y++)
	{
		for (int x = 0; x < PATTERN_WIDTH; x++)
			assert_int_equal(image.pixels[y * PATTERN_WIDTH + x],
							 (299 * 40 * x + 587 * 60 * y + 114 * 8 * x * y + 500) / 1000);
	}
	image_free(call_standalone(), &image);
	image = decode_file("palette8.png", DECODE_GREY);
	assert_int_equal(image.pixels[0], 0);
	assert_int_equal(image.pixels[1], 76);	/* red */
	assert_int_equal(image.pixels[3], 255);
	image_free(call_standalone(), &image);
}

/* Written row by row an image gives these bytes. */
static void
assert_written_by_rows(const Image *image, bool mask, const EncodedImage *bytes)
{
	EncodedImage encoded;
	PngWriter  *writer;

	assert_ok(png_writer_create(call_standalone(), image->width, image->height, image->channels, mask, &writer));
	for (int y = 0; y < image->height; y++)
		assert_ok(png_writer_rows(writer, image->pixels + y * image->width * image->channels, 1));
	assert_ok(png_writer_finish(writer, &encoded));
	png_writer_free(writer);
	assert_int_equal(encoded.size, bytes->size);
	assert_memory_equal(encoded.bytes, bytes->bytes, encoded.size);
	call_free(call_standalone(), encoded.bytes);
}

/* What is encoded decodes to the same, grey and colour. */
static void
test_encode(void **state)
{
	(void) state;
	for (int channels = 1; channels <= 3; channels += 2)
	{
		Image		image = make_noise(33, 21, channels, 7);
		Image		again;
		EncodedImage encoded;

		assert_ok(png_encode(call_standalone(), &image, &encoded));
		assert_ok(image_decode(call_standalone(), encoded.bytes, encoded.size,
							   channels == 1 ? DECODE_GREY : DECODE_RGB, &again));
		assert_same_image(&image, &again);
		assert_written_by_rows(&image, false, &encoded);
		call_free(call_standalone(), encoded.bytes);
		image_free(call_standalone(), &again);
		image_free(call_standalone(), &image);
	}
}

/* A mask is 8-bit, one channel, and small. */
static void
test_encode_mask(void **state)
{
	Image		mask;
	Image		again;
	EncodedImage encoded;
	ImageInfo	info;

	(void) state;
	assert_ok(image_create(call_standalone(), 256, 256, 1, &mask));
	for (int y = 0; y < 256; y++)
	{
		for (int x = 0; x < 256; x++)
			mask.pixels[y * 256 + x] = (x - 130) * (x - 130) + (y - 120) * (y - 120) < 6400 ? 255 : 0;
	}
	assert_ok(png_encode(call_standalone(), &mask, &encoded));
	assert_true(encoded.size < 3000);
	assert_written_by_rows(&mask, true, &encoded);
	assert_ok(image_info(call_standalone(), encoded.bytes, encoded.size, &info));
	assert_int_equal(info.channels, 1);
	assert_int_equal(info.bits, 8);
	assert_ok(mask_decode(call_standalone(), encoded.bytes, encoded.size, TURN_UPRIGHT, &again, NULL));
	assert_same_image(&mask, &again);
	call_free(call_standalone(), encoded.bytes);
	image_free(call_standalone(), &again);
	image_free(call_standalone(), &mask);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_ancillary_chunks),
		cmocka_unit_test(test_orientation),
		cmocka_unit_test(test_orientation_unread),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_decode_grey),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_encode_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

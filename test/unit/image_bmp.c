/*
 * image_bmp.c: BMP of every header, depth and compression, read and written.
 */
#include "image_fixture.h"

/* Two of four palette entries. */
static int
bits1(int x, int y, int c)
{
	return pattern_palette[(x + y) % 2][c];
}

/* The pattern's upper five bits, scaled back to eight. */
static int
colour555(int x, int y, int c)
{
	return (pattern_colour(x, y, c) / 8 * 255 + 15) / 31;
}

/* Green has a sixth bit, which the file leaves zero. */
static int
colour565(int x, int y, int c)
{
	return c == 1 ? (pattern_colour(x, y, c) / 8 * 2 * 255 + 31) / 63 : colour555(x, y, c);
}

/* In the file, bottom row first: two of index 1 from (0, 0), then three of
 * index 3 from (4, 3), which is two and three on from where the run ended. */
static int
delta(int x, int y, int c)
{
	int			index = 0;

	if (y == PATTERN_HEIGHT - 1 && x < 2)
		index = 1;
	if (y == PATTERN_HEIGHT - 4 && x >= 4)
		index = 3;
	return pattern_palette[index][c];
}

static void
test_decode(void **state)
{
	(void) state;
	assert_pattern("rgb24.bmp", pattern_colour);
	assert_pattern("rgb24_top_down.bmp", pattern_colour);
	assert_pattern("rgb24_core.bmp", pattern_colour);
	assert_pattern("rgb24_v5.bmp", pattern_colour);
	assert_pattern("rgb24_os2.bmp", pattern_colour);
	assert_pattern("rgb32.bmp", pattern_colour);
	assert_pattern("rgba32_v4.bmp", pattern_alpha);
	assert_pattern("rgba32_v3.bmp", pattern_alpha);
	assert_pattern("rgba32_alpha_fields.bmp", pattern_alpha);
	assert_pattern("rgba32_zero_alpha.bmp", pattern_colour);	/* alpha 0 everywhere: unused */
	assert_pattern("rgb16_555.bmp", colour555);
	assert_pattern("rgb16_565.bmp", colour565);
	assert_pattern("palette8.bmp", pattern_indexed);
	assert_pattern("palette4.bmp", pattern_indexed);
	assert_pattern("palette4_core.bmp", pattern_indexed);
	assert_pattern("palette2.bmp", pattern_indexed);
	assert_pattern("palette1.bmp", bits1);
	assert_pattern("grey8.bmp", pattern_grey);
	assert_pattern("rle8.bmp", pattern_indexed);
	assert_pattern("rle4.bmp", pattern_indexed);
	assert_pattern("rle8_padded.bmp", pattern_indexed);
	assert_pattern("rle4_padded.bmp", pattern_indexed);
	assert_pattern("rle8_no_end.bmp", pattern_indexed);
	assert_pattern("rle8_no_end_of_line.bmp", pattern_indexed);
	assert_pattern("rle8_delta.bmp", delta);
}

static void
test_info(void **state)
{
	(void) state;
	assert_info("rgb24.bmp", IMAGE_FORMAT_BMP, 7, 5, 3, 8);
	assert_info("rgb24_top_down.bmp", IMAGE_FORMAT_BMP, 7, 5, 3, 8);
	assert_info("rgb24_core.bmp", IMAGE_FORMAT_BMP, 7, 5, 3, 8);
	assert_info("rgba32_v4.bmp", IMAGE_FORMAT_BMP, 7, 5, 4, 8);
	assert_info("rgb32.bmp", IMAGE_FORMAT_BMP, 7, 5, 3, 8);
	assert_info("rgb16_555.bmp", IMAGE_FORMAT_BMP, 7, 5, 3, 5);
	assert_info("palette4.bmp", IMAGE_FORMAT_BMP, 7, 5, 3, 4);
	assert_info("palette1.bmp", IMAGE_FORMAT_BMP, 7, 5, 3, 1);
	assert_info("grey8.bmp", IMAGE_FORMAT_BMP, 7, 5, 1, 8);	/* a palette of greys */
	assert_info("bad_huge.bmp", IMAGE_FORMAT_BMP, 60000, 60000, 3, 8);
	assert_string_equal(image_format_name(IMAGE_FORMAT_BMP), "bmp");
}

/* What is encoded decodes to the same, whatever the padding of its rows. */
static void
test_encode(void **state)
{
	(void) state;
	for (int width = 1; width <= 5; width++)
	{
		for (int channels = 1; channels <= 3; channels += 2)
		{
			Image		image = make_noise(width, 3, channels, 5);
			Image		again;
			EncodedImage encoded;

			assert_ok(bmp_encode(call_standalone(), &image, &encoded));
			assert_int_equal(encoded.size,
							 54 + (channels == 1 ? 1024 : 0) + 3 * ((width * channels + 3) / 4 * 4));
			assert_ok(image_decode(call_standalone(), encoded.bytes, encoded.size,
								   channels == 1 ? DECODE_GREY : DECODE_RGB, &again));
			assert_same_image(&image, &again);
			call_free(call_standalone(), encoded.bytes);
			image_free(call_standalone(), &again);
			image_free(call_standalone(), &image);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_encode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * image_draw.c: where contours run, in which colours, and how panels are laid
 * out.
 */
#include "image_fixture.h"

#include <math.h>

#include "image/drawing/draw.h"
#include "image/drawing/legend.h"
#include "image/drawing/probability.h"

/* A mask of one rectangle. */
static Image
make_box(int width, int height, int left, int top, int right, int bottom)
{
	Image		mask;

	assert_ok(image_create(call_standalone(), width, height, 1, &mask));
	for (int y = top; y < bottom; y++)
		memset(mask.pixels + y * width + left, 255, (size_t) (right - left));
	return mask;
}

/* Show an RGB image: Y yellow, B blue, W white, . black. */
static void
assert_picture(const Image *image, const char *picture)
{
	assert_int_equal(image->channels, 3);
	for (int i = 0; i < image->width * image->height; i++)
	{
		const uint8_t *pixel = image->pixels + 3 * i;
		int			colour = pixel[0] << 16 | pixel[1] << 8 | pixel[2];
		char		letter = colour == 0xF0E442 ? 'Y' : colour == 0x56B4E9 ? 'B' : colour == 0xFFFFFF ? 'W' :
			colour == 0 ? '.' : '?';

		if (letter != picture[i])
			fail_msg("pixel (%d, %d) is %c, not %c", i % image->width, i / image->width, letter, picture[i]);
	}
}

static void
test_overlay(void **state)
{
	Image		image;
	Image		mask = make_box(8, 5, 1, 1, 5, 4);
	Image		truth = make_box(8, 5, 2, 0, 8, 4);
	Image		result;

	(void) state;
	assert_ok(image_create(call_standalone(), 8, 5, 3, &image));
	assert_ok(draw_overlay(call_standalone(), &image, &mask, NULL, &result));
	assert_picture(&result,
				   "........"
				   ".YYYY..."
				   ".Y..Y..."
				   ".YYYY..."
				   "........");
	image_free(call_standalone(), &result);

	/* The truth's line stops at the image's edge; where both run it is white. */
	assert_ok(draw_overlay(call_standalone(), &image, &mask, &truth, &result));
	assert_picture(&result,
				   "..B....."
				   ".YWYY..."
				   ".YB.Y..."
				   ".YWWWBBB"
				   "........");
	image_free(call_standalone(), &result);
	image_free(call_standalone(), &truth);
	image_free(call_standalone(), &mask);
	image_free(call_standalone(), &image);
}

/* A mask of another size is brought to the image's. */
static void
test_overlay_resizes(void **state)
{
	Image		image;
	Image		mask = make_box(4, 2, 1, 0, 3, 2);
	Image		result;

	(void) state;
	assert_ok(image_create(call_standalone(), 8, 4, 1, &image));
	assert_ok(draw_overlay(call_standalone(), &image, &mask, NULL, &result));
	assert_picture(&result,
				   "..Y..Y.."
				   "..Y..Y.."
				   "..Y..Y.."
				   "..Y..Y..");
	image_free(call_standalone(), &result);
	assert_int_equal(draw_overlay(call_standalone(), &mask, &image, NULL, &result).code, LS_OK);
	image_free(call_standalone(), &result);
	image_free(call_standalone(), &mask);
	image_free(call_standalone(), &image);
}

/* Is pixel (x, y) of an image of width x height on the contour of a mask of any
 * size? By the definition. */
static bool
on_contour(const Image *mask, int width, int height, int x, int y)
{
	int			reach = 1 + (width < height ? width : height) / 256;
	bool		edge = false;

	for (int v = y - reach; v <= y + reach; v++)
		for (int u = x - reach; u <= x + reach; u++)
		{
			int			row = (2 * v + 1) * mask->height / (2 * height);
			int			column = (2 * u + 1) * mask->width / (2 * width);
			bool		inside = u >= 0 && v >= 0 && u < width && v < height;
			bool		lesion = inside && mask->pixels[row * mask->width + column] != 0;

			if (u == x && v == y && !lesion)
				return false;
			edge = edge || (inside && !lesion);
		}
	return edge;
}

/* Contours of masks of many sizes, with lines 1 and 2 pixels wide, are what the
 * definition says. */
static void
test_contour(void **state)
{
	static const int sizes[][4] = {{1, 1, 1, 1}, {1, 37, 1, 37}, {37, 1, 37, 1}, {31, 29, 31, 29}, {31, 29, 62, 58},
	{62, 58, 31, 29}, {23, 17, 50, 37}, {50, 37, 23, 17}, {64, 64, 261, 260}, {300, 299, 261, 260}};

	(void) state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
	{
		Image		mask = make_noise(sizes[i][0], sizes[i][1], 1, (unsigned) i + 1);
		Image		image;
		Image		result;

		/* mostly lesion, with holes */
		for (int p = 0; p < mask.width * mask.height; p++)
			mask.pixels[p] = mask.pixels[p] > 20 || p % 7 < 3 ? mask.pixels[p] : 0;
		assert_ok(image_create(call_standalone(), sizes[i][2], sizes[i][3], 3, &image));
		assert_ok(draw_overlay(call_standalone(), &image, &mask, NULL, &result));
		for (int y = 0; y < image.height; y++)
			for (int x = 0; x < image.width; x++)
				if ((result.pixels[3 * (y * image.width + x)] != 0) !=
					on_contour(&mask, image.width, image.height, x, y))
					fail_msg("size %zu, pixel (%d, %d)", i, x, y);
		image_free(call_standalone(), &result);
		image_free(call_standalone(), &image);
		image_free(call_standalone(), &mask);
	}
}

static void
test_panel(void **state)
{
	Image		image;
	Image		truth = make_box(2, 1, 0, 0, 1, 1);
	Image		predicted = make_box(4, 2, 0, 0, 4, 1);
	Image		result;

	(void) state;
	assert_ok(image_create(call_standalone(), 4, 2, 3, &image));
	memset(image.pixels, 100, 24);
	assert_ok(draw_panel(call_standalone(), &image, &truth, &predicted, &result));
	assert_int_equal(result.width, 3 * 4 + 4 * 4);
	assert_int_equal(result.height, 2 + 4 + 10);	/* the pictures are too narrow for titles */
	for (int y = 0; y < result.height; y++)
	{
		for (int x = 0; x < result.width; x++)
		{
			int			column = x / 8;		/* each picture with the gap before it */
			int			u = x % 8 - 4;
			int			v = y - 10;
			int			want = 255;

			if (column < 3 && u >= 0 && v >= 0 && v < 2)
				want = column == 0 ? 100 : column == 1 ? (u < 2 ? 255 : 0) : (v == 0 ? 255 : 0);
			else if (v >= -1 && v <= 2 && ((column < 3 && u == -1) || (column > 0 && u == -4) ||
										   (column < 3 && u >= 0)))
				want = 160;		/* the frame */
			if (result.pixels[(y * result.width + x) * 3] != want)
				fail_msg("(%d, %d) is %d, not %d", x, y, result.pixels[(y * result.width + x) * 3], want);
		}
	}
	image_free(call_standalone(), &result);
	image_free(call_standalone(), &predicted);
	image_free(call_standalone(), &truth);
	image_free(call_standalone(), &image);
}

/* How many pixels of a part of an image have this colour. */
static int
count_colour(const Image *image, int top, int bottom, int red, int green, int blue)
{
	int			count = 0;

	for (int y = top; y < bottom; y++)
		for (int x = 0; x < image->width; x++)
		{
			const uint8_t *pixel = image->pixels + (y * image->width + x) * 3;

			count += pixel[0] == red && pixel[1] == green && pixel[2] == blue;
		}
	return count;
}

/* Titles stand above pictures that are wide enough, in letters that grow with these. */
static void
test_titles(void **state)
{
	Image		mask = make_box(400, 300, 0, 0, 1, 1);
	Image		result;

	(void) state;
	assert_ok(draw_panel(call_standalone(), &mask, &mask, &mask, &result));
	assert_int_equal(result.height, 300 + 20 + 4 + 300 / 32);
	/* Dots of image, truth and predicted in the font, four pixels each. */
	assert_int_equal(count_colour(&result, 0, 19, 0, 0, 0), 4 * 178);
	image_free(call_standalone(), &result);
	image_free(call_standalone(), &mask);
}

/* The legend has the lines' colours; the bar is a round length. */
static void
test_legend(void **state)
{
	Image		strip;

	(void) state;
	assert_ok(legend_overlay(call_standalone(), 256, 256, false, 0, &strip));
	assert_int_equal(strip.height, 20);
	assert_int_equal(count_colour(&strip, 0, 20, 240, 228, 66), 20 * 4);
	assert_int_equal(count_colour(&strip, 0, 20, 86, 180, 233), 0);
	image_free(call_standalone(), &strip);

	/* 256 pixels of 0.1 mm: a bar of 5 mm, 50 pixels, in a line of its own. */
	assert_ok(legend_overlay(call_standalone(), 256, 256, true, 0.1, &strip));
	assert_int_equal(strip.height, 2 * 20);
	assert_int_equal(count_colour(&strip, 0, 40, 86, 180, 233), 20 * 4);
	for (int x = 0; x < 60; x++)
		assert_int_equal(strip.pixels[((20 + 8) * 256 + x) * 3], x >= 8 && x < 58 ? 255 : 64);
	image_free(call_standalone(), &strip);

	/* A narrow picture has a line for each name; a spacing that is none has no bar. */
	assert_ok(legend_overlay(call_standalone(), 40, 500, true, INFINITY, &strip));
	assert_int_equal(strip.height, 3 * 10);
	image_free(call_standalone(), &strip);
}

/* The map stands beside the image in colours that grow lighter, the scale and the bar below both. */
static void
test_probability(void **state)
{
	static const uint8_t colours[4][4] = {{0, 68, 1, 84}, {128, 33, 145, 140}, {255, 253, 231, 37}, {63, 59, 81, 138}};
	Image		image;
	Image		map;
	Image		result;

	(void) state;
	assert_ok(image_create(call_standalone(), 256, 256, 3, &image));
	memset(image.pixels, 100, 256 * 256 * 3);
	assert_ok(image_create(call_standalone(), 128, 128, 1, &map));
	memset(map.pixels, 0, 128 * 128);
	for (int i = 0; i < 4; i++)
		map.pixels[i] = colours[i][0];
	assert_ok(probability_picture(call_standalone(), &image, &map, 0.1, &result));
	assert_int_equal(result.width, 3 * 12 + 2 * 256);
	assert_int_equal(result.height, 20 + 256 + 12 + 2 * 20);
	for (int i = 0; i < 4; i++)
		assert_memory_equal(result.pixels + (20 * result.width + 280 + 2 * i) * 3, colours[i] + 1, 3);
	for (int x = 0; x < 112; x++)
		assert_int_equal(result.pixels[(316 * result.width + x) * 3], x >= 8 && x < 108 ? 255 : 64);
	image_free(call_standalone(), &result);
	assert_ok(probability_picture(call_standalone(), &image, &map, 0, &result));
	assert_int_equal(result.height, 20 + 256 + 12 + 20);
	image_free(call_standalone(), &result);
	assert_int_equal(probability_picture(call_standalone(), &map, &image, 0, &result).code, LS_INVALID_ARGUMENT);
	map.height = 64;
	assert_int_equal(probability_picture(call_standalone(), &image, &map, 0, &result).code, LS_INVALID_ARGUMENT);
	image_free(call_standalone(), &map);
	image_free(call_standalone(), &image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_legend),
		cmocka_unit_test(test_probability),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_overlay_resizes),
		cmocka_unit_test(test_contour),
		cmocka_unit_test(test_panel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

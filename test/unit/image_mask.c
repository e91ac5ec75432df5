/*
 * image_mask.c: what counts as lesion in a mask of any kind, and which masks
 * are refused because they could mean two things.
 */
#include "between.h"
#include "image_fixture.h"

#include "image/synthetic.h"

/* Decode test/data/name as a mask, compare each row, 'X' being lesion, and the
 * kind. */
static void
assert_mask(const char *name, MaskKind kind, const char *row)
{
	File		file = load(name);
	Counts		counts;
	Call call = counting_call(&counts);
	MaskKind	found;
	Image		mask;

	assert_ok(mask_decode(&call, file.bytes, file.size, TURN_UPRIGHT, &mask, &found));
	assert_int_equal(mask.channels, 1);
	assert_int_equal(mask.width, PATTERN_WIDTH);
	assert_int_equal(mask.height, PATTERN_HEIGHT);
	if (found != kind)
		fail_msg("%s: kind %d, not %d", name, found, kind);
	for (int i = 0; i < PATTERN_WIDTH * PATTERN_HEIGHT; i++)
	{
		int			want = row[i % PATTERN_WIDTH] == 'X' ? 255 : 0;

		if (mask.pixels[i] != want)
			fail_msg("%s: pixel %d is %d, not %d", name, i, mask.pixels[i], want);
	}
	image_free(&call, &mask);
	assert_int_equal(counts.allocated, 0);
	free(file.bytes);
}

/* Test/data/name is no mask, for this reason. */
static void
assert_unclear(const char *name, const char *reason)
{
	File		file = load(name);
	Counts		counts;
	Call call = counting_call(&counts);
	Image		mask;

	assert_failed(mask_decode(&call, file.bytes, file.size, TURN_UPRIGHT, &mask, NULL), LS_INVALID_IMAGE, reason);
	assert_null(mask.pixels);
	assert_int_equal(counts.allocated, 0);
	free(file.bytes);
}

static void
test_plain(void **state)
{
	(void) state;
	assert_mask("mask_255.png", MASK_PLAIN, "XXX....");
	assert_mask("mask_1.png", MASK_PLAIN, "XXX....");
	assert_mask("mask_full.png", MASK_PLAIN, "XXXXXXX");
	assert_mask("mask_empty.png", MASK_PLAIN, ".......");
	assert_mask("mask_palette.png", MASK_PLAIN, "XXX....");	/* red, whose luma is 76 */
	assert_mask("mask.bmp", MASK_PLAIN, "XXX....");
	assert_mask("mask_constant_129.png", MASK_PLAIN, "XXXXXXX");
}

/* 129, 128, 0, 255, 1, 130, 127: many values, so above 128 counts. */
static void
test_threshold(void **state)
{
	(void) state;
	assert_mask("mask_levels.png", MASK_SOFT, "X..X.X.");
}

/* 1 of 65535, and a blue of 4 whose luma is below half a level, are not 0. */
static void
test_faint(void **state)
{
	(void) state;
	assert_mask("mask16_1.png", MASK_PLAIN, "XXX....");
	assert_mask("mask_rgb_blue.png", MASK_COLOUR, "XXX....");
	assert_mask("mask_faint.png", MASK_FAINT, "XXXX...");	/* 76 76 76 40 20: above 38 */
	assert_mask("mask_percent.png", MASK_PERCENT, "XXXX...");	/* 100 80 60 51 50 30: above 50 */
}

/* Brightness, not luma, is what an edge of red fades with. */
static void
test_colour(void **state)
{
	(void) state;
	assert_mask("mask_red.png", MASK_COLOUR, "XXX....");	/* 255 255 140 100 7 */
	assert_mask("mask_dark_red.png", MASK_COLOUR, "XXXX...");	/* 128 128 128 70 50 */
	assert_unclear("mask_two_colours.png", "several colours");
	assert_unclear("mask_red_on_white.png", "several colours");
}

/* Black on transparent is lesion where it is opaque. */
static void
test_alpha(void **state)
{
	(void) state;
	assert_mask("mask_ink.png", MASK_ALPHA, "XXX....");
	assert_mask("mask_ink_grey.png", MASK_ALPHA, "XXX....");
	assert_mask("mask_ink_palette.png", MASK_ALPHA, "XXX....");
	assert_mask("mask_ink.bmp", MASK_ALPHA, "XXX....");
	assert_mask("mask_transparent.png", MASK_PLAIN, ".......");
	assert_unclear("mask_hidden.png", "transparent everywhere");
}

/* Of the labels 0, 1 and 255, the last is a border; others say nothing. */
static void
test_labels(void **state)
{
	(void) state;
	assert_mask("mask_border.png", MASK_BORDERED, "XXX....");
	assert_mask("mask_border.bmp", MASK_BORDERED, "XXX....");
	assert_mask("mask_border_grey.png", MASK_BORDERED, "XXX....");
	assert_mask("mask_dirt.png", MASK_SOFT, "XXXXX..");	/* one pixel of 1 */
	assert_unclear("mask_012.png", "labels 0, 1, 2:");
	assert_unclear("mask16_012.png", "labels 0, 1, 2:");
	assert_unclear("mask_border_unclear.png", "labels 0, 1, 255:");
	assert_unclear("mask_border_labels.png", "labels 0, 1, 2, 255:");
}

/* What could be all or nothing. */
static void
test_unclear(void **state)
{
	(void) state;
	assert_unclear("mask_constant_1.png", "every pixel of the mask is 1:");
	assert_unclear("mask_constant_128.png", "every pixel of the mask is 128:");
	assert_unclear("mask_low.png", "up to 120");
	assert_unclear("mask_bright.png", "from 130 to 255: nothing in it is dark");
}

/* Count the pixels in which a decoded mask is not generate.py's ellipse. */
static int
differs_from_ellipse(const char *name, MaskKind kind)
{
	File		file = load(name);
	MaskKind	found;
	Image		mask;
	int			count = 0;

	assert_ok(mask_decode(call_standalone(), file.bytes, file.size, TURN_UPRIGHT, &mask, &found));
	assert_int_equal(found, kind);
	for (int y = 0; y < 48; y++)
		for (int x = 0; x < 64; x++)
		{
			int			dx = (2 * x - 63) * 24;
			int			dy = (2 * y - 47) * 32;

			count += (mask.pixels[64 * y + x] == 255) != (dx * dx + dy * dy < 40 * 24 * 40 * 24);
		}
	image_free(call_standalone(), &mask);
	free(file.bytes);
	return count;
}

/* What JPEG does to edges moves them by less than a pixel here and there. The
 * ellipse has 940 pixels. */
static void
test_lossy(void **state)
{
	(void) state;
	assert_between(differs_from_ellipse("mask_lossy_1.jpg", MASK_FAINT), 0, 20);
	assert_between(differs_from_ellipse("mask_lossy_255.jpg", MASK_SOFT), 0, 20);
	assert_between(differs_from_ellipse("mask_lossy_red.jpg", MASK_COLOUR), 0, 30);
}

/* A picture of a lesion is no mask, in whatever format; its mask is. */
static void
test_photograph(void **state)
{
	const Call *call = call_standalone();
	EncodedImage encoded[3];
	Image		picture;
	Image		mask;
	Image		read;

	(void) state;
	for (int severity = 1; severity <= 5; severity++)
	{
		assert_ok(synthetic_lesion(call, severity, 256, 192, severity, &picture, &mask));
		assert_ok(png_encode(call, &picture, &encoded[0]));
		assert_ok(jpeg_encode(call, &picture, 75, &encoded[1]));
		assert_ok(bmp_encode(call, &picture, &encoded[2]));
		for (int i = 0; i < 3; i++)
		{
			assert_failed(mask_decode(call, encoded[i].bytes, encoded[i].size, TURN_UPRIGHT, &read, NULL),
						  LS_INVALID_IMAGE,
						  "a photograph, not a mask");
			call_free(call, encoded[i].bytes);
		}
		assert_ok(jpeg_encode(call, &mask, 50, &encoded[0]));
		assert_ok(mask_decode(call, encoded[0].bytes, encoded[0].size, TURN_UPRIGHT, &read, NULL));
		call_free(call, encoded[0].bytes);
		image_free(call, &read);
		image_free(call, &picture);
		image_free(call, &mask);
	}
}

/* Sizes may differ, shapes may not, but for rounding. */
static void
test_shapes(void **state)
{
	ImageInfo	info = {.width = 600,.height = 450};

	(void) state;
	assert_true(image_shapes_match(1022, 767, 600, 450));
	assert_true(image_shapes_match(600, 450, 1022, 767));
	assert_true(image_shapes_match(1022, 767, 256, 192));
	assert_true(image_shapes_match(7, 5, 7, 5));
	assert_true(image_shapes_match(65535, 65535, 1, 1));
	assert_false(image_shapes_match(240, 120, 120, 240));
	assert_false(image_shapes_match(600, 450, 600, 451));
	assert_false(image_shapes_match(600, 450, 256, 256));
	assert_false(image_shapes_match(2, 2, 10, 30));
	assert_false(image_shapes_match(10, 30, 2, 2));
	assert_ok(mask_check_shape(&info, TURN_UPRIGHT, 300, 225));
	assert_failed(mask_check_shape(&info, TURN_UPRIGHT, 450, 600), LS_INVALID_IMAGE,
				  "the image is 600 x 450 pixels, its mask 450 x 600");
}

/* The hint of a mask that does not fit. */
static void
assert_shape_hint(int orientation, ImageTurn turn, int width, int height, const char *hint)
{
	ImageInfo	info = {.width = 200,.height = 320,.orientation = orientation};
	Status		status = mask_check_shape(&info, turn, width, height);

	assert_int_equal(status.code, LS_INVALID_IMAGE);
	if (strstr(status.hint, hint) == NULL)
		fail_msg("orientation %d: %s", orientation, status.hint);
}

/* A mask that fits the image read the other way up is told so. */
static void
test_turned(void **state)
{
	ImageInfo	info = {.width = 200,.height = 320,.orientation = 6};

	(void) state;
	assert_ok(mask_check_shape(&info, TURN_UPRIGHT, 200, 320));
	assert_ok(mask_check_shape(&info, TURN_AS_STORED, 640, 400));
	assert_shape_hint(6, TURN_UPRIGHT, 320, 200,
					  "before its EXIF orientation (6) turns it: turn the mask, or set options");
	assert_shape_hint(6, TURN_AS_STORED, 200, 320, "leave out the option \"orientation\"");
	assert_shape_hint(6, TURN_UPRIGHT, 100, 100, "not in aspect ratio");
	assert_shape_hint(1, TURN_UPRIGHT, 320, 200, "not in aspect ratio");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_faint),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_alpha),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_unclear),
		cmocka_unit_test(test_lossy),
		cmocka_unit_test(test_photograph),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_turned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

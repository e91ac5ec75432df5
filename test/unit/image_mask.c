/*
 * image_mask.c: what counts as lesion in a mask of any format: above 128, or,
 * where there is only one value beside 0, that value.
 */
#include "image_fixture.h"

/* Decode test/data/name as a mask and compare each row, 'X' being lesion. */
static void
assert_mask(const char *name, const char *row)
{
	File		file = load(name);
	Image		mask;

	assert_ok(mask_decode(host_standalone(), file.bytes, file.size, &mask));
	assert_int_equal(mask.channels, 1);
	assert_int_equal(mask.width, PATTERN_WIDTH);
	assert_int_equal(mask.height, PATTERN_HEIGHT);
	for (int i = 0; i < PATTERN_WIDTH * PATTERN_HEIGHT; i++)
	{
		int			want = row[i % PATTERN_WIDTH] == 'X' ? 255 : 0;

		if (mask.pixels[i] != want)
			fail_msg("%s: pixel %d is %d, not %d", name, i, mask.pixels[i], want);
	}
	image_free(host_standalone(), &mask);
	free(file.bytes);
}

static void
test_masks(void **state)
{
	(void) state;
	assert_mask("mask_255.png", "XXX....");
	assert_mask("mask_1.png", "XXX....");
	assert_mask("mask_full.png", "XXXXXXX");
	assert_mask("mask_empty.png", ".......");
	assert_mask("mask_palette.png", "XXX....");	/* red, whose luma is 76 */
	assert_mask("mask.bmp", "XXX....");
}

/* 129, 128, 0, 255, 1, 130, 127: many values, so above 128 counts. */
static void
test_threshold(void **state)
{
	(void) state;
	assert_mask("mask_levels.png", "X..X.X.");
}

/* 1 of 65535, and a blue of 4 whose luma is below half a level, are not 0. */
static void
test_faint(void **state)
{
	(void) state;
	assert_mask("mask16_1.png", "XXX....");
	assert_mask("mask_rgb_blue.png", "XXX....");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_faint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

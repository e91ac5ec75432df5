/*
 * image_heat_map.c: sizes, shades and numbers of a table drawn as a picture.
 */
#include "between.h"
#include "image_fixture.h"

#include <math.h>

#include "image/drawing/heat_map.h"

/* How many pixels of a picture have this colour. */
static long
count_colour(const Image *image, int red, int green, int blue)
{
	long		count = 0;

	for (long i = 0; i < (long) image->width * image->height; i++)
		count += image->pixels[3 * i] == red && image->pixels[3 * i + 1] == green && image->pixels[3 * i + 2] == blue;
	return count;
}

static Image
drawn(int rows, int columns, const double *cells, double worst, const char *title)
{
	static const char *const names[] = {"a", "b", "a name of more than twenty-four letters", ""};
	HeatMap		map = {rows, columns, names, names, cells, worst, title};
	Image		image;

	assert_ok(heat_map_draw(call_standalone(), &map, &image));
	return image;
}

/* The worst cell is dark, the one without a number grey, none below 0. */
static void
test_shades(void **state)
{
	static const double cells[4] = {0, 10, NAN, -3};
	Image		image = drawn(2, 2, cells, 10, NULL);

	(void) state;

	/* The cell, and a step and the frame of the scale. */
	assert_between(count_colour(&image, 8, 48, 107), 47 * 21 + 8 * 14 + 2 * 24 * 8 - 200,
					47 * 21 + 8 * 14 + 2 * 24 * 8 + 450);
	assert_int_equal(count_colour(&image, 225, 225, 225), 47 * 21);
	image_free(call_standalone(), &image);
}

/* Long names are cut, odd numbers drawn, nothing is written outside. */
static void
test_names(void **state)
{
	static const double cells[12] = {1e300, -1e300, INFINITY, 0.04, -0.04, 99999, 1, 2, 3, 4, 5, 6};
	Image		image = drawn(4, 3, cells, 0, NULL);

	(void) state;
	/* Of the 24 letters that are shown, two M and a W are two dots wider than others, three N one. */
	assert_int_equal(image.width, 8 + 8 * 25 + 3 * 8 * 25 + 8 + 4 * 2 * 9);
	assert_int_equal(image.height, 16 + 5 * 22);
	image_free(call_standalone(), &image);
}

/* The title stands above, the scale below; both widen the picture, and a title is cut. */
static void
test_title_and_scale(void **state)
{
	static const double cells[1] = {0};
	char		title[2 * HEAT_MAP_TITLE];
	Image		image = drawn(1, 1, cells, 0, "a title");

	(void) state;
	assert_int_equal(image.height, 16 + 3 * 22);
	assert_int_equal(image.width, 8 + 8 * 2 + 48 + 8);
	image_free(call_standalone(), &image);

	memset(title, 'x', sizeof title);
	title[sizeof title - 1] = '\0';
	image = drawn(1, 1, cells, 0, title);
	assert_int_equal(image.width, 16 + 8 * HEAT_MAP_TITLE);
	image_free(call_standalone(), &image);

	image = drawn(1, 1, cells, 1e300, NULL);
	assert_int_equal(image.height, 16 + 2 * 22 + 22 + 8);
	assert_int_equal(image.width, 16 + 8 * (3 + 24 + (int) strlen("1e+300")));
	image_free(call_standalone(), &image);
	image = drawn(1, 1, cells, INFINITY, NULL);
	image_free(call_standalone(), &image);
}

static void
test_failures(void **state)
{
	static const char *const names[] = {"a"};
	static const double cells[1] = {1};
	HeatMap		map = {1, 1, names, names, cells, 1, NULL};
	Counts		counts;
	Call call = counting_call(&counts);
	Image		image;

	(void) state;
	counts.fail_at = 1;
	assert_int_equal(heat_map_draw(&call, &map, &image).code, LS_OUT_OF_MEMORY);
	assert_int_equal(counts.allocated, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shades),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_title_and_scale),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * image_heat_map.c: sizes, shades and numbers of a table drawn as a picture.
 */
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
drawn(int rows, int columns, const double *cells, double worst)
{
	static const char *const names[] = {"a", "b", "a name of more than twenty-four letters", ""};
	HeatMap		map = {rows, columns, names, names, cells, worst};
	Image		image;

	assert_ok(heat_map_draw(call_standalone(), &map, &image));
	return image;
}

/* The worst cell is dark, the one without a number grey, none below 0. */
static void
test_shades(void **state)
{
	static const double cells[4] = {0, 10, NAN, -3};
	Image		image = drawn(2, 2, cells, 10);

	(void) state;
	assert_in_range(count_colour(&image, 8, 48, 107), 47 * 21 - 200, 47 * 21 + 300);
	assert_int_equal(count_colour(&image, 225, 225, 225), 47 * 21);
	image_free(call_standalone(), &image);
}

/* Long names are cut, odd numbers drawn, nothing is written outside. */
static void
test_names(void **state)
{
	static const double cells[12] = {1e300, -1e300, INFINITY, 0.04, -0.04, 99999, 1, 2, 3, 4, 5, 6};
	Image		image = drawn(4, 3, cells, 0);

	(void) state;
	assert_int_equal(image.width, 8 + 8 * 25 + 3 * 8 * 25 + 8);
	assert_int_equal(image.height, 16 + 5 * 22);
	image_free(call_standalone(), &image);
}

static void
test_failures(void **state)
{
	static const char *const names[] = {"a"};
	static const double cells[1] = {1};
	HeatMap		map = {1, 1, names, names, cells, 1};
	Counts		counts;
	Call call = counting_host(&counts);
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
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

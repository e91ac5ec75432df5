/*
 * measure_diameters.c: sizes of shapes that are known.
 */
#include "image_fixture.h"

#include <math.h>

#include "measure/diameters.h"

static Diameters
measure(const Image *mask, double width, double height)
{
	Diameters	diameters;

	assert_ok(diameters_measure(call_standalone(), mask, width, height, &diameters));
	return diameters;
}

static void
test_shapes(void **state)
{
	Image		mask = constant(40, 30, 1, 0);
	Diameters	diameters = measure(&mask, 1, 1);

	(void) state;
	assert_true(diameters.area == 0 && diameters.longest == 0 && diameters.across == 0);

	mask.pixels[40 * 7 + 9] = 255;	/* one pixel of 3 x 4 mm */
	diameters = measure(&mask, 3, 4);
	assert_true(diameters.area == 12);
	assert_true(fabs(diameters.longest - 5) < 1e-12);
	assert_true(fabs(diameters.across - 4.8) < 1e-12);

	mask.pixels[40 * 7 + 20] = 255;	/* and another, eleven to the right */
	diameters = measure(&mask, 0.5, 0.5);
	assert_true(diameters.area == 0.5);
	assert_true(fabs(diameters.longest - 0.5 * hypot(12, 1)) < 1e-12);
	image_free(call_standalone(), &mask);
}

/* A disc has one diameter, whichever way. */
static void
test_disc(void **state)
{
	Image		mask = constant(101, 101, 1, 0);
	Diameters	diameters;

	(void) state;
	for (int y = 0; y < 101; y++)
		for (int x = 0; x < 101; x++)
			if (hypot(x - 50, y - 50) <= 40)
				mask.pixels[101 * y + x] = 255;
	diameters = measure(&mask, 0.1, 0.1);
	assert_true(fabs(diameters.area - M_PI * 16) < 0.3);
	assert_true(diameters.longest > 8 && diameters.longest < 8.2);
	assert_true(diameters.across > 7.9 && diameters.across < 8.2);
	image_free(call_standalone(), &mask);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_disc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

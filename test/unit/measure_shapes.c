/*
 * measure_shapes.c: measures of lesions, against scikit-image's, SciPy's and
 * OpenCV's on 40 shapes (measure_shapes_cases.h); turned, scaled and mirrored;
 * of odd masks; of rendered colours; cancelled and short of memory.
 */
#include "image_fixture.h"

#include <math.h>
#include <string.h>

#include "image/cielab.h"
#include "test_call.h"
#include "measure/colour/colour_measures.h"
#include "measure/shape/shape_measures.h"
#include "measure_shapes_cases.h"

static const PixelSpacing unit = {1, 1};

/* A mask of a case. */
static Image
case_mask(const char *bits)
{
	Image		mask = constant(SHAPE_WIDTH, SHAPE_HEIGHT, 1, 0);

	for (int i = 0; i < SHAPE_WIDTH * SHAPE_HEIGHT; i++)
	{
		const char	digit[2] = {bits[i / 4], '\0'};

		mask.pixels[i] = (strtol(digit, NULL, 16) >> (3 - i % 4) & 1) != 0 ? 255 : 0;
	}
	return mask;
}

/* Measure a mask and free it. */
static ShapeMeasures
measure(Image mask, PixelSpacing spacing, int threads)
{
	Call		call = *call_standalone();
	ShapeMeasures measures;

	call.threads = threads;
	assert_ok(shape_measure(&call, &mask, spacing, &measures));
	image_free(call_standalone(), &mask);
	return measures;
}

static void
assert_near(double value, double expected, double tolerance)
{
	if (isnan(expected) ? !isnan(value) : !(fabs(value - expected) <= tolerance))
		fail_msg("%.12g is not %.12g", value, expected);
}

static void
test_cases(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof shape_cases / sizeof shape_cases[0]; i++)
		for (int threads = 1; threads <= 3; threads++)
		{
			ShapeMeasures m = measure(case_mask(shape_cases[i].mask), unit, threads);

			assert_int_equal(m.components, shape_cases[i].components);
			assert_near(m.pixels.area, shape_cases[i].area, 0);
			assert_near(m.pixels.perimeter, shape_cases[i].perimeter, 1e-4);
			assert_near(m.pixels.largest_diameter, shape_cases[i].largest_diameter, 1e-9);
			assert_near(m.pixels.smallest_diameter, shape_cases[i].smallest_diameter, 1e-9);
			assert_near(m.pixels.major_axis, shape_cases[i].major_axis, 1e-7);
			assert_near(m.pixels.minor_axis, shape_cases[i].minor_axis, 1e-7);
			assert_near(m.pixels.centroid_x, shape_cases[i].centroid_x, 1e-7);
			assert_near(m.pixels.centroid_y, shape_cases[i].centroid_y, 1e-7);
			if (shape_cases[i].eccentricity > 1e-3)
				assert_near(m.pixels.orientation, shape_cases[i].orientation, 1e-6);
			assert_near(m.pixels.eccentricity, shape_cases[i].eccentricity, 1e-7);
			assert_near(m.pixels.circularity, shape_cases[i].circularity, 1e-6);
			assert_near(m.pixels.solidity, shape_cases[i].solidity, 1e-6);
			assert_near(m.pixels.irregularity, shape_cases[i].irregularity, 1e-6);
			assert_near(m.dimension, shape_cases[i].dimension, 1e-9);
			/* a pixel whose mirror image falls between two may go either way */
			assert_near(m.asymmetry_major, shape_cases[i].asymmetry_major, 0.02);
			assert_near(m.asymmetry_minor, shape_cases[i].asymmetry_minor, 0.02);
		}
}

/* A lobed lesion of that size, turned, and mirrored where told. */
static Image
lobed(int side, double scale, double degrees, bool mirrored)
{
	Image		mask = constant(side, side, 1, 0);

	for (int i = 0; i < side * side; i++)
	{
		double		x = i % side + 0.5 - side / 2.0;
		double		y = i / side + 0.5 - side / 2.0;
		double		angle = atan2(y, mirrored ? -x : x) - degrees * M_PI / 180;
		double		radius = scale * (40 + 8 * cos(2 * angle) + 6 * cos(3 * angle + 1) + 2 * cos(7 * angle));

		mask.pixels[i] = hypot(x, y) < radius ? 255 : 0;
	}
	return mask;
}

/* Is a within 2 % of b; where both are small, of 1? */
static void
assert_alike(double a, double b)
{
	if (fabs(a - b) > 0.02 * fmax(fabs(b), 1))
		fail_msg("%g and %g are not alike", a, b);
}

static void
assert_same_lesion(const ShapeMeasures *m, const ShapeMeasures *first, double scale)
{
	assert_alike(m->pixels.area / (scale * scale), first->pixels.area);
	assert_alike(m->pixels.perimeter / scale, first->pixels.perimeter);
	assert_alike(m->pixels.largest_diameter / scale, first->pixels.largest_diameter);
	assert_alike(m->pixels.smallest_diameter / scale, first->pixels.smallest_diameter);
	assert_alike(m->pixels.major_axis / scale, first->pixels.major_axis);
	assert_alike(m->pixels.minor_axis / scale, first->pixels.minor_axis);
	assert_alike(m->pixels.eccentricity, first->pixels.eccentricity);
	assert_alike(m->pixels.circularity, first->pixels.circularity);
	assert_alike(m->pixels.solidity, first->pixels.solidity);
	assert_alike(m->pixels.irregularity, first->pixels.irregularity);
	assert_alike(m->asymmetry_major, first->asymmetry_major);
	assert_alike(m->asymmetry_minor, first->asymmetry_minor);
	assert_alike(m->dimension, first->dimension);
}

static void
test_turned(void **state)
{
	ShapeMeasures first = measure(lobed(128, 1, 0, false), unit, 1);

	(void) state;
	assert_true(first.asymmetry_major > 0.05 && first.pixels.irregularity > 0.01);
	for (int degrees = 10; degrees < 180; degrees += 20)
	{
		ShapeMeasures m = measure(lobed(128, 1, degrees, false), unit, 1);
		double		turned = fmod(first.pixels.orientation - degrees + 450, 180) - 90;
		double		off = fmod(m.pixels.orientation - turned + 450, 180) - 90;

		assert_true(fabs(off) < 1);
		assert_same_lesion(&m, &first, 1);
	}
	for (int size = 1; size <= 4; size++)
	{
		ShapeMeasures m = measure(lobed(64 + 64 * size, 0.5 + 0.5 * size, 33, size % 2 == 0), unit, 1);

		assert_same_lesion(&m, &first, 0.5 + 0.5 * size);
	}
}

/* Rectangular pixels show a circle as an ellipse; with their spacing it is one. */
static void
test_spacing(void **state)
{
	Image		mask = constant(120, 60, 1, 0);
	ShapeMeasures m;

	(void) state;
	for (int y = 0; y < 60; y++)
		for (int x = 0; x < 120; x++)
			mask.pixels[y * 120 + x] = hypot((x - 60) * 0.05, (y - 30) * 0.1) <= 2.5 ? 255 : 0;
	m = measure(mask, (PixelSpacing) {0.1, 0.05}, 2);
	assert_near(m.spaced.area, M_PI * 6.25, 0.1);
	assert_near(m.spaced.equivalent_diameter, 5, 0.03);
	assert_near(m.spaced.perimeter, M_PI * 5, 0.3);
	assert_near(m.spaced.largest_diameter, 5, 0.1);
	assert_near(m.spaced.smallest_diameter, 5, 0.1);
	assert_true(m.spaced.eccentricity < 0.1 && m.pixels.eccentricity > 0.8);
	assert_true(m.asymmetry_major < 0.02 && m.asymmetry_minor < 0.02);
}

static void
test_odd(void **state)
{
	Image		mask = constant(65535, 3, 1, 255);
	ShapeMeasures m = measure(constant(7, 5, 1, 0), unit, 1);

	(void) state;
	assert_int_equal(m.components, 0);
	m = measure(constant(1, 1, 1, 255), unit, 1);
	assert_true(m.components == 1 && m.pixels.area == 1 && m.pixels.largest_diameter == 1);
	assert_near(m.pixels.perimeter, M_PI, 1e-9);
	assert_true(m.pixels.circularity == 1 && m.pixels.solidity == 1 && isnan(m.pixels.irregularity));
	assert_true(m.asymmetry_major == 0 && isnan(m.dimension));
	m = measure(mask, unit, 2);
	assert_near(m.pixels.largest_diameter, hypot(65534, 2) + 1, 1e-6);
	assert_near(m.pixels.smallest_diameter, 3, 1e-9);
	assert_near(m.pixels.perimeter, 2 * 65535 + 2 * 3, 5);
	assert_true(m.asymmetry_major == 0);
	assert_near(m.pixels.orientation, 0, 1e-9);
	m = measure(constant(2, 65535, 1, 255), unit, 2);
	assert_true(m.pixels.orientation == 90);
}

/* Which pixels are lesion in the patterns of test_thin. */
static bool
pattern_has(int pattern, int x, int y)
{
	switch (pattern)
	{
		case 0:					/* a comb */
			return x % 2 == 0 || y == 0;
		case 1:					/* grids */
			return x % 2 == 0 || y % 2 == 0;
		case 2:
			return x % 3 == 0 || y % 3 == 0;
		case 3:
			return x % 8 == 0 || y % 8 == 0;
		case 4:					/* a checkerboard */
			return (x + y) % 2 == 0;
		case 5:					/* a line */
			return y == 40;
		case 6:					/* a coarse comb and a coarse checkerboard have an outline */
			return x % 8 < 4 || y < 4;
		default:
			return (x / 8 + y / 8) % 2 == 0;
	}
}

/* Parts one pixel wide have no outline, and no irregularity: they are not convex. */
static void
test_thin(void **state)
{
	(void) state;
	for (int pattern = 0; pattern < 8; pattern++)
	{
		Image		mask = constant(84, 84, 1, 0);
		ShapeMeasures m;

		for (int i = 0; i < 80 * 80; i++)
			mask.pixels[(i / 80 + 2) * 84 + i % 80 + 2] = pattern_has(pattern, i % 80, i / 80) ? 255 : 0;
		m = measure(mask, unit, 1 + pattern % 2);
		assert_int_equal(m.components, 1);
		assert_true(pattern < 6 ? isnan(m.pixels.irregularity) : m.pixels.irregularity > 0.6);
	}
}

static void
test_cielab(void **state)
{
	CielabTable table;

	(void) state;
	cielab_table_init(&table);
	for (size_t i = 0; i < sizeof lab_cases / sizeof lab_cases[0]; i++)
	{
		Cielab		colour = cielab_of(&table, lab_cases[i].rgb);

		assert_near(colour.l, lab_cases[i].lab[0], 1e-3);
		assert_near(colour.a, lab_cases[i].lab[1], 1e-3);
		assert_near(colour.b, lab_cases[i].lab[2], 1e-3);
	}
}

/* A disc of radius 60, left half one colour and right half another, on skin. */
static void
paint_disc(Image *image, Image *mask, const uint8_t *left, const uint8_t *right, const uint8_t *skin)
{
	*image = constant(240, 200, 3, 0);
	*mask = constant(240, 200, 1, 0);
	for (int i = 0; i < 240 * 200; i++)
	{
		bool		inside = hypot(i % 240 + 0.5 - 120, i / 240 + 0.5 - 100) < 60;

		mask->pixels[i] = inside ? 255 : 0;
		memcpy(image->pixels + 3 * i, !inside ? skin : i % 240 < 120 ? left : right, 3);
	}
}

static void
test_colours(void **state)
{
	static const uint8_t skin[] = {220, 170, 150};
	static const uint8_t black[] = {10, 10, 10};
	static const uint8_t brown[] = {150, 100, 10};
	const Call *call = call_standalone();
	CielabTable table;
	Image		image;
	Image		mask;
	ShapeMeasures shape;
	ColourMeasures colours;
	double		step;

	(void) state;
	cielab_table_init(&table);
	step = cielab_distance(cielab_of(&table, black), cielab_of(&table, brown));
	paint_disc(&image, &mask, black, brown, skin);
	assert_ok(shape_measure(call, &mask, unit, &shape));
	shape.spaced.orientation = 0;	/* of a disc it is any */
	assert_ok(colour_measure(call, &image, &mask, &shape, &colours));
	assert_true(colours.colours[COLOUR_BLACK] && colours.colours[COLOUR_LIGHT_BROWN]);
	assert_true(!colours.colours[COLOUR_WHITE] && !colours.colours[COLOUR_RED] && !colours.colours[COLOUR_DARK_BROWN]
				&& !colours.colours[COLOUR_BLUE_GREY]);
	assert_near(colours.asymmetry, step / 2, 0.03 * step);	/* none about the rows, all about the columns */
	assert_near(colours.variance, step * step / 4, 0.05 * step * step);
	for (int sector = 0; sector < COLOUR_SECTORS; sector++)
	{
		const uint8_t *inside = sector >= 2 && sector < 6 ? black : brown;

		step = cielab_distance(cielab_of(&table, inside), cielab_of(&table, skin));
		assert_near(colours.sharpness[sector], step, 0.15 * step);
	}
	assert_true(colours.contrast > 30);
	image_free(call, &image);
	image_free(call, &mask);

	paint_disc(&image, &mask, skin, skin, skin);
	assert_ok(shape_measure(call, &mask, unit, &shape));
	assert_ok(colour_measure(call, &image, &mask, &shape, &colours));
	assert_true(colours.contrast < 1e-3 && colours.asymmetry < 1e-3 && colours.variance < 0.1);
	for (int colour = 0; colour < LESION_COLOURS; colour++)
		assert_false(colours.colours[colour]);
	image_free(call, &image);
	image_free(call, &mask);

	image = constant(64, 48, 3, 100);	/* no skin at all */
	mask = constant(64, 48, 1, 255);
	assert_ok(shape_measure(call, &mask, unit, &shape));
	assert_ok(colour_measure(call, &image, &mask, &shape, &colours));
	assert_true(isnan(colours.contrast) && isnan(colours.sharpness[3]) && colours.asymmetry < 1e-3);
	image_free(call, &image);
	image_free(call, &mask);
}

/* Paint such a lesion: dark in the middle, black on one side, light brown on the other. */
static ColourMeasures
painted(double scale, double degrees, bool mirrored)
{
	static const uint8_t colours[][3] = {{225, 180, 160}, {50, 10, 5}, {20, 20, 25}, {150, 100, 20}};
	const Call *call = call_standalone();
	int			side = (int) (160 * scale);
	Image		mask = lobed(side, scale, degrees, mirrored);
	Image		image = constant(side, side, 3, 0);
	ShapeMeasures shape;
	ColourMeasures measures;

	for (int i = 0; i < side * side; i++)
	{
		double		x = i % side + 0.5 - side / 2.0;
		double		y = i / side + 0.5 - side / 2.0;
		double		angle = atan2(y, mirrored ? -x : x) - degrees * M_PI / 180;
		int			part = hypot(x, y) < 20 * scale ? 1 : cos(angle - 0.5) < 0 ? 2 : 3;

		memcpy(image.pixels + 3 * i, colours[mask.pixels[i] != 0 ? part : 0], 3);
	}
	assert_ok(shape_measure(call, &mask, unit, &shape));
	assert_ok(colour_measure(call, &image, &mask, &shape, &measures));
	image_free(call, &mask);
	image_free(call, &image);
	return measures;
}

static void
assert_same_colours(const ColourMeasures *m, const ColourMeasures *first)
{
	assert_alike(m->asymmetry, first->asymmetry);
	assert_alike(m->variance, first->variance);
	assert_alike(m->contrast, first->contrast);
	assert_memory_equal(m->colours, first->colours, sizeof m->colours);
}

static void
test_colours_turned(void **state)
{
	ColourMeasures first = painted(1, 0, false);

	(void) state;
	assert_true(first.asymmetry > 5 && first.variance > 100 && first.contrast > 20);
	for (int degrees = 15; degrees < 360; degrees += 30)
	{
		ColourMeasures m = painted(1, degrees, false);

		assert_same_colours(&m, &first);
	}
	for (int eighths = 1; eighths < 8; eighths++)
	{
		ColourMeasures m = painted(1, 45 * eighths, false);

		for (int sector = 0; sector < COLOUR_SECTORS; sector++)
			assert_alike(m.sharpness[(sector + eighths) % COLOUR_SECTORS], first.sharpness[sector]);
	}
	for (int size = 1; size <= 3; size++)
	{
		ColourMeasures m = painted(1 + 0.5 * size, 0, true);

		assert_same_colours(&m, &first);
		for (int sector = 0; sector < COLOUR_SECTORS; sector++)
			assert_alike(m.sharpness[(COLOUR_SECTORS + 3 - sector) % COLOUR_SECTORS], first.sharpness[sector]);
	}
}

/* Shape and colours of a case. */
static Status
measure_all(const Call *call, const Image *image)
{
	Image		mask = case_mask(shape_cases[20].mask);
	ShapeMeasures shape;
	ColourMeasures colours;
	Status		status = shape_measure(call, &mask, (PixelSpacing) {0.2, 0.1}, &shape);

	if (status.code == LS_OK)
		status = colour_measure(call, image, &mask, &shape, &colours);
	image_free(call_standalone(), &mask);
	return status;
}

/* Every poll that cancels and every allocation that is too large leaves nothing behind. */
static void
test_stopped(void **state)
{
	Image		image = constant(SHAPE_WIDTH, SHAPE_HEIGHT, 3, 90);
	StatusCode	code;

	(void) state;
	for (long polls = 0;; polls++)
	{
		TestCall	test;

		test_call_init(&test);
		test.stop_after = polls;
		code = measure_all(&test.call, &image).code;
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		if (code == LS_OK)
			break;
		assert_int_equal(code, LS_CANCELLED);
	}
	for (size_t limit = 1;; limit += 1 + limit / 4)
	{
		TestCall	test;

		test_call_init(&test);
		test.call.host.max_memory = limit;
		code = measure_all(&test.call, &image).code;
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		if (code == LS_OK)
			break;
		assert_int_equal(code, LS_LIMIT_EXCEEDED);
	}
	image_free(call_standalone(), &image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_turned),
		cmocka_unit_test(test_spacing),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_thin),
		cmocka_unit_test(test_cielab),
		cmocka_unit_test(test_colours),
		cmocka_unit_test(test_colours_turned),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

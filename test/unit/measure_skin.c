/*
 * measure_skin.c: skin of known tone under five lights, after the camera's white
 * balance; what is left out; odd images, cancelled and short of memory.
 */
#include "image_fixture.h"

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "image/cielab.h"
#include "test_call.h"
#include "measure/colour/skin_tone.h"

#define SIDE 96

/* Tones of skin in CIELAB, and what their angles are called. */
static const struct
{
	Cielab		colour;
	const char *category;
}			tones[] = {
	{{73, 8, 14}, "very light"}, {{67, 10, 16}, "light"}, {{62, 12, 18}, "intermediate"}, {{56, 13, 19}, "tan"},
	{{47, 13, 17}, "brown"}, {{34, 10, 11}, "dark"}
};

/* White points: a halogen lamp (3200 K), daylight of 5000 K and 6500 K, and two
 * fluorescent tubes (CIE's F2 and F11). */
static const double lights[][3] = {
	{1.06120, 1, 0.44510}, {0.96422, 1, 0.82521}, {0.95047, 1, 1.08883}, {0.99186, 1, 0.67393}, {1.00962, 1, 0.64350}
};

static const double to_rgb[3][3] = {
	{3.2404542, -1.5371385, -0.4985314}, {-0.9692660, 1.8760108, 0.0415560}, {0.0556434, -0.2040259, 1.0572252}
};
static const double bradford[3][3] = {
	{0.8951, 0.2664, -0.1614}, {-0.7502, 1.7135, 0.0367}, {0.0389, -0.0685, 1.0296}
};
static const double from_bradford[3][3] = {
	{0.9869929, -0.1470543, 0.1599627}, {0.4323053, 0.5183603, 0.0492912}, {-0.0085287, 0.0400428, 0.9684867}
};

static void
multiply(const double matrix[3][3], const double in[3], double out[3])
{
	for (int i = 0; i < 3; i++)
		out[i] = matrix[i][0] * in[0] + matrix[i][1] * in[1] + matrix[i][2] * in[2];
}

/* XYZ of a colour under D65. */
static void
xyz_of(Cielab colour, double xyz[3])
{
	double		y = (colour.l + 16) / 116;
	double		f[3] = {y + colour.a / 500, y, y - colour.b / 200};

	for (int i = 0; i < 3; i++)
		xyz[i] = lights[2][i] * (f[i] > 6.0 / 29 ? f[i] * f[i] * f[i] : (116 * f[i] - 16) * 27 / 24389);
}

/* What surface of that colour under D65 looks like under a light, in linear sRGB. */
static void
under_light(Cielab colour, const double light[3], double rgb[3])
{
	double		xyz[3];
	double		cones[3];
	double		here[3];
	double		there[3];

	xyz_of(colour, xyz);
	multiply(bradford, xyz, cones);
	multiply(bradford, lights[2], here);
	multiply(bradford, light, there);
	for (int i = 0; i < 3; i++)
		cones[i] *= there[i] / here[i];
	multiply(from_bradford, cones, xyz);
	multiply(to_rgb, xyz, rgb);
}

static uint8_t
to_srgb(double value)
{
	value = value < 0 ? 0 : value > 1 ? 1 : value;
	return (uint8_t) lround(255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * pow(value, 1 / 2.4) - 0.055));
}

/* Photograph a brown lesion on skin: texture, the light, gains that make white white. */
static void
photograph(Cielab skin, const double light[3], int64_t seed, Image *image, Image *mask)
{
	const Cielab white = {100, 0, 0};
	double		gains[3];
	Rng			rng;

	rng_seed(&rng, (uint64_t) seed, 0);
	under_light(white, light, gains);
	*image = constant(SIDE, SIDE, 3, 0);
	*mask = constant(SIDE, SIDE, 1, 0);
	for (int i = 0; i < SIDE * SIDE; i++)
	{
		bool		lesion = hypot(i % SIDE - 40, i / SIDE - 50) < 22;
		float		texture = (float) rng_range(&rng, -3, 3);
		Cielab		colour = lesion ? (Cielab) {30 + texture, 14, 14} : (Cielab) {skin.l + texture, skin.a, skin.b};
		double		rgb[3];

		under_light(colour, light, rgb);
		mask->pixels[i] = lesion ? 255 : 0;
		for (int c = 0; c < 3; c++)
			image->pixels[3 * i + c] = to_srgb(rgb[c] / fmax(gains[c], 0.02));
	}
}

/* Judge with nothing hidden; frees the images. */
static SkinTone
judge(Image image, Image mask)
{
	uint8_t    *hidden = calloc((size_t) image.width, (size_t) image.height);
	SkinTone	tone;

	assert_ok(skin_tone(call_standalone(), &image, &mask, hidden, &tone));
	free(hidden);
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &mask);
	return tone;
}

static double
angle_of(Cielab colour)
{
	return atan((colour.l - 50) / colour.b) * 180 / M_PI;
}

static void
test_lights(void **state)
{
	int			all = 0;
	int			near = 0;

	(void) state;
	for (size_t t = 0; t < sizeof tones / sizeof tones[0]; t++)
		for (size_t l = 0; l < sizeof lights / sizeof lights[0]; l++)
			for (int64_t seed = 1; seed <= 4; seed++)
			{
				Image		image;
				Image		mask;
				SkinTone	tone;

				photograph(tones[t].colour, lights[l], seed, &image, &mask);
				tone = judge(image, mask);
				all++;
				near += fabs(tone.ita - angle_of(tones[t].colour)) < 5;
				if (l == 2)		/* D65: nothing to balance */
				{
					assert_true(fabs(tone.ita - angle_of(tones[t].colour)) < 1);
					assert_string_equal(tone.category, tones[t].category);
					assert_true(fabs(tone.lightness - tones[t].colour.l) < 0.3);
				}
			}
	print_message("%d of %d within 5 degrees\n", near, all);
	assert_true(near >= 0.9 * all);
}

/* Lesion, rim, scales and what is hidden do not count. */
static void
test_left_out(void **state)
{
	uint8_t    *hidden = calloc(SIDE, SIDE);
	SkinTone	clean;
	SkinTone	tone;
	Image		image;
	Image		mask;

	(void) state;
	photograph(tones[2].colour, lights[2], 1, &image, &mask);
	assert_ok(skin_tone(call_standalone(), &image, &mask, hidden, &clean));
	for (int i = 0; i < SIDE * SIDE; i++)
	{
		int			x = i % SIDE;
		int			y = i / SIDE;

		if (hypot(x - 48, y - 48) > 56)
			memset(image.pixels + 3 * i, 5, 3);	/* the lens's rim */
		else if (y > 85 && x % 6 < 2)
			memset(image.pixels + 3 * i, 40, 3);	/* a scale */
		else if (y < 12)
		{
			memset(image.pixels + 3 * i, 255, 3);
			hidden[i] = 1;
		}
	}
	assert_ok(skin_tone(call_standalone(), &image, &mask, hidden, &tone));
	assert_true(fabs(tone.ita - clean.ita) < 1);
	assert_true(tone.pixels < clean.pixels - 12 * SIDE);
	free(hidden);
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &mask);
}

/* Let linear light fall by up to 60 % from 1.5 radii of the lesion to the
 * corners. */
static void
darken_smoothly(Image *image)
{
	for (int i = 0; i < SIDE * SIDE; i++)
	{
		double		radii = hypot(i % SIDE - 40, i / SIDE - 50) / 22;
		double		light = radii < 1.5 ? 1 : 1 - 0.6 * fmin((radii - 1.5) / 1.5, 1);

		for (int c = 0; c < 3; c++)
		{
			double		value = image->pixels[3 * i + c] / 255.0;

			value = value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4);
			image->pixels[3 * i + c] = to_srgb(light * value);
		}
	}
}

/* A lens that darkens smoothly lowers the angle; cut out, the lesion has skin of the right tone. */
static void
test_vignette(void **state)
{
	double		least = 180;
	double		most = 0;

	(void) state;
	for (size_t t = 0; t < sizeof tones / sizeof tones[0]; t++)
	{
		const Call *call = call_standalone();
		double		angle = angle_of(tones[t].colour);
		double		lower;
		Image		image;
		Image		mask;
		Image		near;
		Image		near_mask;

		photograph(tones[t].colour, lights[2], 1, &image, &mask);
		darken_smoothly(&image);
		assert_ok(image_crop(call, &image, 14, 24, 53, 53, &near));	/* a tenth more on each side */
		assert_ok(image_crop(call, &mask, 14, 24, 53, 53, &near_mask));
		assert_true(fabs(judge(near, near_mask).ita - angle) < 1);
		lower = angle - judge(image, mask).ita;
		least = fmin(least, lower);
		most = fmax(most, lower);
	}
	print_message("a smooth fall of light lowers the angle by %.1f to %.1f degrees\n", least, most);
	assert_true(most < 18);
}

static void
test_odd(void **state)
{
	SkinTone	tone = judge(constant(40, 30, 3, 150), constant(40, 30, 1, 255));

	(void) state;
	assert_true(tone.pixels == 0 && isnan(tone.ita) && isnan(tone.lightness) && tone.category == NULL);
	tone = judge(constant(1, 1, 3, 150), constant(1, 1, 1, 255));
	assert_true(tone.pixels == 0 && isnan(tone.ita));
	tone = judge(constant(40, 30, 3, 0), constant(40, 30, 1, 0));
	assert_true(tone.pixels == 0 && isnan(tone.ita));
	tone = judge(constant(40, 30, 3, 150), constant(40, 30, 1, 0));	/* grey */
	assert_true(tone.pixels == 1200 && fabs(tone.lightness - 62) < 1);
	assert_true(isnan(tone.ita) && fabs(tone.b) < 0.01);
}

/* Every poll that cancels and every allocation that is too large leaves nothing behind. */
static void
test_stopped(void **state)
{
	uint8_t    *hidden = calloc(SIDE, SIDE);
	SkinTone	tone;
	Image		image;
	Image		mask;
	StatusCode	code;

	(void) state;
	photograph(tones[0].colour, lights[0], 1, &image, &mask);
	for (long polls = 0;; polls++)
	{
		TestCall	test;

		test_call_init(&test);
		test.stop_after = polls;
		code = skin_tone(&test.call, &image, &mask, hidden, &tone).code;
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		if (code == LS_OK)
			break;
		assert_int_equal(code, LS_CANCELLED);
	}
	for (size_t limit = 1;; limit *= 2)
	{
		TestCall	test;

		test_call_init(&test);
		test.call.host.max_memory = limit;
		code = skin_tone(&test.call, &image, &mask, hidden, &tone).code;
		assert_int_equal(test.live, 0);
		test_call_end(&test);
		if (code == LS_OK)
			break;
		assert_int_equal(code, LS_LIMIT_EXCEEDED);
	}
	free(hidden);
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &mask);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lights),
		cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_vignette),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

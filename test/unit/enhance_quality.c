/*
 * enhance_quality.c: each measure on images made to have it, and the score on
 * rendered lesions with and without degradations.
 */
#include "between.h"
#include "image_fixture.h"

#include <math.h>

#include "core/rng.h"
#include "enhance/degrade/degrade.h"
#include "enhance/quality/quality_rows.h"
#include "image/synthetic.h"

/* Check that an RGB image measured row by row has the same quality, and leaves nothing behind. */
static void
assert_by_rows(const Image *image, const Quality *whole)
{
	Counts		counts;
	Call call = counting_call(&counts);
	QualityRows rows = {0};
	Quality		quality;

	assert_ok(quality_rows_begin(&rows, &call, image->width, image->height, false));
	for (int y = 0; y < image->height; y++)
		quality_rows_take(&rows, image->pixels + 3 * (size_t) y * (size_t) image->width);
	assert_ok(quality_rows_measure(&rows, &quality));
	quality_rows_free(&rows);
	assert_int_equal(counts.allocated, 0);
	assert_memory_equal(whole, &quality, sizeof quality);
}

/* Measure on one thread, and check that three say the same, and rows. Frees image. */
static Quality
measured(Image image)
{
	Call three = *call_standalone();
	Quality		quality;
	Quality		again;

	three.threads = 3;
	assert_ok(quality_measure(call_standalone(), &image, &quality));
	assert_ok(quality_measure(&three, &image, &again));
	assert_memory_equal(&quality, &again, sizeof quality);
	if (image.channels == 3)
		assert_by_rows(&image, &quality);
	image_free(call_standalone(), &image);
	return quality;
}

static Image
rendered_at(int width, int height, int64_t seed, int kind, int severity)
{
	Image		image;
	Image		mask;

	assert_ok(synthetic_lesion(call_standalone(), seed, width, height, 0, &image, &mask));
	image_free(call_standalone(), &mask);
	if (severity > 0)
		assert_ok(degrade_image(call_standalone(), (DegradeKind) kind, severity, seed, &image));
	return image;
}

static Image
rendered(int64_t seed, int kind, int severity)
{
	return rendered_at(256, 256, seed, kind, severity);
}

static void
test_noise(void **state)
{
	static const double sigmas[] = {3, 5, 7, 9};

	(void) state;
	for (int severity = 1; severity <= 4; severity++)
	{
		Image		image = constant(200, 200, 3, 128);
		double		sigma;

		assert_ok(degrade_image(call_standalone(), DEGRADE_NOISE, severity, 1, &image));
		sigma = measured(image).noise;
		assert_true(fabs(sigma / sigmas[severity - 1] - 1) < 0.05);
	}
	/* neither steps nor slopes are noise */
	{
		Image		image = constant(200, 200, 1, 50);

		for (int y = 0; y < 200; y++)
			for (int x = 0; x < 200; x++)
				image.pixels[200 * y + x] = (uint8_t) (x < 100 ? 40 + x / 2 : 200 - y / 4);
		assert_true(measured(image).noise < 0.4);
	}
}

static void
test_light(void **state)
{
	Image		image = constant(128, 128, 1, 0);
	Quality		quality;

	(void) state;
	for (int y = 0; y < 128; y++)
		for (int x = 0; x < 128; x++)
			image.pixels[128 * y + x] = (uint8_t) (100 + x);
	quality = measured(image);
	assert_true(fabs(quality.brightness - 163.5 / 255) < 0.001);
	assert_true(fabs(quality.contrast - 115.0 / 255) < 0.01);
	assert_true(fabs(quality.slope - 127.5 / 227) < 0.05);
	assert_true(fabs(quality.unevenness - 120.0 / 224) < 0.05);
	assert_true(quality.colour_cast == 0);
}

static void
test_colour(void **state)
{
	Image		grey = constant(64, 64, 3, 128);
	Image		blue = constant(64, 64, 3, 128);
	Quality		of_grey = measured(grey);
	Quality		of_blue;

	(void) state;
	for (size_t i = 2; i < samples_of(&blue); i += 3)
		blue.pixels[i] = 255;
	of_blue = measured(blue);
	/* grey is hypot(0.18, 0.08) away from skin, this blue log 2 + 0.08 the other way */
	assert_true(fabs(of_grey.colour_cast - hypot(0.18, 0.08)) < 0.001);
	assert_true(fabs(of_blue.colour_cast - hypot(0.18, log(255 / 128.0) + 0.08)) < 0.001);
	assert_true(fabs(of_blue.saturation - 127 / 255.0) < 1e-6);
}

/* The brighter half of a frame is its skin; black and white are of single
 * channels. */
static void
test_halves(void **state)
{
	static const uint8_t skin[3] = {200, 150, 140};
	static const uint8_t lesion[3] = {100, 60, 50};
	Image		image = constant(64, 64, 3, 0);
	Quality		quality;

	(void) state;
	for (size_t i = 0; i < samples_of(&image); i++)
		image.pixels[i] = i < samples_of(&image) * 5 / 8 ? skin[i % 3] : lesion[i % 3];
	quality = measured(image);
	assert_true(fabs(quality.skin_colour.red - log(200 / 150.0)) < 1e-6);
	assert_true(fabs(quality.skin_colour.blue - log(140 / 150.0)) < 1e-6);
	assert_true(fabs(quality.colour.red - log((5 * 200 + 3 * 100) / (5 * 150 + 3 * 60.0))) < 1e-6);
	assert_true(fabs(quality.colour.blue - log((5 * 140 + 3 * 50) / (5 * 150 + 3 * 60.0))) < 1e-6);
	assert_true(quality.black == 50 / 255.0);
	assert_true(quality.white == 200 / 255.0);
}

/*
 * Stripes of 2 columns, 40 levels apart: second differences at distance 2 are
 * 80 across them and 0 along them. Six times the variance of rounding, a half,
 * is subtracted, and the least that counts is a tenth of that.
 */
static void
test_direction(void **state)
{
	Image		stripes = constant(64, 64, 1, 0);
	Image		even = constant(64, 64, 1, 100);
	Quality		quality;

	(void) state;
	for (size_t i = 0; i < samples_of(&stripes); i++)
		stripes.pixels[i] = i % 4 < 2 ? 100 : 140;
	quality = measured(stripes);
	assert_true(fabs(quality.direction - log2((6400 - 0.5) / 0.05)) < 1e-6);
	assert_true(fabs(quality.detail - log2(0.05)) < 1e-6);
	quality = measured(even);
	assert_true(quality.direction == 0);
	assert_true(fabs(quality.detail - log2(0.05)) < 1e-6);
}

/* A dark line of 2 pixels and a white dot are hair and glare of their size. */
static void
test_objects(void **state)
{
	Image		image = constant(256, 256, 3, 180);
	Quality		quality;

	(void) state;
	for (int y = 0; y < 256; y++)
		memset(image.pixels + 768 * y + 3 * 150, 40, 6);
	for (int y = 20; y < 23; y++)
		memset(image.pixels + 768 * y + 3 * 20, 255, 9);
	quality = measured(image);
	assert_true(fabs(quality.hair - 2.0 / 256) < 1e-9);
	assert_true(fabs(quality.glare - 9.0 / 65536) < 1e-9);
	assert_true(quality.ink == 0);
}

/* Half the detail gone is half the resolution, about. */
static void
test_resolution(void **state)
{
	Image		noisy = constant(512, 512, 1, 128);
	Image		small;
	Image		enlarged;
	Rng			rng;

	(void) state;
	rng_seed(&rng, 1, 1);
	for (size_t i = 0; i < samples_of(&noisy); i++)
		noisy.pixels[i] = (uint8_t) rng_next(&rng);
	assert_ok(image_resize(call_standalone(), &noisy, 64, 64, &small));
	assert_ok(image_resize(call_standalone(), &small, 512, 512, &enlarged));
	assert_between((int) measured(enlarged).resolution, 64, 160);
	image_free(call_standalone(), &small);
	image_free(call_standalone(), &noisy);
}

/* Noise and blocking of a grey image, pixel by pixel as they are defined. */
static void
count_detail(const Image *image, double *noise, double *blocking)
{
	const uint8_t *pixels = image->pixels;
	int			width = image->width;
	uint32_t	counts[2048] = {0};
	double		all = 0;
	double		below = 0;
	double		sums[2] = {0, 0};	/* of steps within blocks, and across their borders */
	double		steps[2] = {0, 0};

	for (int y = 1; y + 1 < image->height; y++)
	{
		const uint8_t *row = pixels + y * width;

		for (int x = 1; x + 1 < width; x++)
		{
			int			response = 4 * row[x] - 2 * (row[x - 1] + row[x + 1] + row[x - width] + row[x + width]) +
				row[x - width - 1] + row[x - width + 1] + row[x + width - 1] + row[x + width + 1];

			if (row[x] >= 3 && row[x] <= 252)
			{
				counts[abs(response)]++;
				all++;
			}
		}
		for (int x = 0; x < (width - 1) / 8 * 8; x++)
		{
			sums[x % 8 == 7] += abs(row[x] - row[x + 1]);
			steps[x % 8 == 7]++;
		}
		for (int x = 0; x < width; x++)
		{
			sums[y % 8 == 7] += abs(row[x] - row[x + width]);
			steps[y % 8 == 7]++;
		}
	}
	*noise = 0;
	for (int i = 0; i < 2048; below += counts[i++])
	{
		double		within = (all / 2 - below) / counts[i];

		if (counts[i] == 0 || 2 * (below + counts[i]) < all)
			continue;
		*noise = (i == 0 ? within / 2 : i - 0.5 + within) / (0.6745 * 6);
		break;
	}
	*blocking = 0;
	if (steps[0] > 0 && steps[1] > 0 && sums[1] / steps[1] > sums[0] / steps[0])
		*blocking = (sums[1] / steps[1] - sums[0] / steps[0]) / (sums[0] / steps[0] + 0.25);
}

/* Images of noise, black and burnt-out pixels, of widths around those that are counted at once. */
static void
test_counting(void **state)
{
	static const int widths[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 1025, 1026, 1027, 2049, 2050, 2051};
	Rng			rng;

	(void) state;
	rng_seed(&rng, 1, 1);
	for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
	{
		for (int height = 1; height < 20; height += 3)
		{
			Image		image = constant(widths[w], height, 1, 0);
			Quality		quality;
			double		noise;
			double		blocking;

			for (int i = 0; i < image.width * height; i++)
				image.pixels[i] = (uint8_t) (rng_uniform(&rng) * 256);
			count_detail(&image, &noise, &blocking);
			quality = measured(image);
			assert_true(fabs(quality.noise - noise) < 1e-9);
			assert_true(fabs(quality.blocking - blocking) < 1e-9);
		}
	}
}

/* Constant images, tiny and long ones: finite figures, no detail. */
static void
test_shapes(void **state)
{
	static const int shapes[][3] = {{1, 1, 1}, {1, 1, 3}, {2, 2, 3}, {1, 10000, 3}, {10000, 1, 1}, {7, 3, 3},
									{300, 300, 3}, {9000, 20, 1}};

	(void) state;
	for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
	{
		for (int value = 0; value < 256; value += 85)
		{
			Quality		quality = measured(constant(shapes[s][0], shapes[s][1], shapes[s][2], value));

			assert_true(quality.sharpness == 0);
			assert_true(quality.resolution == 1);
			assert_true(quality.noise < 0.25);
			assert_true(quality.contrast == 0);
			assert_true(fabs(quality.brightness - value / 255.0) < 1e-9);
			assert_true(quality.unevenness < 1e-6);
			assert_true(quality.hair == 0 && quality.glare == 0 && quality.ink == 0 && quality.blocking == 0);
			assert_true(isfinite(quality.colour_cast) && isfinite(quality.saturation));
			assert_true(quality.score >= 0 && quality.score < 0.5);
		}
	}
}

/* What was done to an image is what it is said to have, from a severity on,
 * and the score falls as severity grows. */
static void
test_issues(void **state)
{
	static const struct
	{
		DegradeKind kind;
		QualityIssue issue;
		int			severity;	/* from which it is named */
	}			expected[] = {
		{DEGRADE_NOISE, ISSUE_NOISY, 1},
		{DEGRADE_SHOT_NOISE, ISSUE_NOISY, 1},
		{DEGRADE_BLUR, ISSUE_BLURRED, 1},
		{DEGRADE_MOTION_BLUR, ISSUE_BLURRED, 3},
		{DEGRADE_LOW_RESOLUTION, ISSUE_LOW_RESOLUTION, 3},
		{DEGRADE_JPEG, ISSUE_BLOCKING, 3},
		{DEGRADE_DARKNESS, ISSUE_DARK, 3},
		{DEGRADE_LOW_CONTRAST, ISSUE_LOW_CONTRAST, 5},
		{DEGRADE_UNEVEN_LIGHT, ISSUE_UNEVEN, 3},
		{DEGRADE_COLOUR_CAST, ISSUE_COLOUR_CAST, 3},
		{DEGRADE_HAIR, ISSUE_HAIR, 4},
		{DEGRADE_RULER_INK, ISSUE_INK, 3},
		{DEGRADE_BUBBLES, ISSUE_GLARE, 3},
	};
	Quality		clean = measured(rendered(5, 0, 0));

	(void) state;
	assert_true(clean.score > 0.95);
	for (int i = 0; i < ISSUES; i++)
		assert_false(clean.issues[i]);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
	{
		double		before = clean.score;

		for (int severity = 1; severity <= 5; severity += 2)
		{
			Quality		quality = measured(rendered(5, expected[i].kind, severity));

			if (severity >= expected[i].severity && !quality.issues[expected[i].issue])
				fail_msg("%s of severity %d is not called %s", degrade_name(expected[i].kind), severity,
						 quality_issue_name(expected[i].issue));
			assert_true(quality.score < before + 0.01);
			before = quality.score;
		}
		if (before >= 0.6)
			fail_msg("%s of severity 5 has a score of %g", degrade_name(expected[i].kind), before);
	}
}

/* Good images score higher than every image degraded at severity 4, whatever
 * the sizes of both. */
static void
test_sizes(void **state)
{
	static const int sizes[][2] = {{256, 256}, {512, 384}, {768, 1024}};
	double		least = 1;

	(void) state;
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
		for (int64_t seed = 2; seed <= 4; seed++)
			least = fmin(least, measured(rendered_at(sizes[s][0], sizes[s][1], seed, 0, 0)).score);
	if (least < 0.7)
		fail_msg("a good image has a score of %g", least);
	for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
	{
		for (int kind = 0; kind < DEGRADE_KINDS; kind++)
		{
			double		score = measured(rendered_at(sizes[s][0], sizes[s][1], 2 + kind % 3, kind, 4)).score;

			if (score >= least)
				fail_msg("%s of severity 4 at %d x %d has a score of %g, a good image %g",
						 degrade_name((DegradeKind) kind), sizes[s][0], sizes[s][1], score, least);
		}
	}
}

/* Without colours the score is about the same. */
static void
test_grey(void **state)
{
	(void) state;
	for (int severity = 0; severity <= 4; severity += 4)
	{
		Image		image = rendered(2, DEGRADE_DARKNESS, severity);
		Image		grey = constant(256, 256, 1, 0);
		double		of_colour;

		for (size_t i = 0; i < samples_of(&grey); i++)
		{
			const uint8_t *pixel = image.pixels + 3 * i;

			grey.pixels[i] = (uint8_t) ((299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2] + 500) / 1000);
		}
		of_colour = measured(image).score;
		assert_true(fabs(measured(grey).score - of_colour) < 0.1);
	}
}

static void
test_failures(void **state)
{
	Image		image = rendered(1, 0, 0);
	Quality		quality;
	Counts		counts;
	Call call = counting_call(&counts);
	long		allocations;
	long		polls;

	(void) state;
	assert_ok(quality_measure(&call, &image, &quality));
	assert_int_equal(counts.allocated, 0);
	allocations = counts.allocations;
	polls = counts.polls;
	for (long fail_at = 1; fail_at <= allocations; fail_at++)
	{
		call = counting_call(&counts);
		counts.fail_at = fail_at;
		assert_int_equal(quality_measure(&call, &image, &quality).code, LS_OUT_OF_MEMORY);
		assert_int_equal(counts.allocated, 0);
	}
	for (long cancel_at = 1; cancel_at <= polls; cancel_at++)
	{
		call = counting_call(&counts);
		counts.cancel_at = cancel_at;
		assert_int_equal(quality_measure(&call, &image, &quality).code, LS_CANCELLED);
		assert_int_equal(counts.allocated, 0);
	}
	image_free(call_standalone(), &image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_light),
		cmocka_unit_test(test_colour),
		cmocka_unit_test(test_halves),
		cmocka_unit_test(test_direction),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_resolution),
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_issues),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_grey),
		cmocka_unit_test(test_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

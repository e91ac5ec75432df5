/*
 * enhance_degrade.c: degradations: that each does something, more of it at
 * each severity, the same for the same seed, and nothing it should not.
 */
#include "between.h"
#include "image_fixture.h"

#include "enhance/degrade/degrade.h"
#include "image/synthetic.h"

/* A rendered lesion, degraded. */
static Image
degraded_lesion(int64_t lesion, DegradeKind kind, int severity, int64_t seed, int width, int height)
{
	const Call *call = call_standalone();
	Image		image;
	Image		mask;

	assert_ok(synthetic_lesion(call, lesion, width, height, 0, &image, &mask));
	image_free(call, &mask);
	if (severity > 0)
		assert_ok(degrade_image(call, kind, severity, seed, &image));
	return image;
}

static Image
degraded(DegradeKind kind, int severity, int64_t seed, int width, int height)
{
	return degraded_lesion(5, kind, severity, seed, width, height);
}

/* Sum of the differences between two images of one size. */
static long
difference(const Image *a, const Image *b)
{
	long		sum = 0;

	assert_int_equal(samples_of(a), samples_of(b));
	for (size_t i = 0; i < samples_of(a); i++)
		sum += labs((long) a->pixels[i] - (long) b->pixels[i]);
	return sum;
}

/* FNV-1a of the pixels. */
static uint32_t
hash_of(const Image *image)
{
	uint32_t	hash = 2166136261u;

	for (size_t i = 0; i < samples_of(image); i++)
		hash = (hash ^ image->pixels[i]) * 16777619u;
	return hash;
}

static void
test_names(void **state)
{
	DegradeKind kind;

	(void) state;
	for (int i = 0; i < DEGRADE_KINDS; i++)
	{
		assert_ok(degrade_find(degrade_name((DegradeKind) i), &kind));
		assert_int_equal(kind, i);
		assert_true(strlen(degrade_description(kind)) > 5);
	}
	{
		Status		status = degrade_find("rain", &kind);

		assert_int_equal(status.code, LS_INVALID_ARGUMENT);
		assert_string_equal(status.message, "there is no degradation \"rain\"");
		assert_string_equal(status.hint, "Known: noise, shot_noise, blur, motion_blur, low_resolution, jpeg, darkness, "
							"low_contrast, uneven_light, colour_cast, hair, ruler_ink, bubbles");
	}
}

/* Each severity takes the image further away. */
static void
test_severities(void **state)
{
	const Call *call = call_standalone();

	(void) state;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		long		before = 0;

		for (int severity = 1; severity <= DEGRADE_SEVERITY_MAX; severity++)
		{
			long		distance = 0;

			for (int64_t lesion = 1; lesion <= 8; lesion++)
			{
				Image		clean = degraded_lesion(lesion, DEGRADE_NOISE, 0, 0, 160, 120);
				Image		image = degraded_lesion(lesion, (DegradeKind) kind, severity, 1, 160, 120);

				distance += difference(&clean, &image);
				image_free(call, &image);
				image_free(call, &clean);
			}
			if (distance <= before)
				fail_msg("%s %d: %ld after %ld", degrade_name((DegradeKind) kind), severity, distance, before);
			before = distance;
		}
	}
}

/* The same seed gives the same bytes, another seed others. JPEG, blurs and
 * lower resolution draw little or nothing and are compared by seed alone. */
static void
test_seeds(void **state)
{
	const Call *call = call_standalone();

	(void) state;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		Image		one = degraded((DegradeKind) kind, 3, 7, 128, 96);
		Image		again = degraded((DegradeKind) kind, 3, 7, 128, 96);
		Image		other = degraded((DegradeKind) kind, 3, 8, 128, 96);

		assert_int_equal(difference(&one, &again), 0);
		if (kind != DEGRADE_JPEG && kind != DEGRADE_BLUR && kind != DEGRADE_LOW_RESOLUTION)
		{
			if (difference(&one, &other) == 0)
				fail_msg("%s is the same for two seeds", degrade_name((DegradeKind) kind));
		}
		image_free(call, &one);
		image_free(call, &again);
		image_free(call, &other);
	}
}

/* These bytes never change (those of JPEG are the codec's affair). */
static void
test_known_bytes(void **state)
{
	static const uint32_t known[DEGRADE_KINDS] = {
		[DEGRADE_NOISE] = 0x13BF8A7F,
		[DEGRADE_SHOT_NOISE] = 0xB1D53989,
		[DEGRADE_BLUR] = 0x5140DE34,
		[DEGRADE_MOTION_BLUR] = 0xCBF123AF,
		[DEGRADE_LOW_RESOLUTION] = 0xFA26D93C,
		[DEGRADE_DARKNESS] = 0xEC50457D,
		[DEGRADE_LOW_CONTRAST] = 0x5690FF84,
		[DEGRADE_UNEVEN_LIGHT] = 0x14EB3ACD,
		[DEGRADE_COLOUR_CAST] = 0x469CAC2A,
		[DEGRADE_HAIR] = 0x9DBB0D4F,
		[DEGRADE_RULER_INK] = 0xDA26561A,
		[DEGRADE_BUBBLES] = 0x958A3EA3,
	};
	const Call *call = call_standalone();

	(void) state;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		Image		image;

		if (kind == DEGRADE_JPEG)
			continue;
		assert_ok(image_create(call, 90, 70, 3, &image));
		for (size_t i = 0; i < samples_of(&image); i++)
			image.pixels[i] = (uint8_t) (i * i / 97);
		assert_ok(degrade_image(call, (DegradeKind) kind, 4, -3, &image));
		if (hash_of(&image) != known[kind])
			fail_msg("%s: 0x%08X", degrade_name((DegradeKind) kind), hash_of(&image));
		image_free(call, &image);
	}
}

/* What only averages keeps a constant image as it is. */
static void
test_constant(void **state)
{
	static const DegradeKind kinds[] = {DEGRADE_BLUR, DEGRADE_MOTION_BLUR, DEGRADE_LOW_RESOLUTION};
	const Call *call = call_standalone();

	(void) state;
	for (int k = 0; k < 3; k++)
	{
		for (int value = 0; value < 256; value += 51)
		{
			Image		image;

			assert_ok(image_create(call, 61, 47, 3, &image));
			memset(image.pixels, value, samples_of(&image));
			assert_ok(degrade_image(call, kinds[k], 5, 1, &image));
			for (size_t i = 0; i < samples_of(&image); i++)
				assert_int_equal(image.pixels[i], value);
			image_free(call, &image);
		}
	}
}

/* A disc of an even row of one bright line spreads its light without loss. */
static void
test_blur_keeps_light(void **state)
{
	const Call *call = call_standalone();
	Image		image;
	long		sum = 0;

	(void) state;
	assert_ok(image_create(call, 256, 256, 1, &image));
	for (int y = 100; y < 156; y++)
		memset(image.pixels + y * 256 + 100, 200, 56);
	assert_ok(degrade_image(call, DEGRADE_BLUR, 3, 0, &image));
	for (size_t i = 0; i < samples_of(&image); i++)
		sum += image.pixels[i];
	assert_between(sum, 56 * 56 * 200 * 98 / 100, 56 * 56 * 200 * 102 / 100);
	assert_int_equal(image.pixels[128 * 256 + 128], 200);	/* further than the radius from every edge */
	assert_between(image.pixels[128 * 256 + 100], 90, 130);	/* at the edge about half */
	assert_int_equal(image.pixels[128 * 256 + 84], 0);
	image_free(call, &image);
}

/* Noise has the sigma it says and no mean. */
static void
test_noise_sigma(void **state)
{
	static const int sigmas[] = {3, 5, 7, 9};
	const Call *call = call_standalone();

	(void) state;
	for (int severity = 1; severity <= 4; severity++)
	{
		Image		image;
		double		sum = 0;
		double		squares = 0;
		double		mean;
		double		variance;

		assert_ok(image_create(call, 200, 200, 1, &image));
		memset(image.pixels, 128, samples_of(&image));
		assert_ok(degrade_image(call, DEGRADE_NOISE, severity, 3, &image));
		for (size_t i = 0; i < samples_of(&image); i++)
		{
			double		error = image.pixels[i] - 128.0;

			sum += error;
			squares += error * error;
		}
		mean = sum / 40000;
		variance = squares / 40000 - mean * mean - 1.0 / 12;	/* that of rounding */
		assert_true(mean > -0.6 && mean < 0.6);
		assert_true(variance > 0.94 * sigmas[severity - 1] * sigmas[severity - 1]);
		assert_true(variance < 1.06 * sigmas[severity - 1] * sigmas[severity - 1]);
		image_free(call, &image);
	}
}

/* Hair changes no pixel that its cover calls free. */
static void
test_hair_cover(void **state)
{
	const Call *call = call_standalone();
	Image		clean = degraded(DEGRADE_HAIR, 0, 0, 128, 128);
	Image		image = degraded(DEGRADE_HAIR, 0, 0, 128, 128);
	uint8_t		cover[128 * 128];
	long		covered = 0;
	Rng			rng;

	(void) state;
	rng_seed(&rng, 1, 2);
	assert_ok(degrade_hair(call, 4, &rng, &image, cover));
	for (int i = 0; i < 128 * 128; i++)
	{
		if (cover[i] == 0)
			assert_memory_equal(image.pixels + 3 * i, clean.pixels + 3 * i, 3);
		covered += cover[i] > 127;
	}
	assert_between(covered, 200, 128 * 128 / 3);
	image_free(call, &clean);
	image_free(call, &image);
}

/* Extreme shapes, and grey. */
static void
test_shapes(void **state)
{
	static const int shapes[][3] = {{1, 1, 1}, {1, 1, 3}, {1, 10000, 3}, {10000, 1, 1}, {2, 3, 3}, {64, 64, 1},
									{33, 900, 3}};
	const Call *call = call_standalone();

	(void) state;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
		{
			for (int severity = 1; severity <= DEGRADE_SEVERITY_MAX; severity += 2)
			{
				Image		image = constant(shapes[s][0], shapes[s][1], shapes[s][2],
											 severity == 1 ? 150 : severity == 3 ? 0 : 255);

				assert_ok(degrade_image(call, (DegradeKind) kind, severity, 1, &image));
				assert_int_equal(image.width, shapes[s][0]);
				assert_int_equal(image.height, shapes[s][1]);
				assert_int_equal(image.channels, shapes[s][2]);
				image_free(call, &image);
			}
		}
	}
}

/* A severity out of range, memory that runs out, a caller that wants to stop. */
static void
test_failures(void **state)
{
	Image		image = degraded(DEGRADE_NOISE, 0, 0, 64, 64);

	(void) state;
	for (int kind = 0; kind < DEGRADE_KINDS; kind++)
	{
		Counts		counts;
		Call call = counting_call(&counts);
		long		allocations;

		assert_int_equal(degrade_image(&call, (DegradeKind) kind, 0, 1, &image).code, LS_INVALID_ARGUMENT);
		assert_int_equal(degrade_image(&call, (DegradeKind) kind, 6, 1, &image).code, LS_INVALID_ARGUMENT);
		assert_int_equal(counts.allocations, 0);

		assert_ok(degrade_image(&call, (DegradeKind) kind, 1, 1, &image));
		assert_int_equal(counts.allocated, 0);
		allocations = counts.allocations;
		for (long fail_at = 1; fail_at <= allocations; fail_at++)
		{
			call = counting_call(&counts);
			counts.fail_at = fail_at;
			assert_int_equal(degrade_image(&call, (DegradeKind) kind, 1, 1, &image).code, LS_OUT_OF_MEMORY);
			assert_int_equal(counts.allocated, 0);
		}
		for (long cancel_at = 1;; cancel_at++)
		{
			Status		status;

			call = counting_call(&counts);
			counts.cancel_at = cancel_at;
			status = degrade_image(&call, (DegradeKind) kind, 1, 1, &image);
			assert_int_equal(counts.allocated, 0);
			if (status.code == LS_OK && cancel_at > 1)
				break;
			assert_int_equal(status.code, LS_CANCELLED);
		}
	}
	image_free(call_standalone(), &image);
}

/* A ruler has no more marks than the edge has pixels, and may be cancelled
 * between them. */
static void
test_long_ruler(void **state)
{
	Image		image = constant(20000, 1, 3, 200);
	Counts		counts;
	Call call = counting_call(&counts);

	(void) state;
	for (int64_t seed = 0; seed < 8; seed++)
	{
		Image		copy = make_image(20000, 1, 3, image.pixels);
		long		before = counts.polls;

		assert_ok(degrade_image(&call, DEGRADE_RULER_INK, 1, seed, &copy));
		assert_between(counts.polls - before, 4, 4 + 20);
		image_free(call_standalone(), &copy);
	}
	assert_true(counts.polls > 8 * 4 + 20);	/* some stood along the long edges */
	image_free(call_standalone(), &image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_severities),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_known_bytes),
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_blur_keeps_light),
		cmocka_unit_test(test_noise_sigma),
		cmocka_unit_test(test_hair_cover),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_long_ruler),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

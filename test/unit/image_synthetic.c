/*
 * image_synthetic.c: rendered lesions are reproducible to the bit, their
 * masks are plausible, and there is something to learn: pixels cannot be
 * told apart by brightness alone, but mostly.
 */
#include "image_fixture.h"

#include "image/synthetic.h"

/* FNV-1a of an image's samples. */
static uint32_t
hash_image(const Image *image)
{
	uint32_t	hash = 2166136261u;

	for (size_t i = 0; i < (size_t) image->width * (size_t) image->height * (size_t) image->channels; i++)
		hash = (hash ^ image->pixels[i]) * 16777619u;
	return hash;
}

static void
render(int64_t seed, int width, int height, int severity, Image *image, Image *mask)
{
	assert_ok(synthetic_lesion(call_standalone(), seed, width, height, severity, image, mask));
	assert_int_equal(image->width, width);
	assert_int_equal(image->height, height);
	assert_int_equal(image->channels, 3);
	assert_int_equal(mask->width, width);
	assert_int_equal(mask->height, height);
	assert_int_equal(mask->channels, 1);
}

static void
release(Image *image, Image *mask)
{
	image_free(call_standalone(), image);
	image_free(call_standalone(), mask);
}

/* The very bytes: on every machine, by every compiler, in every version. */
static void
test_reproducible(void **state)
{
	static const struct
	{
		int64_t		seed;
		int			width;
		int			height;
		int			severity;
		uint32_t	image;
		uint32_t	mask;
	}			known[] = {
		{0, 64, 64, 0, 0x62D8569B, 0xF62A125D},
		{1, 256, 256, 0, 0x20D891A9, 0x46E424D5},
		{-1, 100, 60, 3, 0x4ED779E2, 0x6A207FF1},
		{INT64_MAX, 60, 100, 5, 0x54F9313B, 0x2F98F249},
	};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		Image		image;
		Image		mask;

		render(known[i].seed, known[i].width, known[i].height, known[i].severity, &image, &mask);
		if (hash_image(&image) != known[i].image || hash_image(&mask) != known[i].mask)
			fail_msg("case %d: 0x%08X, 0x%08X", i, hash_image(&image), hash_image(&mask));
		release(&image, &mask);
	}
}

/* Severity changes the image alone; seeds change everything. */
static void
test_severity_keeps_mask(void **state)
{
	Image		image;
	Image		mask;
	uint32_t	clean;
	uint32_t	truth;

	(void) state;
	render(5, 96, 96, 0, &image, &mask);
	clean = hash_image(&image);
	truth = hash_image(&mask);
	release(&image, &mask);
	for (int severity = 1; severity <= 5; severity++)
	{
		render(5, 96, 96, severity, &image, &mask);
		assert_int_not_equal(hash_image(&image), clean);
		assert_int_equal(hash_image(&mask), truth);
		release(&image, &mask);
	}
	render(6, 96, 96, 0, &image, &mask);
	assert_int_not_equal(hash_image(&image), clean);
	assert_int_not_equal(hash_image(&mask), truth);
	release(&image, &mask);
}

/* Every mask holds 0 and 255 only, a lesion, and skin. */
static void
test_masks(void **state)
{
	(void) state;
	for (int seed = 0; seed < 200; seed++)
	{
		Image		image;
		Image		mask;
		int			lesion = 0;

		render(seed, 64, 64, 0, &image, &mask);
		for (int i = 0; i < 64 * 64; i++)
		{
			assert_true(mask.pixels[i] == 0 || mask.pixels[i] == 255);
			lesion += mask.pixels[i] / 255;
		}
		if (lesion < 40 || lesion > 3300)
			fail_msg("seed %d: %d of 4096 pixels are lesion", seed, lesion);
		release(&image, &mask);
	}
}

/* The Dice that the best single brightness threshold of an image reaches. */
static double
best_threshold_dice(const Image *image, const Image *mask)
{
	double		best = 0;

	for (int threshold = 20; threshold < 250; threshold += 5)
	{
		int			both = 0;
		int			either = 0;

		for (int i = 0; i < image->width * image->height; i++)
		{
			const uint8_t *pixel = image->pixels + 3 * i;
			int			dark = (299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2]) / 1000 < threshold;
			int			lesion = mask->pixels[i] / 255;

			both += dark && lesion;
			either += dark + lesion;
		}
		if (either > 0 && 2.0 * both / either > best)
			best = 2.0 * both / either;
	}
	return best;
}

/* Lesions are darker than skin, but even the best threshold for each image
 * leaves several in ten poorly segmented. */
static void
test_neither_trivial_nor_hopeless(void **state)
{
	double		sum = 0;
	int			poor = 0;

	(void) state;
	for (int seed = 0; seed < 100; seed++)
	{
		Image		image;
		Image		mask;
		double		dice;

		render(seed, 64, 64, 0, &image, &mask);
		dice = best_threshold_dice(&image, &mask);
		sum += dice;
		poor += dice < 0.8;
		release(&image, &mask);
	}
	print_message("best threshold: mean Dice %.3f, %d of 100 below 0.8\n", sum / 100, poor);
	assert_true(sum / 100 > 0.6 && sum / 100 < 0.92);
	assert_true(poor >= 15);
}

static void
test_bad_arguments(void **state)
{
	const Call *call = call_standalone();
	Image		image;
	Image		mask;

	(void) state;
	assert_failed(synthetic_lesion(call, 1, 15, 64, 0, &image, &mask), LS_INVALID_ARGUMENT, "15 x 64");
	assert_failed(synthetic_lesion(call, 1, 64, 16385, 0, &image, &mask), LS_INVALID_ARGUMENT, "64 x 16385");
	assert_failed(synthetic_lesion(call, 1, 64, 64, 6, &image, &mask), LS_INVALID_ARGUMENT, "severity is 6");
	assert_failed(synthetic_lesion(call, 1, 64, 64, -1, &image, &mask), LS_INVALID_ARGUMENT, "severity is -1");
	assert_failed(synthetic_lesion(call, 1, 16384, 16384, 0, &image, &mask), LS_LIMIT_EXCEEDED, "16384 x 16384");
	assert_null(image.pixels);
	assert_null(mask.pixels);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reproducible),
		cmocka_unit_test(test_severity_keeps_mask),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_neither_trivial_nor_hopeless),
		cmocka_unit_test(test_bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * image_resize.c: area average and bilinear against hand-worked values and a
 * plain double-precision reference; nearest neighbour exactly.
 */
#include "image_fixture.h"

/* Resize a grey image and compare every pixel. */
static void
assert_resized(int width, int height, const uint8_t *from, int new_width, int new_height, const uint8_t *to)
{
	Image		image = make_image(width, height, 1, from);
	Image		result;

	assert_ok(image_resize(host_standalone(), &image, new_width, new_height, &result));
	assert_int_equal(result.width, new_width);
	assert_int_equal(result.height, new_height);
	for (int i = 0; i < new_width * new_height; i++)
	{
		if (result.pixels[i] != to[i])
			fail_msg("%d x %d to %d x %d: pixel %d is %d, not %d", width, height, new_width, new_height, i,
					 result.pixels[i], to[i]);
	}
	image_free(host_standalone(), &image);
	image_free(host_standalone(), &result);
}

static void
test_shrink(void **state)
{
	(void) state;
	assert_resized(2, 2, (uint8_t[]) {10, 20, 30, 40}, 1, 1, (uint8_t[]) {25});
	assert_resized(4, 1, (uint8_t[]) {0, 255, 255, 255}, 2, 1, (uint8_t[]) {128, 255});	/* 127.5 rounds up */
	assert_resized(3, 1, (uint8_t[]) {30, 60, 90}, 2, 1, (uint8_t[]) {40, 80});	/* thirds are shared */
	assert_resized(1, 3, (uint8_t[]) {30, 60, 90}, 1, 2, (uint8_t[]) {40, 80});
	assert_resized(5, 1, (uint8_t[]) {0, 50, 100, 150, 200}, 1, 1, (uint8_t[]) {100});
}

static void
test_enlarge(void **state)
{
	(void) state;
	assert_resized(2, 1, (uint8_t[]) {0, 100}, 4, 1, (uint8_t[]) {0, 25, 75, 100});
	assert_resized(1, 2, (uint8_t[]) {0, 100}, 1, 4, (uint8_t[]) {0, 25, 75, 100});
	assert_resized(1, 1, (uint8_t[]) {77}, 3, 2, (uint8_t[]) {77, 77, 77, 77, 77, 77});
	assert_resized(2, 1, (uint8_t[]) {0, 90}, 3, 1, (uint8_t[]) {0, 45, 90});
	/* one direction grows while the other shrinks */
	assert_resized(2, 2, (uint8_t[]) {0, 100, 20, 120}, 4, 1, (uint8_t[]) {10, 35, 85, 110});
}

static void
test_same_size(void **state)
{
	Image		image = make_noise(9, 4, 3, 2);
	Image		result;

	(void) state;
	assert_ok(image_resize(host_standalone(), &image, 9, 4, &result));
	assert_same_image(&image, &result);
	image_free(host_standalone(), &result);
	assert_ok(image_resize_nearest(host_standalone(), &image, 9, 4, &result));
	assert_same_image(&image, &result);
	image_free(host_standalone(), &result);
	image_free(host_standalone(), &image);
}

/* A constant image stays exactly constant at any ratio. */
static void
test_constant(void **state)
{
	static const int sizes[] = {1, 2, 3, 7, 31, 64, 100, 257};
	static const uint8_t values[] = {0, 1, 127, 254, 255};

	(void) state;
	for (int v = 0; v < 5; v++)
	{
		for (int from = 0; from < 8; from++)
		{
			for (int to = 0; to < 8; to++)
			{
				Image		image;
				Image		result;

				assert_ok(image_create(host_standalone(), sizes[from], sizes[7 - from], 3, &image));
				memset(image.pixels, values[v], (size_t) image.width * (size_t) image.height * 3);
				assert_ok(image_resize(host_standalone(), &image, sizes[to], sizes[to], &result));
				for (int i = 0; i < result.width * result.height * 3; i++)
					assert_int_equal(result.pixels[i], values[v]);
				image_free(host_standalone(), &image);
				image_free(host_standalone(), &result);
			}
		}
	}
}

/* How much source pixel j counts in result pixel i, straight from the
 * definitions. */
static double
reference_weight(int i, int j, int source, int result)
{
	double		scale = (double) source / result;

	if (source > result)
	{
		double		begin = i * scale > j ? i * scale : j;
		double		end = (i + 1) * scale < j + 1 ? (i + 1) * scale : j + 1;

		return end > begin ? (end - begin) / scale : 0;
	}
	else
	{
		double		centre = (i + 0.5) * scale - 0.5;
		double		away;

		centre = centre < 0 ? 0 : centre > source - 1 ? source - 1 : centre;
		away = centre > j ? centre - j : j - centre;
		return away < 1 ? 1 - away : 0;
	}
}

static void
test_against_reference(void **state)
{
	static const int sizes[][4] = {
		{40, 30, 17, 11}, {17, 11, 40, 30}, {50, 8, 7, 23}, {8, 50, 23, 7}, {61, 47, 60, 46}, {300, 2, 3, 2},
	};

	(void) state;
	for (int s = 0; s < 6; s++)
	{
		for (int channels = 1; channels <= 3; channels += 2)
		{
			Image		image = make_noise(sizes[s][0], sizes[s][1], channels, (uint32_t) s);
			Image		result;

			assert_ok(image_resize(host_standalone(), &image, sizes[s][2], sizes[s][3], &result));
			for (int i = 0; i < result.width * result.height * channels; i++)
			{
				int			x = i / channels % result.width;
				int			y = i / channels / result.width;
				double		sum = 0;
				double		error;

				for (int v = 0; v < image.height; v++)
				{
					double		weight = reference_weight(y, v, image.height, result.height);

					for (int u = 0; weight > 0 && u < image.width; u++)
						sum += weight * reference_weight(x, u, image.width, result.width) *
							image.pixels[(v * image.width + u) * channels + i % channels];
				}
				error = result.pixels[i] - sum;
				assert_true(error < 0.55 && error > -0.55);	/* half a level, and fixed point's share */
			}
			image_free(host_standalone(), &image);
			image_free(host_standalone(), &result);
		}
	}
}

static void
test_nearest(void **state)
{
	Image		image = make_image(5, 1, 1, (uint8_t[]) {1, 2, 3, 4, 5});
	Image		result;

	(void) state;
	assert_ok(image_resize_nearest(host_standalone(), &image, 3, 2, &result));
	assert_memory_equal(result.pixels, ((uint8_t[]) {1, 3, 5, 1, 3, 5}), 6);
	image_free(host_standalone(), &result);
	assert_ok(image_resize_nearest(host_standalone(), &image, 10, 1, &result));
	assert_memory_equal(result.pixels, ((uint8_t[]) {1, 1, 2, 2, 3, 3, 4, 4, 5, 5}), 10);
	image_free(host_standalone(), &result);
	image_free(host_standalone(), &image);
	image = make_image(2, 1, 3, (uint8_t[]) {1, 2, 3, 4, 5, 6});
	assert_ok(image_resize_nearest(host_standalone(), &image, 1, 1, &result));
	assert_memory_equal(result.pixels, ((uint8_t[]) {4, 5, 6}), 3);
	image_free(host_standalone(), &result);
	image_free(host_standalone(), &image);
}

static void
test_bad_sizes(void **state)
{
	Image		image = make_noise(4, 4, 1, 1);
	Image		result;

	(void) state;
	assert_failed(image_resize(host_standalone(), &image, 0, 4, &result), LS_INVALID_IMAGE, "0 x 4");
	assert_failed(image_resize_nearest(host_standalone(), &image, 4, -1, &result), LS_INVALID_IMAGE, "4 x -1");
	assert_failed(image_resize(host_standalone(), &image, 100000, 100000, &result), LS_LIMIT_EXCEEDED,
				  "100000 x 100000");
	image_free(host_standalone(), &image);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_enlarge),
		cmocka_unit_test(test_same_size),
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_against_reference),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_bad_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * image_resize.c: area average and bilinear against hand-worked values and a
 * plain double-precision reference; nearest neighbour exactly.
 */
#include "image_fixture.h"

#include "core/cpu.h"
#include "image/resize/resize_kernels.h"

/* Resize a grey image and compare every pixel. */
static void
assert_resized(int width, int height, const uint8_t *from, int new_width, int new_height, const uint8_t *to)
{
	Image		image = make_image(width, height, 1, from);
	Image		result;

	assert_ok(image_resize(call_standalone(), &image, new_width, new_height, &result));
	assert_int_equal(result.width, new_width);
	assert_int_equal(result.height, new_height);
	for (int i = 0; i < new_width * new_height; i++)
	{
		if (result.pixels[i] != to[i])
			fail_msg("%d x %d to %d x %d: pixel %d is %d, not %d", width, height, new_width, new_height, i,
					 result.pixels[i], to[i]);
	}
	image_free(call_standalone(), &image);
	image_free(call_standalone(), &result);
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
	assert_ok(image_resize(call_standalone(), &image, 9, 4, &result));
	assert_same_image(&image, &result);
	image_free(call_standalone(), &result);
	assert_ok(image_resize_nearest(call_standalone(), &image, 9, 4, &result));
	assert_same_image(&image, &result);
	image_free(call_standalone(), &result);
	image_free(call_standalone(), &image);
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

				assert_ok(image_create(call_standalone(), sizes[from], sizes[7 - from], 3, &image));
				memset(image.pixels, values[v], (size_t) image.width * (size_t) image.height * 3);
				assert_ok(image_resize(call_standalone(), &image, sizes[to], sizes[to], &result));
				for (int i = 0; i < result.width * result.height * 3; i++)
					assert_int_equal(result.pixels[i], values[v]);
				image_free(call_standalone(), &image);
				image_free(call_standalone(), &result);
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

			assert_ok(image_resize(call_standalone(), &image, sizes[s][2], sizes[s][3], &result));
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
			image_free(call_standalone(), &image);
			image_free(call_standalone(), &result);
		}
	}
}

static void
test_nearest(void **state)
{
	Image		image = make_image(5, 1, 1, (uint8_t[]) {1, 2, 3, 4, 5});
	Image		result;

	(void) state;
	assert_ok(image_resize_nearest(call_standalone(), &image, 3, 2, &result));
	assert_memory_equal(result.pixels, ((uint8_t[]) {1, 3, 5, 1, 3, 5}), 6);
	image_free(call_standalone(), &result);
	assert_ok(image_resize_nearest(call_standalone(), &image, 10, 1, &result));
	assert_memory_equal(result.pixels, ((uint8_t[]) {1, 1, 2, 2, 3, 3, 4, 4, 5, 5}), 10);
	image_free(call_standalone(), &result);
	image_free(call_standalone(), &image);
	image = make_image(2, 1, 3, (uint8_t[]) {1, 2, 3, 4, 5, 6});
	assert_ok(image_resize_nearest(call_standalone(), &image, 1, 1, &result));
	assert_memory_equal(result.pixels, ((uint8_t[]) {4, 5, 6}), 3);
	image_free(call_standalone(), &result);
	image_free(call_standalone(), &image);
}

static void
test_bad_sizes(void **state)
{
	Image		image = make_noise(4, 4, 1, 1);
	Image		result;

	(void) state;
	assert_failed(image_resize(call_standalone(), &image, 0, 4, &result), LS_INVALID_IMAGE, "0 x 4");
	assert_failed(image_resize_nearest(call_standalone(), &image, 4, -1, &result), LS_INVALID_IMAGE, "4 x -1");
	assert_failed(image_resize(call_standalone(), &image, 100000, 100000, &result), LS_ABOVE_ALL_LIMITS,
				  "100000 x 100000");
	image_free(call_standalone(), &image);
}

/* The loops written out for an instruction set do what the formula says, to
 * the last result of a row, and nothing beyond it. */
static void
test_kernels(void **state)
{
	const ImageKernels *tables[] = {&image_kernels_baseline, NULL, NULL};
	uint8_t		row[40];
	uint16_t	rows[2][100];
	int32_t		bases[] = {0, 20};
	int16_t		places[2][PAIR_BLOCK][2];
	int16_t		weights[2][PAIR_BLOCK][2];
	PairFilter	filter = {bases, places[0][0], weights[0][0]};
	uint32_t	seed = 3;

	(void) state;
	tables[1] = cpu_features()->avx2 ? &image_kernels_avx2 : NULL;
	tables[2] = cpu_features()->avx512 ? &image_kernels_avx512 : NULL;
	for (int i = 0; i < 200; i++)
	{
		seed = seed * 1664525u + 1013904223u;
		rows[i / 100][i % 100] = (uint16_t) (i % 7 == 0 ? 65280 : (seed >> 8) % 65281);
		row[i % 40] = (uint8_t) (seed >> 24);
		places[i / 16 % 2][i % 16][0] = (int16_t) (seed >> 4 & 15);
		places[i / 16 % 2][i % 16][1] = (int16_t) (3 + (seed >> 4 & 15));
		weights[i / 16 % 2][i % 16][0] = (int16_t) (i % 5 == 0 ? 16384 : seed >> 18);
		weights[i / 16 % 2][i % 16][1] = (int16_t) (16384 - weights[i / 16 % 2][i % 16][0]);
	}
	for (int k = 0; k < 3; k++)
	{
		if (tables[k] == NULL)
			continue;
		for (int count = 1; count <= 100; count += 33)
		{
			uint8_t		out[101];

			for (uint32_t weight = 0; weight <= 16384; weight += 2048)
			{
				memset(out, 77, sizeof out);
				tables[k]->blend(out, rows[0], 16384 - weight, rows[1], weight, count);
				for (int i = 0; i < count; i++)
					assert_int_equal(out[i], ((16384 - weight) * rows[0][i] + weight * rows[1][i] + (1 << 21)) >> 22);
				assert_int_equal(out[count], 77);
			}
		}
		if (tables[k]->across_pairs != NULL)
		{
			uint16_t	out[2 * PAIR_BLOCK + 1];

			out[2 * PAIR_BLOCK] = 777;
			tables[k]->across_pairs(out, row, 40, &filter, 2);	/* the second block's window ends with the row */
			for (int i = 0; i < 2 * PAIR_BLOCK; i++)
			{
				const int16_t *place = places[i / 16][i % 16];
				const int16_t *weight = weights[i / 16][i % 16];
				int			sum = weight[0] * row[bases[i / 16] + place[0]] + weight[1] * row[bases[i / 16] + place[1]];

				assert_int_equal(out[i], (sum + 32) >> 6);
			}
			assert_int_equal(out[2 * PAIR_BLOCK], 777);
		}
	}
}

/* These bytes never change, whatever the machine: networks were trained on them. */
static void
test_known_bytes(void **state)
{
	static const struct
	{
		int			width;
		int			height;
		int			channels;
		uint32_t	hash;
	}			known[] = {
		{640, 480, 3, 0x40C9137C}, {333, 300, 1, 0x3984A66B}, {640, 20, 3, 0x36993362},
		{50, 300, 3, 0x5D68E732}, {101, 200, 3, 0x0D022E61}, {102, 68, 1, 0x149BE29E}, {64, 64, 3, 0x685AA0A9},
	};

	(void) state;
	for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
	{
		Call call = *call_standalone();
		Image		image = make_noise(101, 67, known[k].channels, 5);
		Image		result;
		uint32_t	hash = 2166136261u;

		call.threads = 1 + (int) k % 3;
		assert_ok(image_resize(&call, &image, known[k].width, known[k].height, &result));
		for (size_t i = 0; i < samples_of(&result); i++)
			hash = (hash ^ result.pixels[i]) * 16777619u;
		if (hash != known[k].hash)
			fail_msg("%d x %d: 0x%08X", known[k].width, known[k].height, hash);
		image_free(&call, &result);
		image_free(&call, &image);
	}
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
		cmocka_unit_test(test_kernels),
		cmocka_unit_test(test_known_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

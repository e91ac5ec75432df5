/*
 * infer_bilinear.c: resized maps, value by value.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "infer/bilinear.h"
#include "infer/symmetry.h"
#include "test_call.h"

/* Resize a map and check each value against the formula, in double. */
static void
assert_resized(Bilinear *bilinear, const float *map, int width, int height)
{
	int			size = bilinear->size;

	assert_int_equal(bilinear_prepare(bilinear, width, height).code, LS_OK);
	bilinear_start(bilinear);
	for (int y = 0; y < height; y++)
	{
		const float *row = bilinear_row(bilinear, map, y);
		double		v = fmin(fmax((y + 0.5) * size / height - 0.5, 0), size - 1);
		int			top = (int) v;
		int			bottom = top + 1 < size ? top + 1 : top;

		for (int x = 0; x < width; x++)
		{
			double		u = fmin(fmax((x + 0.5) * size / width - 0.5, 0), size - 1);
			int			left = (int) u;
			int			right = left + 1 < size ? left + 1 : left;
			double		above = map[top * size + left] * (1 - (u - left)) + map[top * size + right] * (u - left);
			double		below = map[bottom * size + left] * (1 - (u - left)) + map[bottom * size + right] * (u - left);

			assert_true(fabs(above * (1 - (v - top)) + below * (v - top) - row[x]) < 1e-6);
		}
	}
}

static void
test_sizes(void **state)
{
	TestCall	test;
	Bilinear	bilinear;
	float		map[8 * 8];
	Rng			rng;

	(void) state;
	test_call_init(&test);
	bilinear_init(&bilinear, &test.call.host, 8);
	rng_seed(&rng, 1, 1);
	for (int round = 0; round < 2; round++)
	{
		for (int i = 0; i < 64; i++)
			map[i] = (float) rng_uniform(&rng);
		assert_resized(&bilinear, map, 8, 8);
		assert_resized(&bilinear, map, 16, 16);
		assert_resized(&bilinear, map, 16, 31);
		assert_resized(&bilinear, map, 16, 1);
		assert_resized(&bilinear, map, 33, 5);
		assert_resized(&bilinear, map, 1, 100);
		assert_resized(&bilinear, map, 3, 2);
	}
	bilinear_free(&bilinear);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* The map's own size copies; twice the size blends quarters, edges extended. */
static void
test_known_values(void **state)
{
	const float map[4] = {0, 1, 0.5f, 0.25f};
	const float top[4] = {0, 0.25f, 0.75f, 1};
	const float second[4] = {0.125f, 0.296875f, 0.640625f, 0.8125f};
	TestCall	test;
	Bilinear	bilinear;

	(void) state;
	test_call_init(&test);
	bilinear_init(&bilinear, &test.call.host, 2);
	assert_int_equal(bilinear_prepare(&bilinear, 2, 2).code, LS_OK);
	bilinear_start(&bilinear);
	assert_memory_equal(bilinear_row(&bilinear, map, 0), map, 8);
	assert_memory_equal(bilinear_row(&bilinear, map, 1), map + 2, 8);
	assert_int_equal(bilinear_prepare(&bilinear, 4, 4).code, LS_OK);
	bilinear_start(&bilinear);
	assert_memory_equal(bilinear_row(&bilinear, map, 0), top, sizeof top);
	assert_memory_equal(bilinear_row(&bilinear, map, 1), second, sizeof second);
	bilinear_free(&bilinear);
	test_call_end(&test);
}

/* A map of one pixel is that pixel everywhere. */
static void
test_single_pixel(void **state)
{
	const float map[1] = {0.7f};
	TestCall	test;
	Bilinear	bilinear;

	(void) state;
	test_call_init(&test);
	bilinear_init(&bilinear, &test.call.host, 1);
	assert_resized(&bilinear, map, 5, 4);
	bilinear_free(&bilinear);
	test_call_end(&test);
}

/* Without memory for a larger size the next call starts over. */
static void
test_failure(void **state)
{
	const float map[4] = {0, 1, 0.5f, 0.25f};
	TestCall	test;
	Bilinear	bilinear;

	(void) state;
	test_call_init(&test);
	test.call.host.max_memory = 1000;
	bilinear_init(&bilinear, &test.call.host, 2);
	assert_resized(&bilinear, map, 5, 4);
	assert_int_equal(bilinear_prepare(&bilinear, 100, 4).code, LS_LIMIT_EXCEEDED);
	assert_resized(&bilinear, map, 5, 4);
	bilinear_free(&bilinear);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* A map flipped or turned, resized, is the resized map flipped or turned, bit
 * for bit. */
static void
test_symmetry(void **state)
{
	enum
	{
		SIDE = 9, OUTPUT = 40
	};
	static const int outputs[] = {40, 9, 5, 1};
	float		map[SIDE * SIDE];
	float		turned_map[SIDE * SIDE];
	float		resized[OUTPUT * OUTPUT];
	TestCall	test;
	Bilinear	bilinear;
	Rng			rng;

	(void) state;
	test_call_init(&test);
	bilinear_init(&bilinear, &test.call.host, SIDE);
	rng_seed(&rng, 5, 1);
	for (int i = 0; i < SIDE * SIDE; i++)
		map[i] = (float) rng_uniform(&rng);
	for (int o = 0; o < 4; o++)
	{
		int			output = outputs[o];

		for (int symmetry = 0; symmetry < SYMMETRIES; symmetry++)
		{
			for (int y = 0; y < SIDE; y++)
				for (int x = 0; x < SIDE; x++)
				{
					int			u = symmetry & SYMMETRY_MIRROR_X ? SIDE - 1 - x : x;
					int			v = symmetry & SYMMETRY_MIRROR_Y ? SIDE - 1 - y : y;

					turned_map[y * SIDE + x] = symmetry & SYMMETRY_TRANSPOSE ? map[u * SIDE + v] : map[v * SIDE + u];
				}
			assert_int_equal(bilinear_prepare(&bilinear, output, output).code, LS_OK);
			bilinear_start(&bilinear);
			for (int y = 0; y < output; y++)
			{
				const float *row = bilinear_row(&bilinear, turned_map, y);

				for (int x = 0; x < output; x++)
				{
					int			u = symmetry & SYMMETRY_MIRROR_X ? output - 1 - x : x;
					int			v = symmetry & SYMMETRY_MIRROR_Y ? output - 1 - y : y;
					float	   *upright = symmetry & SYMMETRY_TRANSPOSE ?
						&resized[u * output + v] : &resized[v * output + u];

					if (symmetry == 0)
						*upright = row[x];
					else
						assert_true(*upright == row[x]);
				}
			}
		}
	}
	bilinear_free(&bilinear);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_known_values),
		cmocka_unit_test(test_single_pixel),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_symmetry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

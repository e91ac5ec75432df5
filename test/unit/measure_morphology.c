/*
 * measure_morphology.c: area, box and components of small masks drawn as text,
 * and of random ones against a flood fill.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/rng.h"
#include "measure/morphology.h"

/* Measure a mask whose rows are strings: '#' is lesion. */
static LesionShape
measure_text(const char *const *rows, int height)
{
	int			width = (int) strlen(rows[0]);
	Image		mask = {width, height, 1, malloc((size_t) (width * height))};
	LesionShape shape;

	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			mask.pixels[y * width + x] = rows[y][x] == '#' ? 255 : 0;
	assert_int_equal(lesion_shape(call_standalone(), &mask, &shape).code, LS_OK);
	free(mask.pixels);
	return shape;
}

#define assert_shape(shape, a, x_, y_, w, h, c) \
	do { \
		assert_int_equal((shape).area, a); \
		assert_int_equal((shape).x, x_); \
		assert_int_equal((shape).y, y_); \
		assert_int_equal((shape).width, w); \
		assert_int_equal((shape).height, h); \
		assert_int_equal((shape).components, c); \
	} while (0)

static void
test_empty(void **state)
{
	const char *const rows[] = {"....", "...."};

	(void) state;
	assert_shape(measure_text(rows, 2), 0, 0, 0, 0, 0, 0);
}

static void
test_full(void **state)
{
	const char *const rows[] = {"###", "###"};

	(void) state;
	assert_shape(measure_text(rows, 2), 6, 0, 0, 3, 2, 1);
}

static void
test_corner_connects(void **state)
{
	const char *const rows[] = {".#..", "#...", "..#."};

	(void) state;
	assert_shape(measure_text(rows, 3), 3, 0, 0, 3, 3, 2);
}

/* Two arms that meet below, and one that never does. */
static void
test_arms_meet(void **state)
{
	const char *const rows[] = {
		"#.#.#..",
		"#.#.#..",
		"###.#.#",
		"......#"};

	(void) state;
	assert_shape(measure_text(rows, 4), 12, 0, 0, 7, 4, 3);
}

/* A ring is one component though its sides part and meet again. */
static void
test_ring(void **state)
{
	const char *const rows[] = {
		".......",
		".#####.",
		".#...#.",
		".#.#.#.",
		".#...#.",
		".#####."};

	(void) state;
	assert_shape(measure_text(rows, 6), 17, 1, 1, 5, 5, 2);
}

/* Remove the component at (x, y). */
static void
flood(uint8_t *pixels, int size, int x, int y)
{
	if (x < 0 || y < 0 || x >= size || y >= size || pixels[y * size + x] == 0)
		return;
	pixels[y * size + x] = 0;
	for (int dy = -1; dy <= 1; dy++)
		for (int dx = -1; dx <= 1; dx++)
			flood(pixels, size, x + dx, y + dy);
}

static void
test_random(void **state)
{
	enum {SIZE = 23};
	uint8_t		pixels[SIZE * SIZE];
	Rng			rng;

	(void) state;
	rng_seed(&rng, 1, 1);
	for (int trial = 0; trial < 500; trial++)
	{
		Image		mask = {SIZE, SIZE, 1, pixels};
		double		density = rng_uniform(&rng);
		LesionShape shape;
		int			area = 0;
		int			components = 0;

		for (int i = 0; i < SIZE * SIZE; i++)
		{
			pixels[i] = rng_uniform(&rng) < density ? 255 : 0;
			area += pixels[i] != 0;
		}
		assert_int_equal(lesion_shape(call_standalone(), &mask, &shape).code, LS_OK);
		for (int i = 0; i < SIZE * SIZE; i++)
			if (pixels[i] != 0)
			{
				components++;
				flood(pixels, SIZE, i % SIZE, i / SIZE);
			}
		assert_int_equal(shape.area, area);
		assert_int_equal(shape.components, components);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_corner_connects),
		cmocka_unit_test(test_arms_meet),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

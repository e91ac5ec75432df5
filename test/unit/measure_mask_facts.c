/*
 * measure_mask_facts.c: what masks are counted as.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "measure/mask_facts.h"

#define WIDTH 96
#define HEIGHT 72

/* Add a mask that is lesion in [x0, x1) x [y0, y1), or everywhere else. */
static void
add_box(MaskFacts *facts, int x0, int x1, int y0, int y1, bool turned_over)
{
	static uint8_t pixels[WIDTH * HEIGHT];
	Image		mask = {.width = WIDTH,.height = HEIGHT,.channels = 1,.pixels = pixels};

	for (int i = 0; i < WIDTH * HEIGHT; i++)
	{
		int			x = i % WIDTH;
		int			y = i / WIDTH;

		pixels[i] = (x >= x0 && x < x1 && y >= y0 && y < y1) != turned_over ? 255 : 0;
	}
	mask_facts_add(facts, &mask, MASK_PLAIN);
}

static void
test_shares(void **state)
{
	MaskFacts	facts = {0};

	(void) state;
	add_box(&facts, 0, 0, 0, 0, false);
	add_box(&facts, 0, WIDTH, 0, HEIGHT, false);
	add_box(&facts, 0, WIDTH / 2, 0, HEIGHT, false);
	add_box(&facts, 0, WIDTH / 2 + 1, 0, HEIGHT, false);
	assert_int_equal(facts.count, 4);
	assert_int_equal(facts.empty, 1);
	assert_int_equal(facts.full, 1);
	assert_int_equal(facts.mostly, 2);
	assert_true(facts.share == 0 + 1 + 0.5 + (WIDTH / 2 + 1.0) / WIDTH);
	assert_int_equal(facts.kinds[MASK_PLAIN], 4);
	assert_int_equal(facts.inverted, 0);
}

/* A lesion in the middle, of any size, one at the edge, and one that fills the frame are as they should be. */
static void
test_inverted(void **state)
{
	MaskFacts	facts = {0};

	(void) state;
	for (int turned_over = 0; turned_over < 2; turned_over++)
	{
		facts = (MaskFacts) {0};
		add_box(&facts, 32, 64, 24, 48, turned_over);
		add_box(&facts, 10, 86, 8, 64, turned_over);
		add_box(&facts, 40, 96, 20, 60, turned_over);
		assert_int_equal(facts.inverted, turned_over ? 3 : 0);
	}
	facts = (MaskFacts) {0};
	add_box(&facts, 2, 94, 1, 71, false);
	add_box(&facts, 0, WIDTH, 0, HEIGHT, false);
	add_box(&facts, 0, 0, 0, 0, false);
	assert_int_equal(facts.inverted, 0);
}

/* Masks too small for a border are counted all the same. */
static void
test_tiny(void **state)
{
	MaskFacts	facts = {0};
	uint8_t		pixel = 255;
	Image		mask = {.width = 1,.height = 1,.channels = 1,.pixels = &pixel};

	(void) state;
	mask_facts_add(&facts, &mask, MASK_ALPHA);
	assert_int_equal(facts.full, 1);
	assert_int_equal(facts.inverted, 0);
	assert_int_equal(facts.kinds[MASK_ALPHA], 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_inverted),
		cmocka_unit_test(test_tiny),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

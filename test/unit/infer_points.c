/*
 * infer_points.c: masks bound by points that a person set.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "infer/mask.h"
#include "infer/points.h"
#include "test_call.h"

#define WIDTH 12
#define HEIGHT 5

/* Values of 255 p by letter: . 0, a 13 (0.05), b 60, c 128, d 200, e 255. */
static uint8_t
value_of(char letter)
{
	switch (letter)
	{
		case 'a':
			return 13;
		case 'b':
			return 60;
		case 'c':
			return 128;
		case 'd':
			return 200;
		case 'e':
			return 255;
		default:
			return 0;
	}
}

/* A map drawn by letters, and its mask at 0.5. */
static void
draw(const Call *call, const char *const rows[HEIGHT], Image *map, Image *mask)
{
	assert_int_equal(image_create(call, WIDTH, HEIGHT, 1, map).code, LS_OK);
	assert_int_equal(image_create(call, WIDTH, HEIGHT, 1, mask).code, LS_OK);
	for (int i = 0; i < WIDTH * HEIGHT; i++)
	{
		map->pixels[i] = value_of(rows[i / WIDTH][i % WIDTH]);
		mask->pixels[i] = map->pixels[i] >= 128 ? 255 : 0;
	}
}

/* Bind the mask of `rows` by points of an image `scale` times as large; it becomes `expected`, # for lesion. */
static void
assert_bound_at(const char *const rows[HEIGHT], int scale, OptionPoints inside, OptionPoints outside,
				const char *const expected[HEIGHT])
{
	TestCall	test;
	Image		map;
	Image		mask;
	PointHints	hints = {&inside, &outside, WIDTH * scale, HEIGHT * scale, false};
	Status		status;

	test_call_init(&test);
	draw(&test.call, rows, &map, &mask);
	assert_int_equal(points_check(&hints).code, LS_OK);
	status = points_bind(&test.call, &hints, &map, &mask);
	assert_string_equal(status.message, "");
	for (int y = 0; y < HEIGHT; y++)
	{
		char		row[WIDTH + 1] = "";

		for (int x = 0; x < WIDTH; x++)
			row[x] = mask.pixels[y * WIDTH + x] == 255 ? '#' : '.';
		assert_string_equal(row, expected[y]);
	}
	image_free(&test.call, &map);
	image_free(&test.call, &mask);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

static void
assert_bound(const char *const rows[HEIGHT], OptionPoints inside, OptionPoints outside,
			 const char *const expected[HEIGHT])
{
	assert_bound_at(rows, 1, inside, outside, expected);
}

#define NOWHERE ((OptionPoints) {0})
#define POINT(x, y) ((OptionPoints) {1, {{(x), (y)}}})
#define TWO_POINTS(x, y, u, v) ((OptionPoints) {2, {{(x), (y)}, {(u), (v)}}})

static const char *const two_parts[HEIGHT] = {
	"............",
	".ee.....ee..",
	".ee.....ede.",
	"...d....ee..",
	"............",
};

/* Whole parts stay or go. A corner connects. */
static void
test_parts(void **state)
{
	const char *const left[HEIGHT] = {"............", ".##.........", ".##.........", "...#........", "............"};
	const char *const right[HEIGHT] = {"............", "........##..", "........###.", "........##..", "............"};
	const char *const both[HEIGHT] = {"............", ".##.....##..", ".##.....###.", "...#....##..", "............"};
	const char *const none[HEIGHT] = {"............", "............", "............", "............", "............"};

	(void) state;
	assert_bound(two_parts, POINT(3, 3), NOWHERE, left);
	assert_bound(two_parts, NOWHERE, POINT(1, 1), right);
	assert_bound(two_parts, TWO_POINTS(1, 1, 9, 2), NOWHERE, both);
	assert_bound(two_parts, NOWHERE, TWO_POINTS(1, 1, 9, 2), none);
	assert_bound(two_parts, POINT(10, 2), POINT(1, 1), right);

	/* A point beside all parts takes nothing, though it touches one. */
	assert_bound(two_parts, NOWHERE, POINT(7, 2), both);
	assert_bound(two_parts, POINT(9, 2), POINT(7, 2), right);
	assert_bound_at(two_parts, 3, POINT(3 * 3 + 2, 3 * 3), NOWHERE, left);
	assert_bound_at(two_parts, 7, NOWHERE, POINT(7 * 3 - 1, 7 * 3 - 1), right);
}

/* Between points a part is cut where the probability changes; where it does not, half-way. A point outside
 * grows twice as far as it is from the edge. */
static void
test_cut(void **state)
{
	const char *const even[HEIGHT] = {"............", ".eeeeeeeeee.", ".eeeeeeeeee.", ".eeeeeeeeee.", "............"};
	const char *const valley[HEIGHT] = {"............", ".eeeeeceeee.", ".eeeeeceeee.", ".eeeeeceeee.", "............"};
	const char *const step[HEIGHT] = {"............", ".eeeeedcccc.", ".eeeeedcccc.", ".eeeeedcccc.", "............"};
	const char *const half[HEIGHT] = {"............", ".####.......", ".####.......", ".####.......", "............"};
	const char *const at_valley[HEIGHT] = {"............", ".#####......", ".#####......", ".#####......",
	"............"};
	const char *const likely[HEIGHT] = {"............", ".######.....", ".######.....", ".######.....", "............"};
	const char *const unlikely[HEIGHT] = {"............", ".......####.", ".......####.", ".......####.",
	"............"};
	const char *const notched[HEIGHT] = {"............", ".########...", ".#######....", ".########...",
	"............"};

	(void) state;
	assert_bound(even, POINT(1, 2), POINT(8, 2), half);
	assert_bound(valley, POINT(1, 2), POINT(8, 2), at_valley);
	assert_bound(step, POINT(1, 2), POINT(8, 2), likely);
	assert_bound(step, POINT(8, 2), POINT(3, 2), unlikely);
	assert_bound(even, POINT(1, 2), POINT(10, 2), notched);
}

/* A point on what the network doubts lowers the threshold there, and nowhere else. */
static void
test_doubt(void **state)
{
	const char *const faint[HEIGHT] = {
		"bb..........",
		"bbb.....bbb.",
		"aab.....bab.",
		".a......bbb.",
		"......ee....",
	};
	const char *const found[HEIGHT] = {"##..........", "###.........", "..#.........", "............", "............"};
	const char *const wider[HEIGHT] = {"##..........", "###.........", "###.........", ".#..........", "............"};

	(void) state;
	assert_bound(faint, POINT(1, 1), NOWHERE, found);
	assert_bound(faint, POINT(0, 2), NOWHERE, wider);
}

/* Hints of an image as large as the drawings above, for a mask of full size. */
static PointHints
hints_of(const OptionPoints *inside, const OptionPoints *outside)
{
	return (PointHints) {inside, outside, WIDTH, HEIGHT, false};
}

/* What points_check says of them. */
static int
checked(const OptionPoints *inside, const OptionPoints *outside)
{
	PointHints	hints = hints_of(inside, outside);

	return points_check(&hints).code;
}

/* Errors of points; nothing is left. */
static void
test_refused(void **state)
{
	TestCall	test;
	Image		map;
	Image		mask;
	OptionPoints corner = POINT(11, 4);
	OptionPoints part = POINT(1, 1);
	OptionPoints beyond[] = {POINT(12, 0), POINT(0, 5), TWO_POINTS(1, 1, 65535, 1)};
	OptionPoints nowhere = NOWHERE;
	PointHints	hints = hints_of(&corner, &nowhere);

	(void) state;
	test_call_init(&test);
	draw(&test.call, two_parts, &map, &mask);
	assert_int_equal(checked(&corner, &nowhere), LS_OK);
	assert_int_equal(checked(&corner, &corner), LS_INVALID_ARGUMENT);
	for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++)
	{
		assert_int_equal(checked(&beyond[i], &nowhere), LS_INVALID_ARGUMENT);
		assert_int_equal(checked(&nowhere, &beyond[i]), LS_INVALID_ARGUMENT);
	}
	assert_int_equal(points_bind(&test.call, &hints, &map, &mask).code, LS_INVALID_ARGUMENT);

	/* At a network's size no point is refused: the mask of full size decides. */
	hints.coarse = true;
	assert_int_equal(points_bind(&test.call, &hints, &map, &mask).code, LS_OK);

	test.stop_after = test.polls;
	hints = hints_of(&nowhere, &part);
	assert_int_equal(points_bind(&test.call, &hints, &map, &mask).code, LS_CANCELLED);
	image_free(&test.call, &map);
	image_free(&test.call, &mask);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* mask_create binds first, keeps the largest of what is left, and needs no map of its caller. */
static void
test_in_mask(void **state)
{
	TestCall	test;
	float		values[16] = {.9f, .9f, 0, .9f, .9f, .9f, 0, 0, 0, 0, 0, 0, 0, 0, 0, .9f};
	ProbabilityMap map = {.size = 4,.values = values};
	OptionPoints inside = TWO_POINTS(3, 0, 3, 3);
	OptionPoints outside = NOWHERE;
	PointHints	hints = {&inside, &outside, 4, 4, false};
	MaskOptions options = {.width = 4,.height = 4,.threshold = 0.5,.points = &hints};
	const double weight = 1;
	Image		mask;

	(void) state;
	test_call_init(&test);
	for (int largest = 0; largest <= 1; largest++)
	{
		options.largest_component = largest;
		assert_int_equal(mask_create(&test.call, &map, &weight, 1, &options, &mask, NULL).code, LS_OK);
		assert_int_equal(mask.pixels[0], 0);
		assert_int_equal(mask.pixels[3], 255);
		assert_int_equal(mask.pixels[15], largest ? 0 : 255);
		image_free(&test.call, &mask);
	}
	inside = POINT(2, 2);
	assert_int_equal(mask_create(&test.call, &map, &weight, 1, &options, &mask, NULL).code, LS_INVALID_ARGUMENT);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_doubt),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_in_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

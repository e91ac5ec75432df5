/*
 * core_options.c: tables of options: defaults, setting from outside, ranges,
 * what errors say, and what is read back.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/options.h"

typedef enum Colour
{
	RED,
	GREEN,
	BLUE
} Colour;

static const char *const colours[] = {"red", "green", "blue", NULL};

typedef struct Values
{
	double		share;
	double		tiles;
	double		kernel;
	int			epochs;
	bool		flip;
	Colour		colour;
	int			box[4];
	OptionPoints points;
} Values;

static const Option rows[] = {
	{"share", OPTION_NUMBER, offsetof(Values, share), 0, 1, 0.25, "a share", NULL},
	{"tiles", OPTION_WHOLE, offsetof(Values, tiles), 1, 8, 2, "tiles", NULL},
	{"kernel", OPTION_ODD, offsetof(Values, kernel), 3, 15, 7, "a width", NULL},
	{"epochs", OPTION_INT, offsetof(Values, epochs), 1, 100, 30, "epochs", NULL},
};

static const Option more_rows[] = {
	{"flip", OPTION_BOOL, offsetof(Values, flip), 0, 1, 1, "whether", NULL},
	{"colour", OPTION_CHOICE, offsetof(Values, colour), 0, 0, GREEN, "which", colours},
	{"box", OPTION_BOX, offsetof(Values, box), 0, 0, 0, "where", NULL},
	{"points", OPTION_POINTS, offsetof(Values, points), 0, 0, 0, "where, too", NULL},
};

static const OptionTable table = OPTION_TABLE(rows);
static const OptionTable more = OPTION_TABLE(more_rows);

/* All at their defaults. */
static Values
default_values(void)
{
	Values		values;

	memset(&values, 0x55, sizeof values);
	options_default(&table, &values);
	options_default(&more, &values);
	return values;
}

/* Set one of them. */
static Status
set(Values *values, const char *key, OptionValue value)
{
	const OptionBlock blocks[] = {{&table, values}, {&more, values}};

	return options_set(blocks, 2, "options", key, &value);
}

#define NUMBER(x) ((OptionValue) {.kind = OPTION_VALUE_NUMBER,.number = (x)})
#define BOOL(x) ((OptionValue) {.kind = OPTION_VALUE_BOOL,.number = (x)})
#define BOX(x, y, w, h) ((OptionValue) {.kind = OPTION_VALUE_LIST,.list = {(x), (y), (w), (h)},.count = 4})
#define POINTS(x, y, u, v) BOX(x, y, u, v)
#define TAKES_POINTS "points takes [x, y] or [x, y, x, y, ...], up to 16 points, whole numbers of pixels."
#define TEXT(x) ((OptionValue) {.kind = OPTION_VALUE_TEXT,.text = (x)})

static void
test_set(void **state)
{
	Values		values = default_values();

	(void) state;
	assert_true(values.share == 0.25 && values.tiles == 2 && values.kernel == 7 && values.epochs == 30);
	assert_true(values.flip && values.colour == GREEN);
	for (int i = 0; i < table.count; i++)
		assert_true(option_is_default(&rows[i], &values));
	assert_int_equal(set(&values, "share", NUMBER(1)).code, LS_OK);
	assert_int_equal(set(&values, "tiles", NUMBER(8)).code, LS_OK);
	assert_int_equal(set(&values, "kernel", NUMBER(15)).code, LS_OK);
	assert_int_equal(set(&values, "epochs", NUMBER(100)).code, LS_OK);
	assert_int_equal(set(&values, "flip", BOOL(0)).code, LS_OK);
	assert_int_equal(set(&values, "colour", TEXT("blue")).code, LS_OK);
	assert_true(values.share == 1 && values.tiles == 8 && values.kernel == 15 && values.epochs == 100);
	assert_true(!values.flip && values.colour == BLUE);
	assert_false(option_is_default(&rows[3], &values));
	assert_true(option_get(&rows[3], &values).number == 100);
	assert_int_equal(option_get(&more_rows[0], &values).kind, OPTION_VALUE_BOOL);
	assert_string_equal(option_get(&more_rows[1], &values).text, "blue");
	assert_true(option_is_default(&more_rows[2], &values));
	assert_int_equal(set(&values, "box", BOX(0, 7, 65535, 1)).code, LS_OK);
	assert_false(option_is_default(&more_rows[2], &values));
	assert_int_equal(option_get(&more_rows[2], &values).kind, OPTION_VALUE_LIST);
	assert_int_equal(option_get(&more_rows[2], &values).count, 4);
	for (int i = 0; i < 4; i++)
		assert_true(option_get(&more_rows[2], &values).list[i] == ((const int[]) {0, 7, 65535, 1})[i]);
	assert_true(option_is_default(&more_rows[3], &values));
	assert_int_equal(set(&values, "points", POINTS(0, 7, 65535, 1)).code, LS_OK);
	assert_false(option_is_default(&more_rows[3], &values));
	assert_int_equal(values.points.count, 2);
	assert_int_equal(option_get(&more_rows[3], &values).count, 4);
	for (int i = 0; i < 4; i++)
		assert_true(option_get(&more_rows[3], &values).list[i] == ((const int[]) {0, 7, 65535, 1})[i]);
}

static void
test_refused(void **state)
{
	static const struct
	{
		const char *key;
		OptionValue value;
		const char *message;
		const char *hint;
	}			cases[] = {
		{"share", {.kind = OPTION_VALUE_NUMBER,.number = 1.5}, "share 1.5 is out of range",
			"share takes a number from 0 to 1."},
		{"share", {.kind = OPTION_VALUE_NUMBER,.number = NAN}, "share nan is out of range",
			"share takes a number from 0 to 1."},
		{"share", {.kind = OPTION_VALUE_BOOL,.number = 1}, "share is not a number",
			"share takes a number from 0 to 1."},
		{"tiles", {.kind = OPTION_VALUE_NUMBER,.number = 1.5}, "tiles 1.5 is out of range",
		 "tiles takes a whole number from 1 to 8."},
		{"kernel", {.kind = OPTION_VALUE_NUMBER,.number = 4}, "kernel 4 is out of range",
		 "kernel takes an odd number from 3 to 15."},
		{"epochs", {.kind = OPTION_VALUE_NUMBER,.number = -INFINITY}, "epochs -inf is out of range",
			"epochs takes a whole number from 1 to 100."},
		{"flip", {.kind = OPTION_VALUE_NUMBER,.number = 1}, "flip is not true or false", "flip takes true or false."},
		{"colour", {.kind = OPTION_VALUE_TEXT,.text = "pink"}, "colour is \"pink\"",
			"colour takes 'red', 'green' or 'blue'."},
		{"colour", {.kind = OPTION_VALUE_NUMBER,.number = 1}, "colour is not text",
			"colour takes 'red', 'green' or 'blue'."},
		{"Share", {.kind = OPTION_VALUE_NUMBER,.number = 1}, "no key \"Share\" in options",
			"Keys that exist: share, tiles, kernel, epochs, flip, colour, box, points."},
		{"box", {.kind = OPTION_VALUE_NUMBER,.number = 1}, "box is not a list of four numbers",
			"box takes [x, y, width, height], whole numbers of pixels."},
		{"box", {.kind = OPTION_VALUE_LIST,.count = 5}, "box is not a list of four numbers",
			"box takes [x, y, width, height], whole numbers of pixels."},
		{"box", {.kind = OPTION_VALUE_LIST,.list = {1, 2, 0, 4},.count = 4}, "box has no width of 0",
			"box takes [x, y, width, height], whole numbers of pixels."},
		{"box", {.kind = OPTION_VALUE_LIST,.list = {1, 2, 3, NAN},.count = 4}, "box has no height of nan",
			"box takes [x, y, width, height], whole numbers of pixels."},
		{"box", {.kind = OPTION_VALUE_LIST,.list = {-1, 2, 3, 4},.count = 4}, "box has no x of -1",
			"box takes [x, y, width, height], whole numbers of pixels."},
		{"box", {.kind = OPTION_VALUE_LIST,.list = {1, 2.5, 3, 4},.count = 4}, "box has no y of 2.5",
			"box takes [x, y, width, height], whole numbers of pixels."},
		{"points", {.kind = OPTION_VALUE_LIST,.count = 0}, "points is not a list of points", TAKES_POINTS},
		{"points", {.kind = OPTION_VALUE_LIST,.count = 3}, "points is not a list of points", TAKES_POINTS},
		{"points", {.kind = OPTION_VALUE_LIST,.count = 34}, "points is not a list of points", TAKES_POINTS},
		{"points", {.kind = OPTION_VALUE_TEXT,.text = "1, 2"}, "points is not a list of points", TAKES_POINTS},
		{"points", {.kind = OPTION_VALUE_LIST,.list = {1, 2, 3, 65536},.count = 4}, "points has no y of 65536",
			TAKES_POINTS},
		{"points", {.kind = OPTION_VALUE_LIST,.list = {1, 2, NAN, 4},.count = 4}, "points has no x of nan",
			TAKES_POINTS},
	};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Values		values = default_values();
		const Values before = values;
		Status		status = set(&values, cases[i].key, cases[i].value);

		assert_int_equal(status.code, LS_INVALID_ARGUMENT);
		assert_string_equal(status.message, cases[i].message);
		assert_string_equal(status.hint, cases[i].hint);
		assert_memory_equal(&values, &before, sizeof values);
	}
}

/* What stands in the struct already is held against the same ranges. */
static void
test_check(void **state)
{
	Values		values = default_values();

	(void) state;
	assert_int_equal(options_check(&table, &values).code, LS_OK);
	values.epochs = 0;
	assert_string_equal(options_check(&table, &values).message, "epochs 0 is out of range");
	values = default_values();
	values.share = -1;
	assert_string_equal(options_check(&table, &values).message, "share -1 is out of range");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

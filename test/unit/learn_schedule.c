/*
 * learn_schedule.c: the learning rate of each step and the ranges of options.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "learn/trainer.h"

/* Compare to twelve digits. */
static void
assert_rate(double rate, double expected)
{
	assert_true(fabs(rate - expected) <= 1e-12 * expected);
}

static double
one_cycle_rate(double peak, long step, long steps)
{
	return schedule_rate(SCHEDULE_ONE_CYCLE, peak, step, steps);
}

/* 100 steps: up from peak/25 at 0 to the peak at 29, down to the end at 99. */
static void
test_long_run(void **state)
{
	(void) state;
	assert_rate(one_cycle_rate(1.5, 0, 100), 1.5 / 25);
	assert_rate(one_cycle_rate(1.5, 29, 100), 1.5);
	assert_rate(one_cycle_rate(1.5, 99, 100), 1.5 / 250000);

	/* Halfway down, at 29 + 70 / 2, stands the mean of both ends. */
	assert_rate(one_cycle_rate(1.5, 64, 100), (1.5 + 1.5 / 250000) / 2);

	/* And on the way up, where the share is 3 / 29. */
	assert_rate(one_cycle_rate(1, 3, 100), 0.04 + 0.96 * (1 - cos(M_PI * 3 / 29)) / 2);
	for (long step = 1; step < 30; step++)
		assert_true(one_cycle_rate(1, step, 100) > one_cycle_rate(1, step - 1, 100));
	for (long step = 30; step < 100; step++)
		assert_true(one_cycle_rate(1, step, 100) < one_cycle_rate(1, step - 1, 100));
}

/* The peak need not fall on a step: of 12 it is at 2.6. */
static void
test_peak_between_steps(void **state)
{
	(void) state;
	assert_rate(one_cycle_rate(1, 2, 12), 0.04 + 0.96 * (1 - cos(M_PI * 2 / 2.6)) / 2);
	assert_rate(one_cycle_rate(1, 3, 12), 4e-6 + (1 - 4e-6) * (1 + cos(M_PI * 0.4 / 8.4)) / 2);
}

/* Runs of one to four steps train at some rate too. */
static void
test_short_runs(void **state)
{
	(void) state;
	assert_rate(one_cycle_rate(2, 0, 1), 2);
	assert_rate(one_cycle_rate(2, 0, 2), 2);
	assert_rate(one_cycle_rate(2, 1, 2), 2 / 250000.0);
	assert_rate(one_cycle_rate(2, 0, 4), 2 / 25.0);
	assert_rate(one_cycle_rate(2, 3, 4), 2 / 250000.0);
}

/* No warm-up and no end: rounds of one epoch go on from one another. */
static void
test_constant(void **state)
{
	(void) state;
	for (long step = 0; step < 7; step++)
		assert_true(schedule_rate(SCHEDULE_CONSTANT, 0.003, step, 7) == 0.003);
	assert_true(schedule_rate(SCHEDULE_CONSTANT, 2, 0, 1) == 2);
}

/* Options that pass. */
static TrainOptions
good_options(void)
{
	Architecture architecture = {.learning_rate = 1.5e-3};

	return train_options_default(&architecture);
}

static void
test_defaults(void **state)
{
	TrainOptions options = good_options();

	(void) state;
	assert_int_equal(train_options_check(&options).code, LS_OK);
	assert_true(options.learning_rate == 1.5e-3);
	assert_true(options.weight_decay == 1e-2);
	assert_true(options.gradient_clip == 1);
	assert_true(options.average == 0);
	assert_int_equal(options.schedule, SCHEDULE_ONE_CYCLE);
	assert_int_equal(options.batch_size, 32);
	assert_true(options.augment.flip);
	assert_true(options.augment.rotate == 180);
}

/* The check refuses options and its message and hint name what is wrong. */
static void
assert_refused(const TrainOptions *options, const char *message, const char *hint)
{
	Status		status = train_options_check(options);

	assert_int_equal(status.code, LS_INVALID_ARGUMENT);
	assert_string_equal(status.message, message);
	assert_string_equal(status.hint, hint);
}

static void
test_ranges(void **state)
{
	TrainOptions options = good_options();

	(void) state;
	options.epochs = 0;
	assert_refused(&options, "epochs 0 is out of range", "epochs takes a whole number from 1 to 100000.");
	options = good_options();
	options.batch_size = 0;
	assert_refused(&options, "batch_size 0 is out of range", "batch_size takes a whole number from 1 to 4096.");
	options = good_options();
	options.learning_rate = NAN;
	assert_refused(&options, "learning_rate nan is out of range", "learning_rate takes a number from 1e-12 to 10.");
	options.learning_rate = 0;
	assert_refused(&options, "learning_rate 0 is out of range", "learning_rate takes a number from 1e-12 to 10.");
	options.learning_rate = INFINITY;
	assert_refused(&options, "learning_rate inf is out of range", "learning_rate takes a number from 1e-12 to 10.");
	options = good_options();
	options.weight_decay = -0.5;
	assert_refused(&options, "weight_decay -0.5 is out of range", "weight_decay takes a number from 0 to 1.");
	options = good_options();
	options.gradient_clip = -1;
	assert_refused(&options, "gradient_clip -1 is out of range", "gradient_clip takes a number from 0 to 1e+06.");
	options = good_options();
	options.average = 1.5;
	assert_refused(&options, "average 1.5 is out of range", "average takes a number from 0 to 1.");
	options = good_options();
	options.augment.rotate = 181;
	assert_refused(&options, "rotate 181 is out of range", "rotate takes a number from 0 to 180.");
	options = good_options();
	options.augment.scale = 1.5;
	assert_refused(&options, "scale 1.5 is out of range", "scale takes a number from 0 to 1.");
	options = good_options();
	options.augment.shift = -1;
	assert_refused(&options, "shift -1 is out of range", "shift takes a number from 0 to 1.");
	options = good_options();
	options.augment.brightness = 2;
	assert_refused(&options, "brightness 2 is out of range", "brightness takes a number from 0 to 1.");
	options = good_options();
	options.augment.contrast = NAN;
	assert_refused(&options, "contrast nan is out of range", "contrast takes a number from 0 to 1.");
	options = good_options();
	options.augment.colour = 1.01;
	assert_refused(&options, "colour 1.01 is out of range", "colour takes a number from 0 to 1.");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_run),
		cmocka_unit_test(test_peak_between_steps),
		cmocka_unit_test(test_short_runs),
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

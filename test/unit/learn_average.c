/*
 * learn_average.c: the mean of weights over the last steps. (Its place in a
 * run is learn_train.c's.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "learn/average.h"

static void
test_first_step(void **state)
{
	(void) state;
	assert_int_equal(average_first_step(0, 7), 7);
	assert_int_equal(average_first_step(1, 7), 0);
	assert_int_equal(average_first_step(0.25, 100), 75);
	assert_int_equal(average_first_step(0.3, 9), 6);	/* 2.7 steps are 3 */
	assert_int_equal(average_first_step(0.01, 9), 9);
}

/* 1, 3, 8 and -2, 0, 5 have means that float32 holds. */
static void
test_mean(void **state)
{
	const float steps[3][2] = {{1, -2}, {3, 0}, {8, 5}};
	const float means[3][2] = {{1, -2}, {2, -1}, {4, 1}};
	float		mean[2] = {0};

	(void) state;
	for (int i = 0; i < 3; i++)
	{
		average_add(1, mean, steps[i], 2, i + 1);
		assert_memory_equal(mean, means[i], sizeof mean);
	}
}

/* Threads share the work and change nothing. */
static void
test_threads(void **state)
{
	float		weights[1001];
	float		one[1001] = {0};
	float		three[1001] = {0};

	(void) state;
	for (int step = 1; step <= 7; step++)
	{
		for (int i = 0; i < 1001; i++)
			weights[i] = 1.0f / (float) (i + 3 * step);
		average_add(1, one, weights, 1001, step);
		average_add(3, three, weights, 1001, step);
	}
	assert_memory_equal(one, three, sizeof one);
	assert_true(one[1000] > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_step),
		cmocka_unit_test(test_mean),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * measure_bootstrap.c: the bootstrap's interval where it is known.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "measure/bootstrap.h"

/* Differences that are all the same leave no doubt. */
static void
test_constant(void **state)
{
	static const double differences[] = {0.25, 0.25, 0.25};
	BootstrapInterval interval;

	(void) state;
	assert_int_equal(bootstrap_mean(call_standalone(), differences, 3, 100, 0.95, 1, &interval).code, LS_OK);
	assert_true(interval.mean == 0.25 && interval.low == 0.25 && interval.high == 0.25);
}

/* The same seed gives the same interval, another one another. */
static void
test_seed(void **state)
{
	double		differences[50];
	BootstrapInterval a;
	BootstrapInterval b;

	(void) state;
	for (int i = 0; i < 50; i++)
		differences[i] = i * i;
	assert_int_equal(bootstrap_mean(call_standalone(), differences, 50, 200, 0.9, 7, &a).code, LS_OK);
	assert_int_equal(bootstrap_mean(call_standalone(), differences, 50, 200, 0.9, 7, &b).code, LS_OK);
	assert_true(a.low == b.low && a.high == b.high);
	assert_int_equal(bootstrap_mean(call_standalone(), differences, 50, 200, 0.9, 8, &b).code, LS_OK);
	assert_true(a.low != b.low && a.high != b.high);
}

/* Of normal deviates the interval is 1.96 standard errors either way. */
static void
test_normal(void **state)
{
	double		differences[400];
	double		sum = 0;
	double		squares = 0;
	double		error;
	Rng			rng;
	BootstrapInterval interval;

	(void) state;
	rng_seed(&rng, 3, 0);
	for (int i = 0; i < 400; i++)
	{
		differences[i] = 0.1 + 0.5 * rng_normal(&rng);
		sum += differences[i];
		squares += differences[i] * differences[i];
	}
	error = sqrt((squares / 400 - (sum / 400) * (sum / 400)) / 400);
	assert_int_equal(bootstrap_mean(call_standalone(), differences, 400, 5000, 0.95, 1, &interval).code, LS_OK);
	assert_true(fabs(interval.mean - sum / 400) < 1e-12);
	assert_true(fabs(interval.low - (interval.mean - 1.96 * error)) < 0.1 * error);
	assert_true(fabs(interval.high - (interval.mean + 1.96 * error)) < 0.1 * error);
}

/* One draw: all three are means of it or of the differences. */
static void
test_smallest(void **state)
{
	static const double difference = -3;
	BootstrapInterval interval;

	(void) state;
	assert_int_equal(bootstrap_mean(call_standalone(), &difference, 1, 1, 0.95, 1, &interval).code, LS_OK);
	assert_true(interval.mean == -3 && interval.low == -3 && interval.high == -3);
}

/* Stop at the third poll. */
static bool
poll_thrice(void *user)
{
	return ++*(int *) user >= 3;
}

/* Draw, and cancel at the third poll. */
static void
assert_polled(const double *differences, size_t count, int draws)
{
	Call		call = *call_standalone();
	BootstrapInterval interval;
	int			polls = 0;

	call.poll = poll_thrice;
	call.user = &polls;
	assert_int_equal(bootstrap_mean(&call, differences, count, draws, 0.95, 1, &interval).code, LS_CANCELLED);
	assert_int_equal(polls, 3);
}

/* A draw of many figures is polled within; so are many draws of few. */
static void
test_many(void **state)
{
	static double differences[1 << 20];

	(void) state;
	assert_polled(differences, 1 << 20, 1);
	assert_polled(differences, 1, 1000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant),
		cmocka_unit_test(test_seed),
		cmocka_unit_test(test_normal),
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

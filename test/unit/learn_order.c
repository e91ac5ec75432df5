/*
 * learn_order.c: how an epoch is split into batches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "learn/order.h"

static void
test_batches(void **state)
{
	(void) state;
	assert_int_equal(epoch_batches(1, 1), 1);
	assert_int_equal(epoch_batches(32, 32), 1);
	assert_int_equal(epoch_batches(33, 32), 2);
	assert_int_equal(epoch_batches(64, 32), 2);
}

/* Every image once, then the first ones again. */
static void
test_complete_and_filled(void **state)
{
	for (int images = 1; images <= 40; images++)
	{
		for (int batch = 1; batch <= images; batch++)
		{
			int32_t		order[80];
			int			seen[40] = {0};
			long		places = epoch_batches(images, batch) * batch;

			assert_true(places < 80);
			epoch_order(7, 3, images, batch, order);
			for (int i = 0; i < images; i++)
				seen[order[i]]++;
			for (int i = 0; i < images; i++)
				assert_int_equal(seen[i], 1);
			for (long i = images; i < places; i++)
				assert_int_equal(order[i], order[i - images]);
		}
	}
	(void) state;
}

/* The order is that of (seed, epoch) alone, and is a shuffle. */
static void
test_seeded(void **state)
{
	int32_t		order[100];
	int32_t		same[100];
	int32_t		other[100];
	int			fixed = 0;

	(void) state;
	epoch_order(1, 1, 100, 10, order);
	epoch_order(1, 1, 100, 100, same);
	assert_memory_equal(order, same, sizeof order);
	epoch_order(1, 2, 100, 10, other);
	assert_memory_not_equal(order, other, sizeof order);
	epoch_order(2, 1, 100, 10, other);
	assert_memory_not_equal(order, other, sizeof order);
	for (int i = 0; i < 100; i++)
		fixed += order[i] == i;
	assert_true(fixed < 8);
}

/* The same on every machine: a run can be repeated elsewhere. */
static void
test_known_order(void **state)
{
	const int32_t expected[8] = {1, 4, 0, 2, 5, 3, 1, 4};
	int32_t		order[8];

	(void) state;
	epoch_order(42, 1, 6, 4, order);
	assert_memory_equal(order, expected, sizeof order);
}

/* No two places of a run share a random stream. */
static void
test_image_streams(void **state)
{
	Rng			first;
	Rng			second;

	(void) state;
	epoch_image_rng(&first, 5, 1, 0);
	epoch_image_rng(&second, 5, 1, 0);
	assert_true(rng_next(&first) == rng_next(&second));
	epoch_image_rng(&first, 5, 1, 1);
	epoch_image_rng(&second, 5, 2, 1);
	assert_true(rng_next(&first) != rng_next(&second));
	epoch_image_rng(&first, 5, 1, 0);
	epoch_image_rng(&second, 5, 1, 1);
	assert_true(rng_next(&first) != rng_next(&second));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_batches),
		cmocka_unit_test(test_complete_and_filled),
		cmocka_unit_test(test_seeded),
		cmocka_unit_test(test_known_order),
		cmocka_unit_test(test_image_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * learn_order.c: how an epoch is split into batches.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "learn/order.h"
#include "between.h"

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
			epoch_order(7, 3, images, NULL, batch, order);
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
	epoch_order(1, 1, 100, NULL, 10, order);
	epoch_order(1, 1, 100, NULL, 100, same);
	assert_memory_equal(order, same, sizeof order);
	epoch_order(1, 2, 100, NULL, 10, other);
	assert_memory_not_equal(order, other, sizeof order);
	epoch_order(2, 1, 100, NULL, 10, other);
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
	epoch_order(42, 1, 6, NULL, 4, order);
	assert_memory_equal(order, expected, sizeof order);
}

/* How often each of 4 images is in an epoch of 4 places and a batch of 2. */
static void
count_images(int epoch, const double *weights, int counts[4])
{
	int32_t		order[4];

	memset(counts, 0, 4 * sizeof(int));
	epoch_order(9, epoch, 4, weights, 2, order);
	for (int i = 0; i < 4; i++)
		counts[order[i]]++;
}

/* Weights that come to whole places give these in every epoch; 0 is never. */
static void
test_weights(void **state)
{
	const double whole[4] = {1, 0.5, 0.5, 0};
	const double first[4] = {0, 0, 0, 0.1};
	const double half[4] = {3, 3, 1, 1};
	int			seen[4] = {0};
	int			counts[4];

	(void) state;
	for (int epoch = 1; epoch <= 400; epoch++)
	{
		count_images(epoch, whole, counts);
		assert_int_equal(counts[0], 2);
		assert_int_equal(counts[1], 1);
		assert_int_equal(counts[2], 1);
		assert_int_equal(counts[3], 0);
		count_images(epoch, first, counts);
		assert_int_equal(counts[3], 4);
		count_images(epoch, half, counts);
		for (int i = 0; i < 4; i++)
		{
			assert_between(counts[i], i < 2 ? 1 : 0, i < 2 ? 2 : 1);
			seen[i] += counts[i];
		}
	}
	/* 1.5, 1.5, 0.5 and 0.5 of 400 */
	assert_between(seen[0], 560, 640);
	assert_between(seen[1], 560, 640);
	assert_between(seen[2], 160, 240);
	assert_between(seen[3], 160, 240);
}

/* Equal weights are none. */
static void
test_equal_weights(void **state)
{
	double		weights[100];
	int32_t		without[100];
	int32_t		with[100];

	(void) state;
	for (int i = 0; i < 100; i++)
		weights[i] = 0.7;
	for (int epoch = 1; epoch <= 20; epoch++)
	{
		epoch_order(3, epoch, 100, NULL, 10, without);
		epoch_order(3, epoch, 100, weights, 10, with);
		assert_memory_equal(with, without, sizeof with);
	}
}

static void
test_weights_checked(void **state)
{
	const double good[3] = {0, 1e-9, 3};
	const double negative[3] = {1, -1, 3};
	const double not_finite[3] = {1, 2, INFINITY};
	const double unknown[3] = {NAN, 2, 3};
	const double none[3] = {0, 0, 0};

	(void) state;
	assert_int_equal(epoch_check_weights(3, good).code, LS_OK);
	assert_string_equal(epoch_check_weights(3, negative).message,
						"weight -1 of training image 1 is not a number of at least 0");
	assert_string_equal(epoch_check_weights(3, not_finite).message,
						"weight inf of training image 2 is not a number of at least 0");
	assert_string_equal(epoch_check_weights(3, unknown).message,
						"weight nan of training image 0 is not a number of at least 0");
	assert_string_equal(epoch_check_weights(3, none).message, "the weights of the training images add up to 0");
	assert_int_equal(epoch_check_weights(3, none).code, LS_INVALID_ARGUMENT);
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
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_equal_weights),
		cmocka_unit_test(test_weights_checked),
		cmocka_unit_test(test_image_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

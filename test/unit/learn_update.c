/*
 * learn_update.c: what stays at a hospital: its batch norms, and all of an update
 * beyond a limit or under noise.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/rng.h"
#include "learn/federated/own_norms.h"
#include "learn/federated/shared_weights.h"
#include "learn/federated/update.h"
#include "shared_weights_fixture.h"

/* Random bits that are the same in each run of the test. */
static Rng	bits;

static bool
draw_bits(void *bytes, size_t size)
{
	uint64_t   *words = bytes;

	for (size_t i = 0; i < size / sizeof *words; i++)
		words[i] = rng_next(&bits);
	return true;
}

static bool
draw_nothing(void *bytes, size_t size)
{
	(void) bytes;
	(void) size;
	return false;
}

/* The extremes: all bits 0, all bits 1. */
static bool
draw_zeros(void *bytes, size_t size)
{
	memset(bytes, 0, size);
	return true;
}

static bool
draw_ones(void *bytes, size_t size)
{
	memset(bytes, 0xFF, size);
	return true;
}

/* The first parameter of a kind. */
static const GraphParam *
param_of(const Network *network, GraphParamKind kind)
{
	for (int p = 0; p < network->graph->param_count; p++)
		if (network->graph->params[p].kind == kind)
			return &network->graph->params[p];
	fail();
	return NULL;
}

/* Start at 0 and go by 3 and 4 in two elements: an update of norm 5. Running
 * statistics go further and do not count. */
static void
make_update(const Call *call, Network **start, Network **weights)
{
	*start = make_network(call, 4, 1);
	*weights = make_network(call, 4, 2);
	memset((*start)->weights, 0, (*start)->graph->weight_count * sizeof(float));
	memset((*weights)->weights, 0, (*start)->graph->weight_count * sizeof(float));
	(*weights)->weights[param_of(*start, PARAM_WEIGHT)->offset] = 3;
	(*weights)->weights[param_of(*start, PARAM_SHIFT)->offset + 1] = -4;
	(*weights)->weights[param_of(*start, PARAM_RUNNING_MEAN)->offset] = 1000;
	(*weights)->weights[param_of(*start, PARAM_RUNNING_VARIANCE)->offset] = 1000;
}

static void
test_norm(void **state)
{
	const Call *call = call_standalone();
	Network    *start;
	Network    *weights;
	double		norm;

	(void) state;
	make_update(call, &start, &weights);
	assert_ok(update_norm(call, start, weights, &norm));
	assert_true(norm == 5);
	assert_ok(update_norm(call, weights, weights, &norm));
	assert_true(norm == 0);
	network_free(start);
	network_free(weights);
}

static void
test_clip(void **state)
{
	const Call *call = call_standalone();
	Network    *start;
	Network    *weights;
	double		norm;

	(void) state;
	make_update(call, &start, &weights);
	start->traits = (Traits) {.image_size = 64,.threshold = 0.3,.temperature = 1.1,.review_below = 0.6};
	start->split[0] = '\0';
	assert_ok(update_clip(call, start, weights, 2.5, 0, draw_nothing));
	assert_true(weights->weights[param_of(start, PARAM_WEIGHT)->offset] == 1.5f);
	assert_true(weights->weights[param_of(start, PARAM_SHIFT)->offset + 1] == -2);
	assert_ok(update_norm(call, start, weights, &norm));
	assert_true(norm == 2.5);

	/* What training fitted to images stays behind, what its caller said does not. */
	assert_true(weights->weights[param_of(start, PARAM_RUNNING_MEAN)->offset] == 0);
	assert_true(weights->weights[param_of(start, PARAM_RUNNING_VARIANCE)->offset] == 0);
	assert_true(weights->traits.threshold == 0 && weights->traits.temperature == 0 &&
				weights->traits.review_below == 0);
	for (int i = 0; i < TRAITS_DICE_COEFFICIENTS; i++)
		assert_true(weights->traits.dice_coefficients[i] == 0);
	assert_int_equal(weights->traits.image_size, 32);
	assert_int_equal(weights->traits.enhance, ENHANCE_MODE_AUTO);
	assert_string_equal(weights->split, "{\"columns\": [\"patient\"], \"seed\": 7}");
	network_free(start);
	network_free(weights);
}

/* An update within the limit stays as it is, to the last bit. */
static void
test_within(void **state)
{
	const Call *call = call_standalone();
	Network    *start = make_network(call, 4, 1);
	Network    *weights = make_network(call, 4, 2);
	Network    *clipped = make_network(call, 4, 2);
	double		norm;
	double		clipped_norm;

	(void) state;
	assert_ok(update_norm(call, start, weights, &norm));
	assert_ok(update_clip(call, start, clipped, norm, 0, draw_nothing));
	for (int p = 0; p < start->graph->param_count; p++)
	{
		const GraphParam *param = &start->graph->params[p];
		const Network *expected = is_running_statistic(param) ? start : weights;

		assert_memory_equal(clipped->weights + param->offset, expected->weights + param->offset,
							param->count * sizeof(float));
	}
	assert_ok(update_clip(call, start, clipped, norm / 3, 0, draw_nothing));
	assert_ok(update_norm(call, start, clipped, &clipped_norm));
	assert_true(fabs(clipped_norm - norm / 3) < 1e-6 * norm);
	network_free(start);
	network_free(weights);
	network_free(clipped);
}

/* Noise of deviation 0.5 on an update that is clipped to 2: mean, deviation and
 * the share within one deviation, over elements that start at 0 and stay there. */
static void
test_noise(void **state)
{
	const Call *call = call_standalone();
	Network    *start;
	Network    *weights;
	double		sum = 0;
	double		squares = 0;
	long		within = 0;
	long		count = 0;

	(void) state;
	rng_seed(&bits, 5, 0);
	make_update(call, &start, &weights);
	assert_ok(update_clip(call, start, weights, 2, 0.25, draw_bits));
	for (int p = 0; p < start->graph->param_count; p++)
	{
		const GraphParam *param = &start->graph->params[p];

		for (size_t i = param->offset; i < param->offset + param->count; i++)
		{
			double		noise = (double) weights->weights[i];

			if (is_running_statistic(param))
				assert_true(noise == 0);
			else
			{
				/* The two that moved: by 1.2 and -1.6. */
				if (i == param_of(start, PARAM_WEIGHT)->offset)
					noise -= 1.2;
				if (i == param_of(start, PARAM_SHIFT)->offset + 1)
					noise += 1.6;
				assert_true(noise != 0 && fabs(noise) < 0.5 * 6);
				sum += noise;
				squares += noise * noise;
				within += fabs(noise) < 0.5;
				count++;
			}
		}
	}
	assert_true(count > 1000);
	assert_true(fabs(sum / (double) count) < 5 * 0.5 / sqrt((double) count));
	assert_true(fabs(sqrt(squares / (double) count) - 0.5) < 0.04);
	assert_true(fabs((double) within / (double) count - 0.683) < 0.06);
	network_free(start);
	network_free(weights);
}

/* Extreme bits give finite noise; no bits give an error. */
static void
test_random_bits(void **state)
{
	const Call *call = call_standalone();
	Network    *start;
	Network    *weights;
	Status		status;

	(void) state;
	make_update(call, &start, &weights);
	assert_ok(update_clip(call, start, weights, 1, 1, draw_zeros));
	for (size_t i = 0; i < start->graph->weight_count; i++)
		assert_true(fabs(weights->weights[i]) < 10);
	assert_ok(update_clip(call, start, weights, 1, 1, draw_ones));
	for (size_t i = 0; i < start->graph->weight_count; i++)
		assert_true(fabs(weights->weights[i]) < 10);
	status = update_clip(call, start, weights, 1, 1, draw_nothing);
	assert_int_equal(status.code, LS_HOST_ERROR);
	assert_true(status.hint[0] != '\0');
	network_free(start);
	network_free(weights);
}

static void
test_ranges(void **state)
{
	const double bad_norms[] = {0, -1, 1e-31, 1e31, INFINITY, NAN};
	const double bad_noise[] = {-1e-9, 1.1e6, INFINITY, NAN};
	const Call *call = call_standalone();
	Network    *start;
	Network    *weights;

	(void) state;
	make_update(call, &start, &weights);
	for (size_t i = 0; i < sizeof bad_norms / sizeof bad_norms[0]; i++)
		assert_int_equal(update_clip(call, start, weights, bad_norms[i], 0, draw_bits).code, LS_INVALID_ARGUMENT);
	for (size_t i = 0; i < sizeof bad_noise / sizeof bad_noise[0]; i++)
		assert_int_equal(update_clip(call, start, weights, 1, bad_noise[i], draw_bits).code, LS_INVALID_ARGUMENT);
	assert_true(weights->weights[param_of(start, PARAM_WEIGHT)->offset] == 3);

	/* The largest that is allowed can be written. */
	assert_ok(update_clip(call, start, weights, UPDATE_MOST_NORM, UPDATE_MOST_NOISE, draw_zeros));
	for (size_t i = 0; i < start->graph->weight_count; i++)
		assert_true(isfinite(weights->weights[i]));
	network_free(start);
	network_free(weights);
}

/* A call that stops at any poll. */
static void
test_stops(void **state)
{
	TestCall	test;
	Network    *start;
	Network    *weights;
	Status		status = {.code = LS_CANCELLED};

	(void) state;
	test_call_init(&test);
	make_update(&test.call, &start, &weights);
	for (long polls = 0; status.code == LS_CANCELLED; polls++)
	{
		test.polls = 0;
		test.stop_after = polls;
		status = update_clip(&test.call, start, weights, 1, 1, draw_zeros);
	}
	assert_ok(status);
	assert_true(test.polls > 20);
	network_free(start);
	network_free(weights);
	assert_int_equal(test.live, 0);
	test_call_end(&test);
}

/* Each kind of parameter comes from where it should. */
static void
own_norms(bool scales)
{
	const Call *call = call_standalone();
	Network    *mean = make_network(call, 4, 1);
	Network    *own = make_network(call, 4, 2);
	Network    *result = make_network(call, 4, 1);

	for (size_t i = 0; i < own->graph->weight_count; i++)
		own->weights[i] += 1;	/* scales and shifts are equal at first */
	own_norms_copy(own, result, scales);
	for (int p = 0; p < mean->graph->param_count; p++)
	{
		const GraphParam *param = &mean->graph->params[p];
		bool		norm = is_running_statistic(param) ||
			(scales && (param->kind == PARAM_SCALE || param->kind == PARAM_SHIFT));

		assert_memory_equal(result->weights + param->offset, (norm ? own : mean)->weights + param->offset,
							param->count * sizeof(float));
		assert_memory_not_equal(own->weights + param->offset, mean->weights + param->offset,
								param->count * sizeof(float));
	}
	network_free(mean);
	network_free(own);
	network_free(result);
}

static void
test_own_norms(void **state)
{
	(void) state;
	own_norms(false);
	own_norms(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_norm),
		cmocka_unit_test(test_clip),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_random_bits),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_stops),
		cmocka_unit_test(test_own_norms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

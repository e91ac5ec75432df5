/*
 * plan_fixture.h: what the tests of graphs and plans share: a call that
 * counts, random weights, and ways into and out of a plan's tensors.
 */
#ifndef LESIONSEG_TEST_PLAN_FIXTURE_H
#define LESIONSEG_TEST_PLAN_FIXTURE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "nn/conv/backend.h"
#include "nn/plan.h"

/* A call that counts, stops after some polls, refuses after some
 * allocations, and hands out memory full of NaN. */
typedef struct CountingCall
{
	Call		call;
	long		live;			/* allocations not freed */
	long		allocations;	/* so far */
	long		polls;
	long		stop_after;		/* polls answered with "go on"; -1 = all */
	long		refuse_after;	/* allocations granted; -1 = all */
} CountingCall;

static inline void *
counting_alloc(void *user, size_t size)
{
	CountingCall *counting = user;
	size_t		rounded = (size + 63) & ~(size_t) 63;
	void	   *memory;

	if (counting->refuse_after >= 0 && counting->allocations >= counting->refuse_after)
		return NULL;
	memory = aligned_alloc(64, rounded);
	if (memory == NULL)
		return NULL;
	memset(memory, 0xFF, size);
	counting->allocations++;
	counting->live++;
	return memory;
}

static inline void
counting_free(void *user, void *memory)
{
	((CountingCall *) user)->live--;
	free(memory);
}

static inline bool
counting_poll(void *user)
{
	CountingCall *counting = user;

	return counting->polls++ >= counting->stop_after && counting->stop_after >= 0;
}

/* Start a call of that many threads; it points back at *counting. */
static inline void
counting_call(CountingCall *counting, int threads)
{
	*counting = (CountingCall) {.stop_after = -1,.refuse_after = -1};
	counting->call = (Call) {
		.host = {
			.alloc = counting_alloc,
			.free = counting_free,
			.user = counting,
			.max_memory = (size_t) 1 << 30,
		},
		.poll = counting_poll,
		.user = counting,
		.max_pixels = 1000 * 1000,
		.threads = threads,
	};
}

static inline void
assert_ok(Status status)
{
	if (status.code != LS_OK)
		fail_msg("%s", status.message);
}

/* The reference, and what this build and this CPU have; returns how many. */
static inline int
built_backends(const Backend **backends)
{
	assert_ok(backend_find(BACKEND_OPENBLAS, &backends[0]));
	assert_ok(backend_find(BACKEND_AUTO, &backends[1]));
	return 2;
}

/* Weights of a network that has been trained for a while: nothing is zero,
 * running variances are positive. */
static inline void
random_weights(const Graph *graph, Rng *rng, float *weights)
{
	for (int i = 0; i < graph->param_count; i++)
	{
		const GraphParam *param = &graph->params[i];

		for (size_t k = 0; k < param->count; k++)
		{
			double		z = rng_normal(rng);
			float	   *w = &weights[param->offset + k];

			switch (param->kind)
			{
				case PARAM_WEIGHT:
					*w = (float) (z * sqrt(2.0 / param->fan_in));
					break;
				case PARAM_SCALE:
					*w = (float) (1 + 0.3 * z);
					break;
				case PARAM_RUNNING_VARIANCE:
					*w = (float) (0.5 + z * z);
					break;
				case PARAM_BIAS:
				case PARAM_SHIFT:
				case PARAM_RUNNING_MEAN:
					*w = (float) (0.3 * z);
					break;
			}
		}
	}
}

/* Write dense values into a tensor, rounded to its type. */
static inline void
tensor_write(Tensor tensor, const double *values)
{
	long		pixels = shape_pixels(tensor.shape);

	for (long i = 0; i < pixels; i++)
		for (int c = 0; c < tensor.shape.c; c++)
		{
			long		to = i * tensor.pixel_stride + c;
			float		value = (float) values[i * tensor.shape.c + c];

			if (tensor.type == DATA_BF16)
				((bfloat16 *) tensor.data)[to] = bfloat16_from_float(value);
			else
				((float *) tensor.data)[to] = value;
		}
}

/* Element c of a tensor's pixel i. */
static inline double
tensor_at(Tensor tensor, long i, int c)
{
	long		from = i * tensor.pixel_stride + c;

	return tensor.type == DATA_BF16 ? bfloat16_to_float(((bfloat16 *) tensor.data)[from]) :
		((float *) tensor.data)[from];
}

/* The largest difference between a tensor and dense values, as a share of
 * the largest value; infinite where NaN stands. */
static inline double
tensor_error(Tensor tensor, const double *expected)
{
	long		pixels = shape_pixels(tensor.shape);
	double		largest = 1e-30;
	double		worst = 0;

	for (long i = 0; i < pixels; i++)
		for (int c = 0; c < tensor.shape.c; c++)
		{
			double		difference = fabs(tensor_at(tensor, i, c) - expected[i * tensor.shape.c + c]);

			largest = fmax(largest, fabs(expected[i * tensor.shape.c + c]));
			if (!(difference <= worst))
				worst = isnan(difference) ? INFINITY : difference;
		}
	return worst / largest;
}

/* count doubles of that deviation, to be freed. */
static inline double *
random_doubles(Rng *rng, long count)
{
	double	   *values = malloc(count * sizeof(double));

	assert_non_null(values);
	for (long i = 0; i < count; i++)
		values[i] = rng_normal(rng);
	return values;
}

#endif

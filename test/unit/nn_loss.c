/*
 * nn_loss.c: the loss and its gradient against float64, and AdamW against
 * its definition.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "nn/loss.h"
#include "nn/optimiser.h"
#include "plan_fixture.h"

enum
{
	IMAGES = 3,
	PIXELS = 77
};

/* The formula of loss.h at these logits, in float64. */
static double
reference_loss(const double *logits, const uint8_t *masks)
{
	double		loss = 0;

	for (int n = 0; n < IMAGES; n++)
	{
		double		both = 0;
		double		sum = 0;

		for (int i = n * PIXELS; i < (n + 1) * PIXELS; i++)
		{
			double		p = 1 / (1 + exp(-logits[i]));
			int			t = masks[i] > 128;

			loss -= log(t ? p : 1 - p) / (IMAGES * PIXELS);
			both += p * t;
			sum += p + t;
		}
		loss += (1 - (2 * both + 1) / (sum + 1)) / IMAGES;
	}
	return loss;
}

static void
test_loss(void **state)
{
	double		logits[IMAGES * PIXELS];
	float		p[IMAGES * PIXELS];
	float		gradient[IMAGES * PIXELS];
	uint8_t		masks[IMAGES * PIXELS];
	Rng			rng;
	double		loss;

	(void) state;
	rng_seed(&rng, 41, 0);
	for (int i = 0; i < IMAGES * PIXELS; i++)
	{
		logits[i] = 2 * rng_normal(&rng);
		p[i] = (float) (1 / (1 + exp(-logits[i])));
		masks[i] = rng_below(&rng, 3) == 0 ? 255 : 0;
	}
	memset(masks + PIXELS, 0, PIXELS);	/* one image without a lesion */
	loss = loss_bce_dice(1, IMAGES, PIXELS, p, masks, gradient);
	assert_true(fabs(loss - reference_loss(logits, masks)) < 1e-6);
	for (int i = 0; i < IMAGES * PIXELS; i++)
	{
		const double step = 1e-5;
		double		logit = logits[i];
		double		ends[2];

		logits[i] = logit - step;
		ends[0] = reference_loss(logits, masks);
		logits[i] = logit + step;
		ends[1] = reference_loss(logits, masks);
		logits[i] = logit;
		assert_true(fabs(gradient[i] - (ends[1] - ends[0]) / (2 * step)) < 1e-8);
	}

	/* The same without a gradient and on any number of threads. */
	assert_true(loss_bce_dice(1, IMAGES, PIXELS, p, masks, NULL) == loss);
	for (int threads = 2; threads < 5; threads++)
	{
		float		again[IMAGES * PIXELS];

		assert_true(loss_bce_dice(threads, IMAGES, PIXELS, p, masks, again) == loss);
		assert_memory_equal(again, gradient, sizeof gradient);
	}
}

static void
test_known_losses(void **state)
{
	static const uint8_t empty[4] = {0};
	static const uint8_t edge[4] = {128, 129, 1, 255};
	static const float nothing[4] = {0};
	static const float half[4] = {0.5f, 0.5f, 0.5f, 0.5f};
	static const float edge_truth[4] = {0, 1, 0, 1};
	static const float all[4] = {1, 1, 1, 1};
	float		gradient[4];

	(void) state;
	/* Two empty masks cost nothing, nor does a perfect one: 128 is skin, 129 is lesion. */
	assert_true(loss_bce_dice(1, 1, 4, nothing, empty, gradient) == 0);
	assert_true(loss_bce_dice(1, 1, 4, edge_truth, edge, gradient) == 0);
	for (int i = 0; i < 4; i++)
		assert_true(gradient[i] == 0);

	/* Undecided, half of it lesion: ln 2 + 1 - 3 / 5. */
	assert_true(fabs(loss_bce_dice(1, 1, 4, half, edge, NULL) - (log(2) + 0.4)) < 1e-7);

	/* Certain and wrong stays finite: -ln 1e-7 + 1 - 1 / 5. */
	assert_true(fabs(loss_bce_dice(1, 1, 4, all, empty, gradient) - (7 * log(10) + 0.8)) < 1e-5);
	for (int i = 0; i < 4; i++)
		assert_true(fabs(gradient[i] - 0.25) < 1e-6);	/* 1 / pixels: the Dice part is flat here */
}

/* ---- AdamW ---- */

/* Five steps on a graph with every kind of parameter. */
static void
test_adamw(void **state)
{
	const double rates[5] = {1e-3, 2e-3, 5e-3, 1e-3, 0};
	CountingCall counting;
	Graph	   *graph;
	AdamW		adamw;
	NodeId		x;
	size_t		count;
	float	   *weights;
	float	   *gradients;
	double	   *expected;
	double	   *first;
	double	   *second;
	Rng			rng;

	(void) state;
	counting_call(&counting, 2);
	assert_ok(graph_create(&counting.call.host, &graph));
	x = graph_input(graph, 3);
	x = graph_batch_norm(graph, "n", graph_conv2d(graph, "c", x, 130, 7, 1, 3, 1, true));
	graph_output(graph, x);
	assert_ok(graph_status(graph));
	count = graph->weight_count;	/* enough that threads share the work */
	assert_ok(adamw_create(&counting.call.host, graph, counting.call.threads, &adamw));
	assert_int_equal(adamw.count, 2 * count);

	rng_seed(&rng, 42, 0);
	expected = random_doubles(&rng, (long) count);
	first = calloc(count, sizeof(double));
	second = calloc(count, sizeof(double));
	weights = malloc(count * sizeof(float));
	gradients = malloc(count * sizeof(float));
	assert_true(first != NULL && second != NULL && weights != NULL && gradients != NULL);
	for (size_t k = 0; k < count; k++)
		expected[k] = weights[k] = (float) expected[k];

	for (int t = 1; t <= 5; t++)
	{
		double		square = 0;

		for (size_t k = 0; k < count; k++)
		{
			gradients[k] = (float) rng_normal(&rng);
			square += (double) gradients[k] * gradients[k];
		}
		assert_true(fabs(adamw_gradient_norm(&adamw, gradients) / sqrt(square) - 1) < 1e-6);
		adamw_step(&adamw, weights, gradients, 0.25, rates[t - 1], 0.1);
		assert_int_equal(adamw.steps, t);
		for (int i = 0; i < graph->param_count; i++)
		{
			const GraphParam *param = &graph->params[i];
			bool		running = param->kind == PARAM_RUNNING_MEAN || param->kind == PARAM_RUNNING_VARIANCE;

			for (size_t k = param->offset; k < param->offset + param->count; k++)
			{
				double		g = 0.25 * gradients[k];

				first[k] = 0.9 * first[k] + 0.1 * g;
				second[k] = 0.999 * second[k] + 0.001 * g * g;
				if (!running)
				{
					if (param->kind == PARAM_WEIGHT)
						expected[k] -= rates[t - 1] * 0.1 * expected[k];
					expected[k] -= rates[t - 1] * first[k] / (1 - pow(0.9, t)) /
						(sqrt(second[k] / (1 - pow(0.999, t))) + 1e-8);
				}
				assert_true(fabs(weights[k] - expected[k]) <= 1e-6);
			}
		}
	}
	adamw_free(&adamw);
	adamw_free(&adamw);			/* again does nothing */
	graph_free(graph);
	assert_int_equal(counting.live, 0);
	free(expected);
	free(first);
	free(second);
	free(weights);
	free(gradients);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_known_losses),
		cmocka_unit_test(test_adamw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * nn_parts.c: graphs of several parts, parts with several outputs, and the
 * gradient that a part hands to its input, against the reference and its
 * finite differences.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "graph_reference.h"
#include "plan_fixture.h"

enum
{
	BATCH = 2,
	HEIGHT = 6,
	WIDTH = 5
};

/*
 * Two parts. The second has three outputs: one that later nodes read twice
 * (a batch norm's, as in a feature pyramid), one behind a ReLU of it, and the
 * last.
 */
static Graph *
make_graph(const Call *call)
{
	Graph	   *g;
	NodeId		x;
	NodeId		y;

	assert_ok(graph_create(&call->host, &g));
	graph_output(g, graph_conv2d(g, "first", graph_input(g, 3), 2, 3, 1, 1, 1, true));
	x = graph_input(g, 4);
	x = graph_batch_norm(g, "norm", graph_conv2d(g, "a", x, 5, 3, 1, 1, 1, false));
	graph_output(g, x);
	y = graph_relu(g, graph_conv2d(g, "b", x, 5, 1, 1, 0, 1, true));
	graph_output(g, y);
	graph_output(g, graph_conv2d(g, "c", graph_add(g, x, y), 3, 3, 1, 1, 1, true));
	assert_ok(graph_status(g));
	return g;
}

/* What is differentiated: the sum of all outputs of part 1, weighted. */
static double
weighted_sum(const Reference *r, double *const *slopes)
{
	const GraphPart *part = &r->graph->parts[1];
	double		sum = 0;

	for (int i = 0; i < part->output_count; i++)
	{
		TensorShape shape = r->shapes[part->outputs[i]];

		for (long k = 0; k < shape_pixels(shape) * shape.c; k++)
			sum += slopes[i][k] * r->values[part->outputs[i]][k];
	}
	return sum;
}

/* Its derivative by *at, which the reference reads. */
static double
derivative(Reference *r, const double *weights, double *const *slopes, double *at)
{
	const double step = 1e-6;
	double		before = *at;
	double		above;

	*at = before + step;
	reference_run(r, weights, NULL);
	above = weighted_sum(r, slopes);
	*at = before - step;
	reference_run(r, weights, NULL);
	*at = before;
	return (above - weighted_sum(r, slopes)) / (2 * step);
}

static void
check_backend(const Backend *backend, bool input_gradient)
{
	CountingCall counting;
	Graph	   *graph;
	Plan	   *plan;
	PlanOptions options = {
		.backend = backend,.type = DATA_F32,.batch = BATCH,.height = HEIGHT,.width = WIDTH,.training = true,
		.part = 1,.input_gradient = input_gradient,
	};
	Reference	r;
	Rng			rng;
	float	   *floats;
	float	   *gradients;
	double	   *weights;
	double	   *slopes[3];
	NodeId		input;
	long		count;

	counting_call(&counting, 2);
	graph = make_graph(&counting.call);
	input = graph->parts[1].first;
	rng_seed(&rng, 3, 0);
	floats = malloc(graph->weight_count * sizeof(float));
	gradients = malloc(graph->weight_count * sizeof(float));
	weights = malloc(graph->weight_count * sizeof(double));
	assert_true(floats != NULL && gradients != NULL && weights != NULL);
	random_weights(graph, &rng, floats);
	for (size_t i = 0; i < graph->weight_count; i++)
	{
		weights[i] = floats[i];
		gradients[i] = 77;
	}
	r = reference_new(graph, BATCH, HEIGHT, WIDTH, true);
	count = shape_pixels(r.shapes[input]) * r.shapes[input].c;
	for (long i = 0; i < count; i++)
		r.values[input][i] = (float) rng_normal(&rng);
	for (int i = 0; i < 3; i++)
		slopes[i] = random_doubles(&rng, shape_pixels(r.shapes[input]) * 5);

	assert_ok(plan_create(&counting.call.host, &counting.call, graph, &options, &plan));
	assert_ok(plan_set_weights(plan, call_standalone(), floats));
	tensor_write(plan_input(plan), r.values[input]);
	assert_ok(plan_forward(plan, call_standalone(), floats));
	reference_run(&r, weights, NULL);
	for (int i = 0; i < 3; i++)
	{
		assert_true(tensor_error(plan_output_at(plan, i), r.values[graph->parts[1].outputs[i]]) < 1e-5);
		tensor_write(plan_output_gradient_at(plan, i), slopes[i]);
	}
	assert_ok(plan_backward(plan, call_standalone(), gradients));

	for (int p = 0; p < graph->param_count; p++)
	{
		const GraphParam *param = &graph->params[p];
		bool		own = strncmp(param->name, "first", 5) != 0 && param->kind != PARAM_RUNNING_MEAN &&
			param->kind != PARAM_RUNNING_VARIANCE;

		for (size_t i = param->offset; i < param->offset + param->count; i++)
		{
			double		expected = own ? derivative(&r, weights, slopes, &weights[i]) : 77;

			if (fabs(gradients[i] - expected) > 1e-3 * (1 + fabs(expected)))
				fail_msg("%s: %g instead of %g", param->name, (double) gradients[i], expected);
		}
	}
	for (long i = 0; i < count && input_gradient; i++)
		assert_float_equal(tensor_at(plan_input_gradient(plan), i / 4, (int) (i % 4)),
						   derivative(&r, weights, slopes, &r.values[input][i]), 1e-3);
	assert_true((plan_input_gradient(plan).data != NULL) == input_gradient);

	plan_free(plan);
	reference_free(&r);
	graph_free(graph);
	assert_int_equal(counting.live, 0);
	for (int i = 0; i < 3; i++)
		free(slopes[i]);
	free(floats);
	free(gradients);
	free(weights);
}

static void
test_outputs_and_input_gradient(void **state)
{
	const Backend *backends[2];
	int			count = built_backends(backends);

	(void) state;
	for (int k = 0; k < count; k++)
	{
		check_backend(backends[k], true);
		check_backend(backends[k], false);
	}
}

/* What a graph of parts refuses. */
static void
test_refusals(void **state)
{
	CountingCall counting;
	Graph	   *g;
	NodeId		x;
	Plan	   *plan;
	PlanOptions options = {.batch = 1,.height = 4,.width = 4,.part = 2};

	(void) state;
	counting_call(&counting, 1);
	assert_ok(graph_create(&counting.call.host, &g));
	assert_string_equal(graph_status(g).message, "the graph has no input");
	x = graph_input(g, 3);
	graph_output(g, graph_relu(g, x));
	assert_ok(graph_status(g));
	graph_input(g, 3);
	assert_string_equal(graph_status(g).message, "the graph has no output");
	assert_int_equal(graph_relu(g, x), -1);	/* of the part before */
	assert_string_equal(graph_status(g).message, "graph node 0 does not exist in this part");
	graph_free(g);

	assert_ok(graph_create(&counting.call.host, &g));
	for (int i = 0; i < GRAPH_MAX_PARTS; i++)
		graph_output(g, graph_relu(g, graph_input(g, 3)));
	assert_ok(graph_status(g));
	options.part = GRAPH_MAX_PARTS;
	assert_ok(backend_find(BACKEND_OPENBLAS, &options.backend));
	assert_int_equal(plan_create(&counting.call.host, &counting.call, g, &options, &plan).code, LS_INTERNAL);
	for (int i = 1; i < GRAPH_MAX_OUTPUTS; i++)
		graph_output(g, g->node_count - 1);
	assert_ok(graph_status(g));
	graph_output(g, g->node_count - 1);
	assert_int_equal(graph_status(g).code, LS_INTERNAL);
	graph_free(g);

	assert_ok(graph_create(&counting.call.host, &g));
	for (int i = 0; i <= GRAPH_MAX_PARTS; i++)
		graph_output(g, graph_relu(g, graph_input(g, 3)));
	assert_int_equal(graph_status(g).code, LS_INTERNAL);
	graph_free(g);
	assert_int_equal(counting.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outputs_and_input_gradient),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

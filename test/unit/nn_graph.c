/*
 * nn_graph.c: what a builder leaves in a graph: channels, parameters with
 * their names, shapes and places, first weights, and the first mistake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "plan_fixture.h"

static Graph *
new_graph(void)
{
	Graph	   *graph;

	assert_ok(graph_create(&call_standalone()->host, &graph));
	return graph;
}

static void
assert_param(const Graph *graph, int i, const char *name, GraphParamKind kind, size_t offset,
			 int rank, int64_t a, int64_t b, int64_t c, int64_t d)
{
	const GraphParam *param = &graph->params[i];
	const int64_t shape[4] = {a, b, c, d};
	size_t		count = 1;

	assert_string_equal(param->name, name);
	assert_int_equal(param->kind, kind);
	assert_int_equal(param->offset, offset);
	assert_int_equal(param->rank, rank);
	for (int k = 0; k < rank; k++)
	{
		assert_int_equal(param->shape[k], shape[k]);
		count *= (size_t) shape[k];
	}
	assert_int_equal(param->count, count);
	assert_int_equal(graph_find_param(graph, name), i);
}

static void
test_parameters(void **state)
{
	Graph	   *graph = new_graph();
	NodeId		x = graph_input(graph, 3);

	(void) state;
	x = graph_conv2d(graph, "stem.0", x, 8, 3, 2, 1, 1, true);
	x = graph_batch_norm(graph, "stem.1", x);
	x = graph_conv2d(graph, "deep", x, 8, 7, 1, 3, 8, false);
	x = graph_conv_transpose2d(graph, "up", x, 5, 2, 2, 0, 0, true);
	graph_output(graph, x);
	assert_ok(graph_status(graph));
	assert_int_equal(graph->param_count, 9);
	assert_param(graph, 0, "stem.0.weight", PARAM_WEIGHT, 0, 4, 8, 3, 3, 3);
	assert_param(graph, 1, "stem.0.bias", PARAM_BIAS, 216, 1, 8, 0, 0, 0);
	assert_param(graph, 2, "stem.1.weight", PARAM_SCALE, 224, 1, 8, 0, 0, 0);
	assert_param(graph, 3, "stem.1.bias", PARAM_SHIFT, 232, 1, 8, 0, 0, 0);
	assert_param(graph, 4, "stem.1.running_mean", PARAM_RUNNING_MEAN, 240, 1, 8, 0, 0, 0);
	assert_param(graph, 5, "stem.1.running_var", PARAM_RUNNING_VARIANCE, 248, 1, 8, 0, 0, 0);
	assert_param(graph, 6, "deep.weight", PARAM_WEIGHT, 256, 4, 8, 1, 7, 7);
	assert_param(graph, 7, "up.weight", PARAM_WEIGHT, 648, 4, 8, 5, 2, 2);	/* (I, O, KH, KW) */
	assert_param(graph, 8, "up.bias", PARAM_BIAS, 808, 1, 5, 0, 0, 0);
	assert_int_equal(graph->weight_count, 813);
	assert_int_equal(graph_find_param(graph, "up"), -1);
	graph_free(graph);
}

/* Far more nodes and parameters than the arrays begin with. */
static void
test_growth(void **state)
{
	Graph	   *graph = new_graph();
	NodeId		x = graph_input(graph, 2);
	char		name[32];

	(void) state;
	for (int i = 0; i < 100; i++)
	{
		snprintf(name, sizeof name, "c%d", i);
		x = graph_relu(graph, graph_conv2d(graph, name, x, 2, 1, 1, 0, 1, true));
		assert_int_equal(x, 2 * i + 2);
	}
	graph_output(graph, x);
	assert_ok(graph_status(graph));
	assert_int_equal(graph->weight_count, 600);
	for (int i = 0; i < 100; i++)
	{
		snprintf(name, sizeof name, "c%d.bias", i);
		assert_int_equal(graph_find_param(graph, name), 2 * i + 1);
	}
	assert_int_equal(graph->nodes[150].inputs[0], 149);
	graph_free(graph);
}

static void
test_channels(void **state)
{
	Graph	   *graph = new_graph();
	NodeId		x = graph_input(graph, 3);
	NodeId		a = graph_conv2d(graph, "a", x, 5, 1, 1, 0, 1, false);
	NodeId		b = graph_conv2d(graph, "b", x, 7, 1, 1, 0, 1, false);

	(void) state;
	assert_int_equal(graph->nodes[graph_concat(graph, a, b)].channels, 12);
	assert_int_equal(graph->nodes[graph_relu(graph, a)].channels, 5);
	assert_int_equal(graph->nodes[graph_max_pool2d(graph, b, 2, 2, 0)].channels, 7);
	assert_int_equal(graph->nodes[graph_add(graph, a, a)].channels, 5);
	graph_free(graph);
}

/* Each mistake is kept; what follows it returns -1 and changes nothing. */
static void
test_mistakes(void **state)
{
	static const char long_name[PARAM_NAME_SIZE] =
		"a.name.that.is.so.long.that.no.room.is.left.for.the.suffix.in.the.parameters.name.of.96.bytes";

	(void) state;
	for (int mistake = 0; mistake < 14; mistake++)
	{
		Graph	   *graph = new_graph();
		NodeId		x = graph_input(graph, 4);
		NodeId		y = graph_conv2d(graph, "c", x, 6, 3, 1, 1, 1, false);
		char		message[256];
		int			bad = -1;

		switch (mistake)
		{
			case 0:
				bad = graph_relu(graph, 17);
				break;
			case 1:
				bad = graph_relu(graph, -1);
				break;
			case 2:
				bad = graph_add(graph, x, y);	/* 4 and 6 channels */
				break;
			case 3:
				bad = graph_conv2d(graph, "d", y, 0, 3, 1, 1, 1, false);
				break;
			case 4:
				bad = graph_conv2d(graph, "d", y, 6, 0, 1, 1, 1, false);
				break;
			case 5:
				bad = graph_conv2d(graph, "d", y, 6, 3, 0, 1, 1, false);
				break;
			case 6:
				bad = graph_conv2d(graph, "d", y, 6, 3, 1, 3, 1, false);
				break;
			case 7:
				bad = graph_conv2d(graph, "d", y, 6, 3, 1, 1, 2, false);
				break;
			case 8:
				bad = graph_conv2d(graph, long_name, y, 6, 3, 1, 1, 1, false);
				break;
			case 9:
				bad = graph_max_pool2d(graph, y, 2, 2, 2);
				break;
			case 10:
				bad = graph_conv2d(graph, "d", y, 70000, 1, 1, 0, 1, false);
				break;
			case 11:
				bad = graph_conv_transpose2d(graph, "t", y, 6, 2, 2, 0, 2, true);
				break;
			case 12:
				bad = graph_conv_transpose2d(graph, "t", y, 6, 2, 2, 0, -1, true);
				break;
			case 13:
				bad = graph_max_pool2d(graph, y, 3, 0, 1);
				break;
		}
		assert_int_equal(bad, -1);
		assert_int_not_equal(graph_status(graph).code, LS_OK);
		assert_true(graph_status(graph).message[0] != '\0');
		memcpy(message, graph_status(graph).message, sizeof message);
		assert_int_equal(graph_relu(graph, y), -1);
		assert_int_equal(graph_input(graph, 0), -1);
		graph_output(graph, y);
		assert_string_equal(graph_status(graph).message, message);
		graph_free(graph);
	}
}

static void
test_output_is_needed(void **state)
{
	Graph	   *graph = new_graph();
	Plan	   *plan = NULL;
	PlanOptions options = {.batch = 1,.height = 8,.width = 8};

	(void) state;
	assert_ok(backend_find(BACKEND_AUTO, &options.backend));
	graph_input(graph, 3);
	assert_int_equal(graph_status(graph).code, LS_INTERNAL);
	assert_int_equal(plan_create(&call_standalone()->host, call_standalone(), graph, &options, &plan).code,
					 LS_INTERNAL);
	assert_null(plan);
	graph_free(graph);
	graph_free(NULL);
}

/* A node that leads to no output is refused, in the graph and in a plan. */
static void
test_dead_ends(void **state)
{
	(void) state;
	for (int end = 0; end < 3; end++)
	{
		Graph	   *graph = new_graph();
		Plan	   *plan = NULL;
		PlanOptions options = {.batch = 1,.height = 8,.width = 8,.training = true};
		NodeId		x = graph_input(graph, 3);
		NodeId		y = graph_conv2d(graph, "main", x, 4, 3, 1, 1, 1, true);

		assert_ok(backend_find(BACKEND_AUTO, &options.backend));
		if (end == 1)
			graph_batch_norm(graph, "side", y);
		if (end == 2)
			graph_relu(graph, graph_conv2d(graph, "side", x, 4, 3, 1, 1, 1, true));
		graph_output(graph, y);
		if (end == 0)
			assert_ok(graph_status(graph));
		else
		{
			assert_int_equal(graph_status(graph).code, LS_INTERNAL);
			assert_string_equal(graph_status(graph).message, end == 1 ? "graph node 2 leads to no output" :
								"graph node 3 leads to no output");
			assert_int_equal(plan_create(&call_standalone()->host, call_standalone(), graph, &options, &plan).code,
							 LS_INTERNAL);
			assert_null(plan);
		}
		graph_free(graph);
	}
}

/* No allocation that fails leaves anything behind. */
static void
test_out_of_memory(void **state)
{
	CountingCall counting;
	Status		status = {.code = LS_OUT_OF_MEMORY};

	(void) state;
	for (long refuse = 0; status.code == LS_OUT_OF_MEMORY; refuse++)
	{
		Graph	   *graph = NULL;

		counting_call(&counting, 1);
		counting.refuse_after = refuse;
		status = graph_create(&counting.call.host, &graph);
		if (status.code == LS_OK)
		{
			NodeId		x = graph_input(graph, 3);

			for (int i = 0; i < 20; i++)
				x = graph_conv2d(graph, "c", x, 3, 1, 1, 0, 1, true);
			graph_output(graph, x);
			status = graph_status(graph);
			graph_free(graph);
		}
		assert_int_equal(counting.live, 0);
		assert_true(refuse < 100);
	}
	assert_int_equal(status.code, LS_OK);
	assert_true(counting.allocations > 4);
}

static void
test_initial_weights(void **state)
{
	Graph	   *graph = new_graph();
	NodeId		x = graph_input(graph, 3);
	float	   *weights[3];
	double		square = 0;

	(void) state;
	x = graph_conv2d(graph, "c", x, 64, 7, 1, 3, 1, true);
	x = graph_batch_norm(graph, "n", x);
	x = graph_conv_transpose2d(graph, "t", x, 32, 2, 2, 0, 0, true);
	graph_output(graph, x);
	assert_ok(graph_status(graph));
	for (int i = 0; i < 3; i++)
	{
		weights[i] = malloc(graph->weight_count * sizeof(float));
		assert_non_null(weights[i]);
		assert_ok(graph_initialise(graph, call_standalone(), i == 1 ? -7 : 5, weights[i]));
	}
	assert_memory_equal(weights[0], weights[2], graph->weight_count * sizeof(float));
	for (int i = 0; i < graph->param_count; i++)
	{
		const GraphParam *param = &graph->params[i];
		const float *w = weights[0] + param->offset;

		if (param->kind == PARAM_WEIGHT)
		{
			/* He: variance 2 / fan-in. 9,408 and 8,192 values, so its
			 * deviation is about 1.5 %. */
			double		fan_in = i == 0 ? 3 * 49 : 64;

			square = 0;
			for (size_t k = 0; k < param->count; k++)
				square += (double) w[k] * w[k] / (double) param->count;
			assert_true(fabs(square * fan_in / 2 - 1) < 0.08);
			assert_true(memcmp(w, weights[1] + param->offset, param->count * sizeof(float)) != 0);
			continue;
		}
		for (size_t k = 0; k < param->count; k++)
			assert_true(w[k] == (param->kind == PARAM_SCALE || param->kind == PARAM_RUNNING_VARIANCE));
	}
	for (int i = 0; i < 3; i++)
		free(weights[i]);
	graph_free(graph);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_channels),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_output_is_needed),
		cmocka_unit_test(test_dead_ends),
		cmocka_unit_test(test_out_of_memory),
		cmocka_unit_test(test_initial_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

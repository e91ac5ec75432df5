/*
 * nn_plan.c: what planning promises: folding and shared memory change no
 * value, running allocates nothing, limits and wrong sizes are clear errors,
 * and stopping anywhere leaves nothing behind.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "core/threads.h"
#include "graph_reference.h"
#include "plan_fixture.h"
#include "pool_signals.h"

/* Convolution, batch norm, ReLU. */
static NodeId
layer(Graph *g, const char *name, NodeId x, int channels)
{
	char		norm[PARAM_NAME_SIZE];

	snprintf(norm, sizeof norm, "%s.norm", name);
	return graph_relu(g, graph_batch_norm(g, norm, graph_conv2d(g, name, x, channels, 3, 1, 1, 1, true)));
}

/*
 * A network of every operator, two levels deep, for sizes that are multiples
 * of 4: batch norms behind both convolutions, behind a ReLU, and on a tensor
 * that is read twice; a residual addition; skips.
 */
static Graph *
network_graph(const Call *call)
{
	Graph	   *g;
	NodeId		skips[2];
	NodeId		x;
	NodeId		y;

	assert_ok(graph_create(&call->host, &g));
	x = layer(g, "stem", graph_input(g, 3), 6);
	skips[0] = x = layer(g, "level0", x, 6);
	x = graph_max_pool2d(g, x, 2, 2, 0);
	y = graph_conv2d(g, "residual", layer(g, "inner", x, 6), 6, 3, 1, 1, 1, false);
	skips[1] = x = graph_relu(g, graph_add(g, graph_batch_norm(g, "residual.norm", y), x));
	x = graph_max_pool2d(g, x, 3, 2, 1);
	x = graph_batch_norm(g, "alone", graph_relu(g, graph_conv2d(g, "deep", x, 9, 3, 1, 1, 1, false)));
	x = graph_add(g, x, graph_relu(g, graph_batch_norm(g, "shared", x)));
	x = graph_conv_transpose2d(g, "up1", x, 5, 3, 2, 1, 1, true);
	x = graph_relu(g, graph_batch_norm(g, "up1.norm", x));
	x = layer(g, "join1", graph_concat(g, x, skips[1]), 7);
	x = graph_conv2d(g, "depthwise", x, 7, 3, 1, 1, 7, true);
	x = graph_conv_transpose2d(g, "up0", x, 4, 2, 2, 0, 0, true);
	x = layer(g, "join0", graph_concat(g, x, skips[0]), 6);
	graph_output(g, graph_conv2d(g, "head", x, 1, 1, 1, 0, 1, true));
	assert_ok(graph_status(g));
	return g;
}

/* A network with weights, an input and its expected output. */
typedef struct Fixture
{
	CountingCall counting;
	const Call *call;
	Graph	   *graph;
	float	   *weights;
	Reference	reference;
	PlanOptions options;
} Fixture;

/* A fixture of the network that `network` makes, for two images of that size. */
static void
fixture_create_of(Fixture *f, Graph *(*network) (const Call *), int height, int width,
				  const Backend *backend, bool training, int threads)
{
	double	   *weights;
	Rng			rng;

	memset(f, 0, sizeof *f);
	counting_call(&f->counting, threads);
	f->call = &f->counting.call;
	f->graph = network(f->call);
	f->weights = malloc(f->graph->weight_count * sizeof(float));
	weights = malloc(f->graph->weight_count * sizeof(double));
	assert_true(f->weights != NULL && weights != NULL);
	rng_seed(&rng, 51, 0);
	random_weights(f->graph, &rng, f->weights);
	for (size_t k = 0; k < f->graph->weight_count; k++)
		weights[k] = f->weights[k];
	f->options = (PlanOptions) {
		.backend = backend,.type = DATA_F32,.batch = 2,.height = height,.width = width,.training = training,
	};
	f->reference = reference_new(f->graph, 2, height, width, training);
	for (int i = 0; i < 2 * height * width * 3; i++)
		f->reference.values[0][i] = rng_normal(&rng);
	reference_run(&f->reference, weights, NULL);
	free(weights);
}

static void
fixture_create(Fixture *f, const Backend *backend, bool training, int threads)
{
	fixture_create_of(f, network_graph, 12, 16, backend, training, threads);
}

static void
fixture_free(Fixture *f)
{
	reference_free(&f->reference);
	graph_free(f->graph);
	assert_int_equal(f->counting.live, 0);
	free(f->weights);
}

/* Run plan forward and compare its output. */
static void
assert_output(Fixture *f, Plan *plan, double tolerance)
{
	double		error;

	tensor_write(plan_input(plan), f->reference.values[0]);
	assert_ok(plan_forward(plan, f->call, f->weights));
	error = tensor_error(plan_output(plan), f->reference.values[f->graph->output]);
	if (!(error <= tolerance))
		fail_msg("%s: off by %.2g of the largest output", f->options.backend->name, error);
}

/* Run test for each backend. */
static void
each_backend(void (*test) (const Backend *backend))
{
	const Backend *backends[2];
	int			count = built_backends(backends);

	for (int i = 0; i < count; i++)
		test(backends[i]);
}

/* ---- values ---- */

/* Folded batch norms, fused ReLUs and shared memory give what running the
 * nodes one by one gives, and do so again; so they do for other weights. */
static void
check_inference(const Backend *backend)
{
	Fixture		f;
	Plan	   *plan;

	fixture_create(&f, backend, false, 2);
	assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
	for (size_t k = 0; k < f.graph->weight_count; k++)
		f.weights[k] += 1;
	assert_ok(plan_set_weights(plan, f.call, f.weights));
	for (size_t k = 0; k < f.graph->weight_count; k++)
		f.weights[k] -= 1;
	assert_ok(plan_set_weights(plan, f.call, f.weights));
	assert_output(&f, plan, 1e-5);
	assert_output(&f, plan, 1e-5);
	plan_free(plan);

	if (backend_has_bf16(backend))
	{
		f.options.type = DATA_BF16;
		assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
		assert_ok(plan_set_weights(plan, f.call, f.weights));
		assert_output(&f, plan, 0.05);
		plan_free(plan);
	}
	fixture_free(&f);
}

static void
test_inference(void **state)
{
	(void) state;
	each_backend(check_inference);
}

/* 3x3 layers of usual sizes: behind a batch norm that is folded in, with a
 * residual, to and from the halves of a concatenation. */
static Graph *
wide_graph(const Call *call)
{
	Graph	   *g;
	NodeId		x;
	NodeId		skip;

	assert_ok(graph_create(&call->host, &g));
	skip = x = layer(g, "stem", graph_input(g, 3), 20);
	x = layer(g, "inner", x, 40);
	x = graph_batch_norm(g, "residual.norm", graph_conv2d(g, "residual", x, 20, 3, 1, 1, 1, false));
	x = graph_relu(g, graph_add(g, x, skip));
	x = layer(g, "join", graph_concat(g, layer(g, "outer", x, 17), skip), 16);
	graph_output(g, graph_conv2d(g, "head", x, 1, 1, 1, 0, 1, true));
	assert_ok(graph_status(g));
	return g;
}

/* Inference in float32 takes them by Winograd's method, but for the reference. */
static void
check_winograd(const Backend *backend)
{
	Fixture		f;
	Plan	   *plan;
	int			steps = 0;

	fixture_create_of(&f, wide_graph, 34, 40, backend, false, 3);
	assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
	for (int s = 0; s < plan->step_count; s++)
		if (plan->steps[s].convolution != NULL)
			steps += strncmp(convolution_kernel(plan->steps[s].convolution, PASS_FORWARD), "winograd", 8) == 0;
	assert_int_equal(steps, strcmp(backend->name, "openblas") == 0 ? 0 : 4);
	assert_ok(plan_set_weights(plan, f.call, f.weights));
	assert_output(&f, plan, 2e-5);
	assert_output(&f, plan, 2e-5);
	plan_free(plan);
	fixture_free(&f);
}

static void
test_winograd(void **state)
{
	(void) state;
	each_backend(check_winograd);
}

/* Bytes of all values, each in memory of its own. */
static size_t
unshared_bytes(const Reference *r)
{
	size_t		bytes = 0;

	for (int id = 0; id < r->graph->node_count; id++)
		bytes += (size_t) shape_pixels(r->shapes[id]) * r->shapes[id].c * sizeof(float);
	return bytes;
}

/* Memory is shared: inference holds less than a third of all values. A value
 * that backward reads keeps its memory throughout: after a whole training
 * pass it is still what the reference has. */
static void
check_memory(const Backend *backend)
{
	Fixture		f;
	Plan	   *plan;

	fixture_create(&f, backend, false, 2);
	assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
	assert_true(plan->arena.size < unshared_bytes(&f.reference) / 3);
	assert_true(plan_memory(plan) >= plan->arena.size);
	plan_free(plan);
	fixture_free(&f);

	fixture_create(&f, backend, true, 2);
	assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
	assert_ok(plan_set_weights(plan, f.call, f.weights));
	assert_output(&f, plan, 2e-5);
	for (int s = 0; s < plan->step_count; s++)
	{
		const Step *step = &plan->steps[s];

		if (step->weights >= 0 || step->norm >= 0)
			assert_true(tensor_error(plan->values[step->x], f.reference.values[step->x]) < 2e-5);
	}
	plan_free(plan);
	fixture_free(&f);
}

static void
test_memory(void **state)
{
	(void) state;
	each_backend(check_memory);
}

/* ---- running ---- */

static void
check_no_allocation(const Backend *backend)
{
	for (int training = 0; training < 2; training++)
	{
		Fixture		f;
		Plan	   *plan;
		float	   *gradients;
		long		before;

		fixture_create(&f, backend, training, 2);
		gradients = calloc(f.graph->weight_count, sizeof(float));
		assert_non_null(gradients);
		assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
		assert_ok(plan_set_weights(plan, f.call, f.weights));
		before = f.counting.allocations;
		f.counting.polls = 0;
		tensor_write(plan_input(plan), f.reference.values[0]);
		assert_ok(plan_forward(plan, f.call, f.weights));
		assert_true(f.counting.polls >= plan->step_count);
		if (training)
		{
			tensor_write(plan_output_gradient(plan), f.reference.values[f.graph->output]);
			assert_ok(plan_backward(plan, f.call, gradients));
			assert_true(f.counting.polls >= 2 * plan->step_count);
		}
		assert_int_equal(f.counting.allocations, before);
		plan_free(plan);
		free(gradients);
		fixture_free(&f);
	}
}

static void
test_no_allocation(void **state)
{
	(void) state;
	each_backend(check_no_allocation);
}

/* A run that is stopped at any poll leaves a plan that runs again. */
static void
check_stopped_run(const Backend *backend)
{
	Fixture		f;
	Plan	   *plan;
	float	   *gradients;
	float	   *expected;
	float	   *weights;
	long		polls;
	long		before;

	fixture_create(&f, backend, true, 2);
	gradients = calloc(f.graph->weight_count, sizeof(float));
	expected = calloc(f.graph->weight_count, sizeof(float));
	weights = malloc(f.graph->weight_count * sizeof(float));
	assert_true(gradients != NULL && expected != NULL && weights != NULL);
	assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
	assert_ok(plan_set_weights(plan, f.call, f.weights));
	before = f.counting.allocations;
	polls = LONG_MAX;
	for (long stop = -1; stop < polls; stop++)
	{
		Status		status;

		memcpy(weights, f.weights, f.graph->weight_count * sizeof(float));
		tensor_write(plan_input(plan), f.reference.values[0]);
		f.counting.polls = 0;
		f.counting.stop_after = stop;
		status = plan_forward(plan, f.call, weights);
		if (status.code == LS_OK)
		{
			tensor_write(plan_output_gradient(plan), f.reference.values[f.graph->output]);
			status = plan_backward(plan, f.call, stop < 0 ? expected : gradients);
		}
		if (stop < 0)
			polls = f.counting.polls;
		assert_int_equal(status.code, stop < 0 ? LS_OK : LS_CANCELLED);
		assert_int_equal(f.counting.polls, stop < 0 ? polls : stop + 1);	/* it stops at once */
	}
	assert_true(polls >= 2 * plan->step_count);
	f.counting.stop_after = -1;
	memcpy(weights, f.weights, f.graph->weight_count * sizeof(float));
	tensor_write(plan_input(plan), f.reference.values[0]);
	assert_ok(plan_forward(plan, f.call, weights));
	tensor_write(plan_output_gradient(plan), f.reference.values[f.graph->output]);
	assert_ok(plan_backward(plan, f.call, gradients));
	assert_memory_equal(gradients, expected, f.graph->weight_count * sizeof(float));
	assert_int_equal(f.counting.allocations, before);
	plan_free(plan);
	free(gradients);
	free(expected);
	free(weights);
	fixture_free(&f);
}

static void
test_stopped_run(void **state)
{
	(void) state;
	each_backend(check_stopped_run);
}

/* Whatever regions the libraries open, no thread of the pool takes signals. */
static void
check_signals(const Backend *backend)
{
	static const int sizes[] = {4, 2, 5};

	for (int i = 0; i < 3; i++)
	{
		Fixture		f;
		Plan	   *plan;
		int			threads;
		int			open;

		fixture_create(&f, backend, false, sizes[i]);
		f.options.batch = 1;
		assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
		assert_ok(plan_set_weights(plan, f.call, f.weights));
		tensor_write(plan_input(plan), f.reference.values[0]);
		assert_ok(plan_forward(plan, f.call, NULL));
		count_pool_threads(&threads, &open);
		assert_true(threads >= 1);
		assert_int_equal(open, 0);
		plan_free(plan);
		fixture_free(&f);
	}
	assert_true((blocked_signals(getpid()) & BLOCKABLE_SIGNALS) != BLOCKABLE_SIGNALS);
}

static void
test_signals(void **state)
{
	(void) state;
	if (!masks_are_known())
		skip();
	each_backend(check_signals);
}

/* ---- planning that fails ---- */

/* Stopped at any poll, refused any allocation: an error, and all is freed. */
static void
check_failing(const Backend *backend)
{
	bool		done[2] = {false, false};
	Fixture		f;
	long		live;

	fixture_create(&f, backend, true, 2);
	live = f.counting.live;
	for (long k = 0; !done[0] || !done[1]; k++)
		for (int stop = 0; stop < 2; stop++)
		{
			Plan	   *plan;
			Status		status;

			if (done[stop])
				continue;
			assert_true(k < 1000);
			f.counting.polls = 0;
			f.counting.stop_after = stop ? k : -1;
			f.counting.refuse_after = stop ? -1 : f.counting.allocations + k;
			status = plan_create(&f.call->host, f.call, f.graph, &f.options, &plan);
			if (status.code == LS_OK)
				status = plan_set_weights(plan, f.call, f.weights);
			else
				assert_null(plan);
			if (status.code == LS_OK)
				done[stop] = true;
			else
				assert_int_equal(status.code, stop ? LS_CANCELLED : LS_OUT_OF_MEMORY);
			plan_free(plan);
			assert_int_equal(f.counting.live, live);
		}
	fixture_free(&f);
}

static void
test_failing(void **state)
{
	(void) state;
	each_backend(check_failing);
}

/* The limit is named with the need before anything large is allocated. */
static void
check_limit(const Backend *backend)
{
	Fixture		f;
	Plan	   *plan;
	Status		status;
	long		live;

	fixture_create(&f, backend, true, 2);
	live = f.counting.live;
	f.options.batch = 64;
	f.options.height = f.options.width = 512;
	f.counting.call.host.max_memory = 100 << 20;
	status = plan_create(&f.call->host, f.call, f.graph, &f.options, &plan);
	assert_int_equal(status.code, LS_LIMIT_EXCEEDED);
	assert_null(plan);
	assert_non_null(strstr(status.message, "training tensors need "));
	assert_non_null(strstr(status.message, "the limit is 100 MB"));
	assert_non_null(strstr(status.hint, "lesionseg.max_memory"));
	assert_int_equal(f.counting.live, live);

	/* The arena stands for most of the need: allowed just that, it fits. */
	f.options.batch = 2;
	f.options.height = f.options.width = 64;
	assert_ok(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan));
	f.counting.call.host.max_memory = plan->arena.size;
	plan_free(plan);
	status = plan_create(&f.call->host, f.call, f.graph, &f.options, &plan);
	assert_true(status.code == LS_OK || status.code == LS_LIMIT_EXCEEDED);
	plan_free(plan);
	f.counting.call.host.max_memory--;
	f.counting.call.host.max_memory &= ~(size_t) 63;
	assert_int_equal(plan_create(&f.call->host, f.call, f.graph, &f.options, &plan).code, LS_LIMIT_EXCEEDED);
	assert_int_equal(f.counting.live, live);
	fixture_free(&f);
}

static void
test_limit(void **state)
{
	(void) state;
	each_backend(check_limit);
}

static void
test_wrong_sizes(void **state)
{
	static const struct
	{
		int			batch;
		int			height;
		int			width;
		const char *message;	/* part of it */
	}			cases[] = {
		{1, 12, 18, "images of 18 x 12 pixels do not fit the network: it would join tensors of "},
		{1, 13, 16, "images of 16 x 13 pixels do not fit the network"},
		{1, 1, 1, "images of 1 x 1 pixels are too small for the network"},
		{1, 0, 16, "images of 16 x 0 pixels are too small for the network"},
		{1, 16, -4, "images of -4 x 16 pixels are too small for the network"},
		{1, 16, INT_MAX, "images of 2147483647 x 16 pixels are too large for the network"},
		{1, 70000, 16, "images of 16 x 70000 pixels are too large for the network"},
		{0, 16, 16, "a batch of 0 images is not possible"},
		{-3, 16, 16, "a batch of -3 images is not possible"},
		{INT_MAX, 16, 16, "a batch of 2147483647 images is not possible"},
	};
	Fixture		f;
	Plan	   *plan;
	const Backend *backend;

	(void) state;
	assert_ok(backend_find(BACKEND_AUTO, &backend));
	fixture_create(&f, backend, false, 1);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Status		status;

		f.options.batch = cases[i].batch;
		f.options.height = cases[i].height;
		f.options.width = cases[i].width;
		status = plan_create(&f.call->host, f.call, f.graph, &f.options, &plan);
		assert_int_equal(status.code, LS_INVALID_ARGUMENT);
		assert_null(plan);
		if (strstr(status.message, cases[i].message) == NULL)
			fail_msg("%s", status.message);
	}
	fixture_free(&f);
}

/* What a plan cannot do yet is refused, not done wrong. */
static void
test_unsupported(void **state)
{
	const Backend *backend;

	(void) state;
	assert_ok(backend_find(BACKEND_AUTO, &backend));
	for (int form = 0; form < 4; form++)
	{
		PlanOptions options = {
			.backend = backend,.type = DATA_F32,.batch = 1,.height = 8,.width = 8,.training = true,
		};
		Graph	   *g;
		Plan	   *plan;
		NodeId		x;
		NodeId		a;
		NodeId		b;
		NodeId		y;

		assert_ok(graph_create(&call_standalone()->host, &g));
		x = graph_input(g, 3);
		a = graph_conv2d(g, "a", x, 4, 1, 1, 0, 1, true);
		b = form == 0 ? x : graph_conv2d(g, "b", x, 4, 1, 1, 0, 1, true);
		y = graph_concat(g, a, b);
		if (form == 1)			/* a part is used after the concatenation */
			y = graph_add(g, graph_conv2d(g, "c", y, 4, 1, 1, 0, 1, true), a);
		else if (form == 2)		/* and is part of another */
			y = graph_concat(g, y, a);
		else if (form == 3)		/* a batch norm reads a part */
			y = graph_add(g, graph_conv2d(g, "c", y, 4, 1, 1, 0, 1, true), graph_batch_norm(g, "n", a));
		graph_output(g, graph_conv2d(g, "head", y, 1, 1, 1, 0, 1, true));
		assert_ok(graph_status(g));
		assert_int_equal(plan_create(&call_standalone()->host, call_standalone(), g, &options, &plan).code,
						 LS_UNSUPPORTED);
		assert_null(plan);
		graph_free(g);
	}
	plan_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inference),
		cmocka_unit_test(test_winograd),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_no_allocation),
		cmocka_unit_test(test_stopped_run),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_wrong_sizes),
		cmocka_unit_test(test_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

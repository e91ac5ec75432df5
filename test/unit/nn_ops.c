/*
 * nn_ops.c: every operator's values and gradients through a plan, against
 * float64.
 *
 * A case is a small graph: a 3 x 3 convolution as the stem, the operator,
 * and (in a second run) a 1 x 1 convolution as the head. What is
 * differentiated is a fixed random weighting of all outputs. The expected
 * gradient of a weight is the central difference of the float64 reference
 * (graph_reference.h), step 1e-6, which is good to about 1e-8. The stem's
 * weights see the operator's input gradient.
 *
 * Tolerances, as a share of the largest value: 2e-5 forward, 1e-4 backward
 * (float32 sums of some hundred terms that cancel in batch norms).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "graph_reference.h"
#include "plan_fixture.h"

#define STEP 1e-6
#define FORWARD_TOLERANCE 2e-5
#define BACKWARD_TOLERANCE 1e-4
#define WEIGHTS_PER_TENSOR 8	/* differentiated one by one; the rest in a random direction */
#define MOST_SAMPLES 400
#define BATCH 2
#define CHANNELS 6				/* of the stem */

/* ---- cases ---- */

typedef struct OpCase
{
	const char *name;
	NodeId		(*build) (Graph *graph, NodeId x);
	int			height;
	int			width;
} OpCase;

static NodeId
conv_3x3(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 5, 3, 1, 1, 1, false);
}

static NodeId
conv_3x3_bias(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 7, 3, 1, 1, 1, true);
}

static NodeId
conv_3x3_stride(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 5, 3, 2, 1, 1, true);
}

static NodeId
conv_1x1(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 17, 1, 1, 0, 1, true);
}

static NodeId
conv_1x1_stride(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 4, 1, 2, 0, 1, false);
}

static NodeId
conv_7x7(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 4, 7, 1, 3, 1, true);
}

static NodeId
conv_7x7_stride(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 4, 7, 2, 3, 1, false);
}

static NodeId
conv_unpadded(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, 4, 3, 1, 0, 1, true);
}

static NodeId
depthwise_3x3(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, CHANNELS, 3, 1, 1, CHANNELS, false);
}

static NodeId
depthwise_7x7(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, CHANNELS, 7, 1, 3, CHANNELS, true);
}

static NodeId
depthwise_stride(Graph *g, NodeId x)
{
	return graph_conv2d(g, "op", x, CHANNELS, 3, 2, 1, CHANNELS, true);
}

static NodeId
transpose_2x2(Graph *g, NodeId x)
{
	return graph_conv_transpose2d(g, "op", x, 4, 2, 2, 0, 0, false);
}

static NodeId
transpose_2x2_bias(Graph *g, NodeId x)
{
	return graph_conv_transpose2d(g, "op", x, 5, 2, 2, 0, 0, true);
}

static NodeId
transpose_3x3(Graph *g, NodeId x)
{
	return graph_conv_transpose2d(g, "op", x, 5, 3, 2, 1, 1, true);
}

static NodeId
transpose_4x4(Graph *g, NodeId x)
{
	return graph_conv_transpose2d(g, "op", x, 3, 4, 2, 1, 0, true);
}

static NodeId
norm(Graph *g, NodeId x)
{
	return graph_batch_norm(g, "op", x);
}

static NodeId
norm_relu(Graph *g, NodeId x)
{
	return graph_relu(g, graph_batch_norm(g, "op", x));
}

static NodeId
norm_of_relu(Graph *g, NodeId x)
{
	return graph_batch_norm(g, "op", graph_relu(g, x));
}

static NodeId
conv_norm_relu(Graph *g, NodeId x)
{
	return norm_relu(g, graph_conv2d(g, "conv", x, 5, 3, 1, 1, 1, true));
}

static NodeId
transpose_norm_relu(Graph *g, NodeId x)
{
	return norm_relu(g, graph_conv_transpose2d(g, "conv", x, 5, 3, 2, 1, 1, true));
}

/* x + norm(conv(x)), as in a residual block. */
static NodeId
norm_add(Graph *g, NodeId x)
{
	NodeId		y = graph_conv2d(g, "conv", x, CHANNELS, 3, 1, 1, 1, false);

	return graph_add(g, graph_batch_norm(g, "op", y), x);
}

static NodeId
norm_add_relu(Graph *g, NodeId x)
{
	return graph_relu(g, norm_add(g, x));
}

static NodeId
add_norm_relu(Graph *g, NodeId x)
{
	NodeId		y = graph_conv2d(g, "conv", x, CHANNELS, 3, 1, 1, 1, false);

	return graph_relu(g, graph_add(g, x, graph_batch_norm(g, "op", y)));
}

/* A residual block that changes the size: two norms meet. */
static NodeId
two_norms_add_relu(Graph *g, NodeId x)
{
	NodeId		a = graph_batch_norm(g, "a", graph_conv2d(g, "conva", x, 4, 1, 2, 0, 1, false));
	NodeId		b = graph_batch_norm(g, "b", graph_conv2d(g, "convb", x, 4, 3, 2, 1, 1, false));

	return graph_relu(g, graph_add(g, b, a));
}

/* x + relu(norm(x)): the norm's input is used twice. */
static NodeId
norm_of_shared(Graph *g, NodeId x)
{
	return graph_add(g, x, graph_relu(g, graph_batch_norm(g, "op", x)));
}

/* x + norm(x): both gradients go to one tensor in one step. */
static NodeId
norm_added_to_its_input(Graph *g, NodeId x)
{
	return graph_add(g, graph_batch_norm(g, "op", x), x);
}

/* Two norms read one tensor. */
static NodeId
two_norms_of_one(Graph *g, NodeId x)
{
	return graph_add(g, graph_batch_norm(g, "a", x), graph_relu(g, graph_batch_norm(g, "b", x)));
}

static NodeId
relu(Graph *g, NodeId x)
{
	return graph_relu(g, x);
}

static NodeId
relu_of_shared(Graph *g, NodeId x)
{
	return graph_add(g, graph_relu(g, x), graph_conv2d(g, "op", x, CHANNELS, 1, 1, 0, 1, false));
}

static NodeId
pool_2x2(Graph *g, NodeId x)
{
	return graph_max_pool2d(g, x, 2, 2, 0);
}

static NodeId
pool_3x3(Graph *g, NodeId x)
{
	return graph_max_pool2d(g, x, 3, 2, 1);
}

static NodeId
pool_of_shared(Graph *g, NodeId x)
{
	return graph_add(g, graph_max_pool2d(g, x, 3, 1, 1), x);
}

static NodeId
add(Graph *g, NodeId x)
{
	return graph_add(g, graph_conv2d(g, "a", x, 5, 3, 1, 1, 1, true),
					 graph_conv2d(g, "b", x, 5, 1, 1, 0, 1, false));
}

static NodeId
add_to_itself(Graph *g, NodeId x)
{
	return graph_add(g, x, x);
}

static NodeId
add_relu(Graph *g, NodeId x)
{
	return graph_relu(g, add(g, x));
}

static NodeId
concat(Graph *g, NodeId x)
{
	return graph_concat(g, graph_conv2d(g, "a", x, 5, 3, 1, 1, 1, true),
						graph_conv2d(g, "b", x, 3, 1, 1, 0, 1, false));
}

static NodeId
concat_of_three(Graph *g, NodeId x)
{
	NodeId		both = concat(g, x);

	return graph_concat(g, graph_relu(g, graph_conv2d(g, "c", x, 2, 1, 1, 0, 1, false)), both);
}

static NodeId
norm_of_concat(Graph *g, NodeId x)
{
	return graph_relu(g, graph_batch_norm(g, "op", concat(g, x)));
}

/* What a U-Net does: a norm's output is pooled, and joined with what comes
 * back from below. */
static NodeId
unet_skip(Graph *g, NodeId x)
{
	NodeId		level = conv_norm_relu(g, x);
	NodeId		below = graph_max_pool2d(g, level, 2, 2, 0);

	below = graph_relu(g, graph_conv2d(g, "below", below, 7, 3, 1, 1, 1, true));
	below = graph_conv_transpose2d(g, "up", below, 4, 2, 2, 0, 0, true);
	return graph_conv2d(g, "join", graph_concat(g, below, level), 5, 3, 1, 1, 1, false);
}

/* The same with the skip in front, and read by a convolution as well. */
static NodeId
skip_in_front(Graph *g, NodeId x)
{
	NodeId		level = conv_norm_relu(g, x);
	NodeId		beside = graph_conv2d(g, "beside", level, 3, 3, 1, 1, 1, true);

	return graph_conv2d(g, "join", graph_concat(g, level, beside), 5, 3, 1, 1, 1, false);
}

/* A concatenation that two operators read. */
static NodeId
concat_read_twice(Graph *g, NodeId x)
{
	NodeId		both = concat(g, x);

	return graph_add(g, graph_conv2d(g, "c", both, 4, 1, 1, 0, 1, false),
					 graph_conv2d(g, "d", both, 4, 3, 1, 1, 1, false));
}

static NodeId
gelu(Graph *g, NodeId x)
{
	return graph_gelu(g, x);
}

static NodeId
gelu_of_shared(Graph *g, NodeId x)
{
	return graph_add(g, graph_gelu(g, x), graph_conv2d(g, "op", x, CHANNELS, 1, 1, 0, 1, false));
}

static NodeId
resize(Graph *g, NodeId x)
{
	return graph_resize(g, x, 3);
}

static NodeId
resize_of_shared(Graph *g, NodeId x)
{
	return graph_add(g, graph_resize(g, x, 1), graph_conv2d(g, "op", x, CHANNELS, 1, 1, 0, 1, false));
}

/* From and into a slice. */
static NodeId
resize_in_concat(Graph *g, NodeId x)
{
	NodeId		small = graph_conv2d(g, "small", x, 5, 2, 2, 0, 1, true);
	NodeId		both = graph_concat(g, graph_conv2d(g, "a", small, 3, 1, 1, 0, 1, true), graph_gelu(g, small));

	return graph_concat(g, graph_resize(g, both, 2), graph_conv2d(g, "b", x, 3, 1, 1, 0, 1, true));
}

/* ConvMixer's block. */
static NodeId
mixer(Graph *g, NodeId x)
{
	NodeId		y = graph_conv2d(g, "depthwise", x, CHANNELS, 5, 1, 2, CHANNELS, true);

	y = graph_add(g, graph_batch_norm(g, "bn1", graph_gelu(g, y)), x);
	y = graph_conv2d(g, "pointwise", y, CHANNELS, 1, 1, 0, 1, true);
	return graph_batch_norm(g, "bn2", graph_gelu(g, y));
}

/* ResNet's block, with a projection or without. */
static NodeId
residual_block(Graph *g, NodeId x, NodeId shortcut, int stride)
{
	NodeId		y = graph_conv2d(g, "conv1", x, CHANNELS, 3, stride, 1, 1, false);

	y = graph_relu(g, graph_batch_norm(g, "bn1", y));
	y = graph_batch_norm(g, "bn2", graph_conv2d(g, "conv2", y, CHANNELS, 3, 1, 1, 1, false));
	return graph_relu(g, graph_add(g, y, shortcut));
}

static NodeId
basic_block(Graph *g, NodeId x)
{
	return residual_block(g, x, x, 1);
}

static NodeId
projected_block(Graph *g, NodeId x)
{
	NodeId		shortcut = graph_conv2d(g, "downsample.0", x, CHANNELS, 1, 2, 0, 1, false);

	return residual_block(g, x, graph_batch_norm(g, "downsample.1", shortcut), 2);
}

/* A block whose shortcut is read again behind it. */
static NodeId
block_in_skip(Graph *g, NodeId x)
{
	NodeId		y = graph_relu(g, x);

	return graph_add(g, graph_conv2d(g, "op", residual_block(g, y, y, 1), CHANNELS, 3, 1, 1, 1, true), y);
}

static const OpCase op_cases[] = {
	{"conv2d 3x3", conv_3x3, 5, 7},
	{"conv2d 3x3, bias", conv_3x3_bias, 6, 5},
	{"conv2d 3x3 stride 2", conv_3x3_stride, 7, 6},
	{"conv2d 1x1", conv_1x1, 4, 5},
	{"conv2d 1x1 stride 2", conv_1x1_stride, 7, 6},
	{"conv2d 7x7", conv_7x7, 6, 5},
	{"conv2d 7x7 stride 2", conv_7x7_stride, 8, 7},
	{"conv2d unpadded", conv_unpadded, 6, 5},
	{"depthwise 3x3", depthwise_3x3, 5, 6},
	{"depthwise 7x7", depthwise_7x7, 6, 7},
	{"depthwise 3x3 stride 2", depthwise_stride, 6, 7},
	{"conv_transpose2d 2x2 stride 2", transpose_2x2, 3, 4},
	{"conv_transpose2d 2x2 stride 2, bias", transpose_2x2_bias, 4, 3},
	{"conv_transpose2d 3x3 stride 2 to even", transpose_3x3, 4, 3},
	{"conv_transpose2d 4x4 stride 2", transpose_4x4, 3, 4},
	{"batch_norm", norm, 5, 4},
	{"batch_norm + relu", norm_relu, 5, 4},
	{"batch_norm of relu", norm_of_relu, 5, 4},
	{"conv2d + batch_norm + relu", conv_norm_relu, 5, 6},
	{"conv_transpose2d + batch_norm + relu", transpose_norm_relu, 3, 4},
	{"batch_norm + add", norm_add, 5, 4},
	{"batch_norm + add + relu", norm_add_relu, 5, 4},
	{"add + batch_norm + relu", add_norm_relu, 5, 4},
	{"two batch_norms + add + relu", two_norms_add_relu, 6, 8},
	{"batch_norm of a tensor used twice", norm_of_shared, 5, 4},
	{"batch_norm added to its input", norm_added_to_its_input, 5, 4},
	{"two batch_norms of one tensor", two_norms_of_one, 5, 4},
	{"relu", relu, 5, 4},
	{"relu of a tensor used twice", relu_of_shared, 5, 4},
	{"max_pool2d 2/2/0", pool_2x2, 7, 6},
	{"max_pool2d 3/2/1", pool_3x3, 7, 6},
	{"max_pool2d of a tensor used twice", pool_of_shared, 5, 6},
	{"add", add, 5, 4},
	{"add to itself", add_to_itself, 5, 4},
	{"add + relu", add_relu, 5, 4},
	{"concat", concat, 5, 4},
	{"concat of three", concat_of_three, 5, 4},
	{"batch_norm of concat", norm_of_concat, 5, 4},
	{"U-Net's skip", unet_skip, 4, 6},
	{"skip read by a convolution", skip_in_front, 4, 6},
	{"concat read twice", concat_read_twice, 4, 5},
	{"gelu", gelu, 5, 4},
	{"gelu of shared", gelu_of_shared, 5, 4},
	{"resize", resize, 3, 4},
	{"resize of shared", resize_of_shared, 5, 4},
	{"resize in concat", resize_in_concat, 4, 6},
	{"ConvMixer's block", mixer, 6, 5},
	{"ResNet's block", basic_block, 5, 4},
	{"ResNet's block, projected", projected_block, 6, 4},
	{"block in a skip", block_in_skip, 5, 4},
};

/* ---- one case ---- */

/* A graph with weights, an input, and what should come out. */
typedef struct Problem
{
	char		name[100];
	Graph	   *graph;
	Reference	reference;
	double	   *weights;
	float	   *weights_f32;
	double	   *updated;		/* weights with the new running statistics */
	double	   *functional;		/* (outputs) */
	long		outputs;
	double	   *direction;		/* (weight_count) */
	double		slope;			/* expected derivative in that direction */
	int			sample_count;
	size_t		samples[MOST_SAMPLES];	/* weights that were differentiated */
	double		derivatives[MOST_SAMPLES];
} Problem;

/* The functional of the outputs at these weights. */
static double
functional_at(Problem *p, const double *weights)
{
	const double *y = p->reference.values[p->graph->output];
	double		sum = 0;

	reference_run(&p->reference, weights, NULL);
	for (long i = 0; i < p->outputs; i++)
		sum += p->functional[i] * y[i];
	return sum;
}

/* Running statistics have no gradient. */
static bool
trained(const GraphParam *param)
{
	return param->kind != PARAM_RUNNING_MEAN && param->kind != PARAM_RUNNING_VARIANCE;
}

/* Differentiate some weights of every tensor, and along a direction all. */
static void
differentiate(Problem *p)
{
	size_t		count = p->graph->weight_count;
	double	   *moved = malloc(count * sizeof(double));
	double		ends[2];

	assert_non_null(moved);
	memcpy(moved, p->weights, count * sizeof(double));
	for (int i = 0; i < p->graph->param_count; i++)
	{
		const GraphParam *param = &p->graph->params[i];
		size_t		step = (param->count + WEIGHTS_PER_TENSOR - 1) / WEIGHTS_PER_TENSOR;

		for (size_t k = 0; k < param->count && trained(param); k += step)
		{
			size_t		at = param->offset + k;

			assert_true(p->sample_count < MOST_SAMPLES);
			for (int side = 0; side < 2; side++)
			{
				moved[at] = p->weights[at] + (side == 0 ? -STEP : STEP);
				ends[side] = functional_at(p, moved);
			}
			moved[at] = p->weights[at];
			p->samples[p->sample_count] = at;
			p->derivatives[p->sample_count++] = (ends[1] - ends[0]) / (2 * STEP);
		}
		for (size_t k = 0; k < param->count && !trained(param); k++)
			p->direction[param->offset + k] = 0;
	}
	for (int side = 0; side < 2; side++)
	{
		for (size_t k = 0; k < count; k++)
			moved[k] = p->weights[k] + (side == 0 ? -STEP : STEP) * p->direction[k];
		ends[side] = functional_at(p, moved);
	}
	p->slope = (ends[1] - ends[0]) / (2 * STEP);
	free(moved);
}

static void
problem_create(Problem *p, const OpCase *op, bool head)
{
	NodeId		x;
	TensorShape shape;
	Rng			rng;

	memset(p, 0, sizeof *p);
	snprintf(p->name, sizeof p->name, "%s%s", op->name, head ? ", head" : "");
	rng_seed(&rng, 31, (uint64_t) (op - op_cases) * 2 + head);
	assert_ok(graph_create(&call_standalone()->host, &p->graph));
	x = op->build(p->graph, graph_conv2d(p->graph, "stem", graph_input(p->graph, 3), CHANNELS, 3, 1, 1, 1, true));
	if (head)
		x = graph_conv2d(p->graph, "head", x, 2, 1, 1, 0, 1, true);
	graph_output(p->graph, x);
	assert_ok(graph_status(p->graph));

	p->reference = reference_new(p->graph, BATCH, op->height, op->width, true);
	p->weights = random_doubles(&rng, p->graph->weight_count);
	p->updated = random_doubles(&rng, p->graph->weight_count);
	p->direction = random_doubles(&rng, p->graph->weight_count);
	p->weights_f32 = malloc(p->graph->weight_count * sizeof(float));
	assert_non_null(p->weights_f32);
	random_weights(p->graph, &rng, p->weights_f32);
	for (size_t k = 0; k < p->graph->weight_count; k++)
		p->updated[k] = p->weights[k] = p->weights_f32[k];
	for (long i = 0; i < (long) BATCH * op->height * op->width * 3; i++)
		p->reference.values[0][i] = bfloat16_to_float(bfloat16_from_float((float) rng_normal(&rng)));
	shape = p->reference.shapes[p->graph->output];
	p->outputs = shape_pixels(shape) * shape.c;
	p->functional = random_doubles(&rng, p->outputs);

	differentiate(p);
	reference_run(&p->reference, p->weights, p->updated);
}

static void
problem_free(Problem *p)
{
	reference_free(&p->reference);
	graph_free(p->graph);
	free(p->weights);
	free(p->weights_f32);
	free(p->updated);
	free(p->functional);
	free(p->direction);
}

/* Compare gradients with what was expected. */
static void
check_gradients(const Problem *p, const char *backend, const float *gradients)
{
	double		slope = 0;
	double		size = 0;
	double		largest = 0;

	for (int k = 0; k < p->sample_count; k++)
		largest = fmax(largest, fabs(p->derivatives[k]));
	assert_true(largest > 0);
	for (int i = 0, k = 0; i < p->graph->param_count; i++)
	{
		const GraphParam *param = &p->graph->params[i];
		double		scale = 0.05 * largest;	/* what is zero in theory is rounding noise */
		int			begin = k;

		for (; k < p->sample_count && p->samples[k] < param->offset + param->count; k++)
			scale = fmax(scale, fabs(p->derivatives[k]));
		for (int j = begin; j < k; j++)
		{
			double		got = gradients[p->samples[j]];

			if (!(fabs(got - p->derivatives[j]) <= BACKWARD_TOLERANCE * scale))
				fail_msg("%s on %s: gradient of %s[%zu] is %.8g instead of %.8g (largest %.3g)", p->name,
						 backend, param->name, p->samples[j] - param->offset, got, p->derivatives[j], scale);
		}
	}
	for (size_t k = 0; k < p->graph->weight_count; k++)
	{
		slope += p->direction[k] * gradients[k];
		size += fabs(p->direction[k] * gradients[k]);
	}
	if (!(fabs(slope - p->slope) <= BACKWARD_TOLERANCE * size))
		fail_msg("%s on %s: slope %.8g instead of %.8g (terms of %.3g)", p->name, backend, slope,
				 p->slope, size);
}

/* One forward and backward run; `weights` gets the new running statistics. */
static void
run_plan(Problem *p, Plan *plan, float *weights, float *gradients)
{
	assert_ok(plan_set_weights(plan, call_standalone(), weights));
	tensor_write(plan_input(plan), p->reference.values[0]);
	assert_ok(plan_forward(plan, call_standalone(), weights));
	tensor_write(plan_output_gradient(plan), p->functional);
	assert_ok(plan_backward(plan, call_standalone(), gradients));
}

/* Gradients in float32: against differences. Running statistics too. */
static void
check_f32(Problem *p, const Call *call, const Backend *backend, float *gradients)
{
	PlanOptions options = {
		.backend = backend,.type = DATA_F32,.batch = BATCH,
		.height = p->reference.shapes[0].h,.width = p->reference.shapes[0].w,.training = true,
	};
	size_t		count = p->graph->weight_count;
	float	   *weights = malloc(count * sizeof(float));
	float	   *again = malloc(count * sizeof(float));
	double		error;
	Plan	   *plan;

	assert_true(weights != NULL && again != NULL);
	memcpy(weights, p->weights_f32, count * sizeof(float));
	for (size_t k = 0; k < count; k++)
		gradients[k] = again[k] = 123;
	assert_ok(plan_create(&call->host, call, p->graph, &options, &plan));
	assert_ok(plan_set_weights(plan, call_standalone(), weights));
	tensor_write(plan_input(plan), p->reference.values[0]);
	assert_ok(plan_forward(plan, call_standalone(), weights));
	error = tensor_error(plan_output(plan), p->reference.values[p->graph->output]);
	if (!(error <= FORWARD_TOLERANCE))
		fail_msg("%s on %s: outputs are off by %.2g of the largest", p->name, backend->name, error);
	for (size_t k = 0; k < count; k++)
		if (!(fabs(weights[k] - p->updated[k]) <= 1e-5))
			fail_msg("%s on %s: statistic %zu is %.8g instead of %.8g", p->name, backend->name, k,
					 (double) weights[k], p->updated[k]);
	tensor_write(plan_output_gradient(plan), p->functional);
	assert_ok(plan_backward(plan, call_standalone(), gradients));

	for (int i = 0; i < p->graph->param_count; i++)
		for (size_t k = 0; !trained(&p->graph->params[i]) && k < p->graph->params[i].count; k++)
			assert_true(gradients[p->graph->params[i].offset + k] == 123);
	check_gradients(p, backend->name, gradients);

	/* Nothing of a run is left that changes the next. */
	memcpy(weights, p->weights_f32, count * sizeof(float));
	run_plan(p, plan, weights, again);
	assert_memory_equal(again, gradients, count * sizeof(float));

	plan_free(plan);
	free(weights);
	free(again);
}

/* In bfloat16 gradients point where those of float32 point: within 8 degrees
 * (each value is off by up to 1/256, and a few maxima and signs change). */
static void
check_bf16(Problem *p, const Call *call, const Backend *backend, const float *expected)
{
	PlanOptions options = {
		.backend = backend,.type = DATA_BF16,.batch = BATCH,
		.height = p->reference.shapes[0].h,.width = p->reference.shapes[0].w,.training = true,
	};
	size_t		count = p->graph->weight_count;
	float	   *weights = malloc(count * sizeof(float));
	float	   *gradients = calloc(count, sizeof(float));
	double		products[3] = {0};
	double		cosine;
	Plan	   *plan;

	assert_true(weights != NULL && gradients != NULL);
	memcpy(weights, p->weights_f32, count * sizeof(float));
	assert_ok(plan_create(&call->host, call, p->graph, &options, &plan));
	run_plan(p, plan, weights, gradients);
	for (int i = 0; i < p->graph->param_count; i++)
		for (size_t k = 0; trained(&p->graph->params[i]) && k < p->graph->params[i].count; k++)
		{
			double		a = gradients[p->graph->params[i].offset + k];
			double		b = expected[p->graph->params[i].offset + k];

			products[0] += a * a;
			products[1] += a * b;
			products[2] += b * b;
		}
	cosine = products[1] / sqrt(products[0] * products[2]);
	if (!(cosine >= 0.99 && fabs(products[0] / products[2] - 1) < 0.1))
		fail_msg("%s on %s in bf16: cosine %.5f, size %.4f to that of float32", p->name, backend->name,
				 cosine, sqrt(products[0] / products[2]));
	plan_free(plan);
	free(weights);
	free(gradients);
}

static void
test_operators(void **state)
{
	const Backend *backends[2];
	int			backend_count = built_backends(backends);
	CountingCall counting;

	(void) state;
	counting_call(&counting, 2);
	for (size_t i = 0; i < sizeof op_cases / sizeof op_cases[0]; i++)
		for (int head = 0; head < 2; head++)
		{
			static Problem problem;
			float	   *gradients;

			problem_create(&problem, &op_cases[i], head);
			gradients = malloc(problem.graph->weight_count * sizeof(float));
			assert_non_null(gradients);
			for (int b = 0; b < backend_count; b++)
			{
				check_f32(&problem, &counting.call, backends[b], gradients);
				if (backend_has_bf16(backends[b]))
					check_bf16(&problem, &counting.call, backends[b], gradients);
			}
			free(gradients);
			problem_free(&problem);
		}
	assert_int_equal(counting.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operators),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

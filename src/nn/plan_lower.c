/*
 * plan_lower.c: from nodes to steps: shapes, fusions, and which step writes
 * each gradient first and which steps add to it.
 */
#include "nn/planner.h"

#include <string.h>

#define MAX_EXTENT 65536		/* most images, or pixels along a side; keeps sizes within an int */

/* Output size of a window operator along one axis. */
static int
window_output(int size, int kernel, int stride, int padding)
{
	return size + 2 * padding < kernel ? 0 : (size + 2 * padding - kernel) / stride + 1;
}

Status
plan_shapes(Planner *planner)
{
	const Graph *graph = planner->graph;
	Plan	   *plan = planner->plan;

	if (plan->options.batch < 1 || plan->options.batch > MAX_EXTENT)
		return status_error(LS_INVALID_ARGUMENT, "a batch of %d images is not possible", plan->options.batch);
	for (int id = plan->part->first; id < plan->part->end; id++)
	{
		const GraphNode *node = &graph->nodes[id];
		TensorShape shape = {plan->options.batch, plan->options.height, plan->options.width, node->channels};

		if (node->inputs[0] >= 0)
		{
			TensorShape x = plan->values[node->inputs[0]].shape;

			shape.h = x.h;
			shape.w = x.w;
			if (node->kind == OP_CONV2D || node->kind == OP_MAX_POOL2D)
			{
				shape.h = window_output(x.h, node->kernel, node->stride, node->padding);
				shape.w = window_output(x.w, node->kernel, node->stride, node->padding);
			}
			else if (node->kind == OP_CONV_TRANSPOSE2D)
			{
				shape.h = (x.h - 1) * node->stride - 2 * node->padding + node->kernel + node->output_padding;
				shape.w = (x.w - 1) * node->stride - 2 * node->padding + node->kernel + node->output_padding;
			}
			else if (node->kind == OP_RESIZE)
			{
				shape.h = x.h * node->stride;
				shape.w = x.w * node->stride;
			}
		}
		if (node->inputs[1] >= 0)
		{
			TensorShape b = plan->values[node->inputs[1]].shape;

			if (b.h != shape.h || b.w != shape.w)
				return status_with_hint(
										status_error(LS_INVALID_ARGUMENT,
													 "images of %d x %d pixels do not fit the network: "
													 "it would join tensors of %d x %d and %d x %d",
													 plan->options.width, plan->options.height,
													 shape.w, shape.h, b.w, b.h),
										"Use a width and height that are multiples of the network's stride.");
		}
		if (shape.h < 1 || shape.w < 1)
			return status_with_hint(
									status_error(LS_INVALID_ARGUMENT,
												 "images of %d x %d pixels are too small for the network",
												 plan->options.width, plan->options.height),
									"Use larger images or a network of less depth.");
		if (shape.h > MAX_EXTENT || shape.w > MAX_EXTENT)
			return status_with_hint(
									status_error(LS_INVALID_ARGUMENT,
												 "images of %d x %d pixels are too large for the network",
												 plan->options.width, plan->options.height),
									"Use images that nowhere in the network exceed %d pixels.", MAX_EXTENT);
		plan->values[id].shape = shape;
		plan->values[id].type = plan->options.type;
	}
	return status_ok();
}

/* The only node that reads id, if it has that kind and is not yet absorbed;
 * else -1. */
static NodeId
sole_consumer(const Planner *planner, NodeId id, OpKind kind)
{
	NodeId		next = planner->consumer[id];

	if (planner->consumers[id] != 1 || planner->is_output[id] || planner->absorbed[next] ||
		planner->graph->nodes[next].kind != kind)
		return -1;
	return next;
}

/* Extend step by a node that follows it. */
static void
absorb_node(Planner *planner, Step *step, NodeId next)
{
	step->y = next;
	planner->absorbed[next] = true;
}

/* Extend step by an addition that follows it; the other operand must already
 * exist. */
static bool
fuse_addition(Planner *planner, Step *step)
{
	NodeId		next = sole_consumer(planner, step->y, OP_ADD);
	const int  *inputs;
	NodeId		other;

	if (next < 0)
		return false;
	inputs = planner->graph->nodes[next].inputs;
	other = inputs[0] == step->y ? inputs[1] : inputs[0];
	if (other == step->y || planner->step_of[other] < 0)
		return false;
	step->residual = other;
	absorb_node(planner, step, next);
	return true;
}

/* Extend step by the batch norm / addition / ReLU nodes that follow it. */
static void
fuse_followers(Planner *planner, Step *step)
{
	bool		convolution = step->kind == OP_CONV2D || step->kind == OP_CONV_TRANSPOSE2D;
	bool		adds = step->kind == OP_CONV2D || step->kind == OP_BATCH_NORM;
	NodeId		next;

	if (convolution && planner->plan->options.training)
		return;
	if (convolution && (next = sole_consumer(planner, step->y, OP_BATCH_NORM)) >= 0)
	{
		step->norm = next;
		absorb_node(planner, step, next);
	}
	if (adds)
		fuse_addition(planner, step);
	if (!convolution && step->kind != OP_BATCH_NORM && step->kind != OP_ADD)
		return;
	if ((next = sole_consumer(planner, step->y, OP_RELU)) < 0)
		return;
	step->relu = true;
	absorb_node(planner, step, next);

	/* A convolution's ReLU may also come before the addition. */
	if (step->kind == OP_CONV2D && step->residual < 0 && fuse_addition(planner, step))
	{
		step->relu = false;
		step->relu_before = true;
	}
}

/* Turn a GELU's step into that of the batch norm that alone reads it. A batch norm's dx is dense, so this is none where
 * x is part of a concatenation. */
static void
fuse_norm(Planner *planner, Step *step)
{
	NodeId		norm = sole_consumer(planner, step->y, OP_BATCH_NORM);

	if (norm < 0 || planner->concat_of[step->x] >= 0)
		return;
	step->kind = OP_BATCH_NORM;
	step->gelu = step->y;
	step->norm = norm;
	absorb_node(planner, step, norm);
}

/* Turn nodes into steps. */
static void
lower_nodes(Planner *planner)
{
	const Graph *graph = planner->graph;
	Plan	   *plan = planner->plan;

	for (int id = plan->part->first; id < plan->part->end; id++)
		for (int i = 0; i < 2; i++)
			if (graph->nodes[id].inputs[i] >= 0)
			{
				planner->consumers[graph->nodes[id].inputs[i]]++;
				planner->consumer[graph->nodes[id].inputs[i]] = id;
			}

	for (int id = plan->part->first; id < plan->part->end; id++)
	{
		const GraphNode *node = &graph->nodes[id];
		Step	   *step = &plan->steps[plan->step_count];

		if (planner->absorbed[id])
			continue;
		memset(step, 0, sizeof *step);
		step->kind = node->kind;
		step->x = node->inputs[0];
		step->residual = node->inputs[1];
		step->y = id;
		step->weights = step->norm = step->gelu = -1;
		if (node->kind == OP_CONV2D || node->kind == OP_CONV_TRANSPOSE2D)
			step->weights = id;
		if (node->kind == OP_BATCH_NORM)
			step->norm = id;
		if (node->kind == OP_GELU)
			fuse_norm(planner, step);
		fuse_followers(planner, step);
		step->has_shift = step->weights >= 0 &&
			(step->norm >= 0 || graph->nodes[step->weights].params[1] >= 0);
		planner->step_of[step->y] = plan->step_count++;
	}
	planner->last_time = (plan->options.training ? 2 : 1) * plan->step_count - 1;
}

/* Note for each step which gradients it contributes to, and whether it is the
 * first (in backward order) to do so. */
static Status
plan_gradients(Planner *planner)
{
	Plan	   *plan = planner->plan;
	bool	   *begun = planner->gradient_begun;

	for (int s = 0; s < plan->step_count; s++)
	{
		const Step *step = &plan->steps[s];

		planner->wants_gradient[step->y] = step->weights >= 0 || step->norm >= 0 ||
			(step->kind == OP_INPUT && plan->options.input_gradient) ||
			(step->x >= 0 && planner->wants_gradient[step->x]) ||
			(step->residual >= 0 && planner->wants_gradient[step->residual]);
	}
	/* The caller writes the outputs' gradients before. */
	for (int i = 0; i < plan->part->output_count; i++)
		begun[plan->part->outputs[i]] = true;
	for (int s = plan->step_count - 1; s >= 0; s--)
	{
		Step	   *step = &plan->steps[s];
		bool		wants_residual = step->residual >= 0 && planner->wants_gradient[step->residual];

		step->wants_dx = step->x >= 0 && planner->wants_gradient[step->x];
		if (step->kind == OP_CONCAT &&
			((step->wants_dx && begun[step->x]) || (wants_residual && begun[step->residual])))
			return status_error(LS_UNSUPPORTED, "a tensor is used again after its concatenation");
		/* In the order in which the step writes them, as both may be the
		 * same. */
		if (wants_residual)
		{
			step->accumulate_dresidual = begun[step->residual];
			begun[step->residual] = true;
		}
		if (step->wants_dx)
		{
			step->accumulate_dx = begun[step->x];
			begun[step->x] = true;
		}
	}
	return status_ok();
}

/* Find for each node the concatenation that it is part of. */
static Status
find_concatenations(Planner *planner)
{
	const Graph *graph = planner->graph;

	for (int id = planner->plan->part->first; id < planner->plan->part->end; id++)
		for (int i = 0; graph->nodes[id].kind == OP_CONCAT && i < 2; i++)
		{
			NodeId		part = graph->nodes[id].inputs[i];

			if (planner->concat_of[part] >= 0 || graph->nodes[part].kind == OP_INPUT)
				return status_error(LS_UNSUPPORTED,
									"a tensor is part of two concatenations, or is the network's input");
			planner->concat_of[part] = id;
		}
	return status_ok();
}

/* A batch norm's tensor must be dense. */
static Status
check_norms(const Planner *planner)
{
	for (int s = 0; s < planner->plan->step_count; s++)
		if (planner->plan->steps[s].kind == OP_BATCH_NORM && planner->concat_of[planner->plan->steps[s].x] >= 0)
			return status_error(LS_UNSUPPORTED, "a batch norm reads part of a concatenation");
	return status_ok();
}

Status
plan_steps(Planner *planner)
{
	TRY(find_concatenations(planner));
	lower_nodes(planner);
	TRY(check_norms(planner));
	if (planner->plan->options.training)
		TRY(plan_gradients(planner));
	return status_ok();
}

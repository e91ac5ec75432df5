/*
 * plan_run.c: run a plan: set weights, forward, backward, and the operators
 * that are loops over memory. An operator's forward and backward stand side by
 * side. Only plan_set_weights allocates.
 */
#include "nn/steps.h"

#include <time.h>

/* ---- ReLU and addition ---- */

static Status
relu_forward(Plan *plan, Step *step)
{
	Tensor		x = plan->values[step->x];
	Tensor		y = plan->values[step->y];
	AffineArgs	args = {
		.x = x.data,.x_stride = x.pixel_stride,
		.y = y.data,.y_stride = y.pixel_stride,
		.channels = x.shape.c,
		.relu = true,
	};

	threads_run(plan->threads, shape_pixels(x.shape), plan->loops->affine, &args);
	return status_ok();
}

/* Add dy to the gradient of one operand of y, through the ReLU if the step has
 * one. */
static void
pass_gradient(Plan *plan, const Step *step, NodeId operand, bool accumulate)
{
	Tensor		y = plan->values[step->y];
	Tensor		dy = plan->gradients[step->y];
	Tensor		dx = plan->gradients[operand];

	if (step->relu || step->kind == OP_RELU)
	{
		ReluGradientArgs args = {
			.y = y.data,.y_stride = y.pixel_stride,
			.dy = dy.data,.dy_stride = dy.pixel_stride,
			.dx = dx.data,.dx_stride = dx.pixel_stride,
			.channels = y.shape.c,
			.accumulate = accumulate,
		};

		threads_run(plan->threads, shape_pixels(y.shape), plan->loops->relu_gradient, &args);
	}
	else
	{
		AddArgs		args = {
			.a = dy.data,.a_stride = dy.pixel_stride,
			.b = accumulate ? dx.data : NULL,.b_stride = dx.pixel_stride,
			.y = dx.data,.y_stride = dx.pixel_stride,
			.channels = y.shape.c,
		};

		threads_run(plan->threads, shape_pixels(y.shape), plan->loops->add, &args);
	}
}

static Status
relu_backward(Plan *plan, Step *step)
{
	if (step->wants_dx)
		pass_gradient(plan, step, step->x, step->accumulate_dx);
	return status_ok();
}

static Status
add_forward(Plan *plan, Step *step)
{
	norm_apply(plan, step, NULL, NULL);
	return status_ok();
}

static Status
add_backward(Plan *plan, Step *step)
{
	if (plan->gradients[step->residual].data != NULL)
		pass_gradient(plan, step, step->residual, step->accumulate_dresidual);
	if (step->wants_dx)
		pass_gradient(plan, step, step->x, step->accumulate_dx);
	return status_ok();
}

/* ---- GELU ---- */

static Status
gelu_forward(Plan *plan, Step *step)
{
	gelu_apply(plan, step->x, step->y);
	return status_ok();
}

static Status
gelu_backward(Plan *plan, Step *step)
{
	Tensor		x = plan->values[step->x];
	Tensor		dy = plan->gradients[step->y];
	Tensor		dx = plan->gradients[step->x];
	GeluArgs	args = {
		.x = x.data,.x_stride = x.pixel_stride,
		.dy = dy.data,.dy_stride = dy.pixel_stride,
		.dx = dx.data,.dx_stride = dx.pixel_stride,
		.channels = x.shape.c,
		.accumulate = step->accumulate_dx,
	};

	if (step->wants_dx)
		threads_run(plan->threads, shape_pixels(x.shape), plan->loops->gelu_gradient, &args);
	return status_ok();
}

/* ---- bilinear resizing ---- */

static Status
resize_forward(Plan *plan, Step *step)
{
	Tensor		x = plan->values[step->x];
	Tensor		y = plan->values[step->y];
	ResizeArgs	args = {
		.x_shape = x.shape,.scale = plan->graph->nodes[step->y].stride,
		.x = x.data,.x_stride = x.pixel_stride,
		.y = y.data,.y_stride = y.pixel_stride,
	};

	threads_run(plan->threads, (long) y.shape.n * y.shape.h, plan->loops->resize, &args);
	return status_ok();
}

static Status
resize_backward(Plan *plan, Step *step)
{
	Tensor		x = plan->values[step->x];
	Tensor		dy = plan->gradients[step->y];
	Tensor		dx = plan->gradients[step->x];
	ResizeArgs	args = {
		.x_shape = x.shape,.scale = plan->graph->nodes[step->y].stride,
		.dy = dy.data,.dy_stride = dy.pixel_stride,
		.dx = dx.data,.dx_stride = dx.pixel_stride,
		.accumulate = step->accumulate_dx,
	};

	if (step->wants_dx)
		threads_run(plan->threads, (long) x.shape.n * x.shape.h, plan->loops->resize_gradient, &args);
	return status_ok();
}

/* ---- max pooling ---- */

/* The arguments that forward and backward share. */
static PoolArgs
pool_args(const Plan *plan, const Step *step)
{
	const GraphNode *node = &plan->graph->nodes[step->y];
	PoolArgs	args = {
		.x_shape = plan->values[step->x].shape,
		.y_shape = plan->values[step->y].shape,
		.kernel = node->kernel,
		.stride = node->stride,
		.padding = node->padding,
		.index = step->index,
	};

	return args;
}

static Status
max_pool2d_forward(Plan *plan, Step *step)
{
	PoolArgs	args = pool_args(plan, step);

	args.x = plan->values[step->x].data;
	args.x_stride = plan->values[step->x].pixel_stride;
	args.y = plan->values[step->y].data;
	args.y_stride = plan->values[step->y].pixel_stride;
	threads_run(plan->threads, (long) args.y_shape.n * args.y_shape.h, plan->loops->max_pool, &args);
	return status_ok();
}

static Status
max_pool2d_backward(Plan *plan, Step *step)
{
	PoolArgs	args = pool_args(plan, step);

	if (!step->wants_dx)
		return status_ok();
	args.dy = plan->gradients[step->y].data;
	args.dy_stride = plan->gradients[step->y].pixel_stride;
	args.dx = plan->gradients[step->x].data;
	args.dx_stride = plan->gradients[step->x].pixel_stride;
	if (step->accumulate_dx)
	{
		args.before = step->dx_before.data;
		args.before_stride = step->dx_before.pixel_stride;
	}
	threads_run(plan->threads, (long) args.x_shape.n * args.x_shape.h,
				plan->loops->max_pool_gradient, &args);
	return status_ok();
}

/* ---- the run ---- */

static Status
step_forward(Plan *plan, Step *step, float *weights)
{
	switch (step->kind)
	{
		case OP_INPUT:
		case OP_CONCAT:			/* nothing to do: its parts were written in place */
			return status_ok();
		case OP_CONV2D:
			return conv2d_forward(plan, step);
		case OP_CONV_TRANSPOSE2D:
			return conv_transpose2d_forward(plan, step);
		case OP_BATCH_NORM:
			return batch_norm_forward(plan, step, weights);
		case OP_RELU:
			return relu_forward(plan, step);
		case OP_GELU:
			return gelu_forward(plan, step);
		case OP_MAX_POOL2D:
			return max_pool2d_forward(plan, step);
		case OP_RESIZE:
			return resize_forward(plan, step);
		case OP_ADD:
			return add_forward(plan, step);
	}
	return status_error(LS_INTERNAL, "operator %d has no forward pass", step->kind);
}

static Status
step_backward(Plan *plan, const Call *call, Step *step, float *gradients)
{
	switch (step->kind)
	{
		case OP_INPUT:
		case OP_CONCAT:
			return status_ok();
		case OP_CONV2D:
			return conv2d_backward(plan, call, step, gradients);
		case OP_CONV_TRANSPOSE2D:
			return conv_transpose2d_backward(plan, call, step, gradients);
		case OP_BATCH_NORM:
			return batch_norm_backward(plan, step, gradients);
		case OP_RELU:
			return relu_backward(plan, step);
		case OP_GELU:
			return gelu_backward(plan, step);
		case OP_MAX_POOL2D:
			return max_pool2d_backward(plan, step);
		case OP_RESIZE:
			return resize_backward(plan, step);
		case OP_ADD:
			return add_backward(plan, step);
	}
	return status_error(LS_INTERNAL, "operator %d has no backward pass", step->kind);
}

Status
plan_set_weights(Plan *plan, const Call *call, const float *weights)
{
	for (int s = 0; s < plan->step_count; s++)
		TRY(step_set_weights(plan, call, &plan->steps[s], weights));
	return status_ok();
}

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

Status
plan_forward(Plan *plan, const Call *call, float *weights)
{
	for (int s = 0; s < plan->step_count; s++)
	{
		double		begun = plan->seconds != NULL ? seconds_now() : 0;

		TRY(call_poll(call));
		TRY(step_forward(plan, &plan->steps[s], weights));
		if (plan->seconds != NULL)
			plan->seconds[s] += seconds_now() - begun;
	}
	return status_ok();
}

Status
plan_backward(Plan *plan, const Call *call, float *gradients)
{
	for (int s = plan->step_count - 1; s >= 0; s--)
	{
		double		begun = plan->seconds != NULL ? seconds_now() : 0;

		TRY(call_poll(call));
		TRY(step_backward(plan, call, &plan->steps[s], gradients));
		if (plan->seconds != NULL)
			plan->seconds[plan->step_count + s] += seconds_now() - begun;
	}
	return status_ok();
}

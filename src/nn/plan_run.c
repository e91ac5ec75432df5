/*
 * plan_run.c: running a plan: weights in, forward, backward. Every operator's
 * forward and backward stand side by side; nothing here allocates but
 * plan_set_weights.
 */
#include "nn/plan.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* Parameter i of node's list in a flat array; NULL where the node has none. */
static const float *
param_of(const Plan *plan, NodeId node, int i, const float *weights)
{
	int			param = plan->graph->nodes[node].params[i];

	return param < 0 ? NULL : weights + plan->graph->params[param].offset;
}

/* The same for an array that is written. */
static float *
param_into(const Plan *plan, NodeId node, int i, float *weights)
{
	return (float *) param_of(plan, node, i, weights);
}

/* ---- calls of the backend, with signals blocked (threads.h) ---- */

static Status
backend_set_weights(Step *step, const float *weights, const float *bias)
{
	sigset_t	before;
	Status		status;

	threads_block_signals(&before);
	status = step->backend->set_weights(step->convolution, weights, bias);
	threads_restore_signals(&before);
	return status;
}

static Status
backend_forward(Step *step, const void *x, void *y)
{
	sigset_t	before;
	Status		status;

	threads_block_signals(&before);
	status = step->backend->forward(step->convolution, x, y);
	threads_restore_signals(&before);
	return status;
}

static Status
backend_backward_data(Step *step, const void *dy, void *dx)
{
	sigset_t	before;
	Status		status;

	threads_block_signals(&before);
	status = step->backend->backward_data(step->convolution, dy, dx);
	threads_restore_signals(&before);
	return status;
}

static Status
backend_backward_weights(Step *step, const void *x, const void *dy, float *dw, float *db)
{
	sigset_t	before;
	Status		status;

	threads_block_signals(&before);
	status = step->backend->backward_weights(step->convolution, x, dy, dw, db);
	threads_restore_signals(&before);
	return status;
}

/* ---- weights ---- */

/* scale and shift of a batch norm that uses running statistics. */
static void
norm_affine(const Plan *plan, NodeId norm, const float *weights, float *scale, float *shift)
{
	const float *gamma = param_of(plan, norm, 0, weights);
	const float *beta = param_of(plan, norm, 1, weights);
	const float *mean = param_of(plan, norm, 2, weights);
	const float *variance = param_of(plan, norm, 3, weights);

	for (int c = 0; c < plan->graph->nodes[norm].channels; c++)
	{
		scale[c] = gamma[c] / sqrtf(variance[c] + BATCH_NORM_EPSILON);
		shift[c] = beta[c] - mean[c] * scale[c];
	}
}

/* Hand a convolution its weights with the batch norm behind it multiplied in. */
static Status
set_folded_weights(Plan *plan, Step *step, const float *weights)
{
	const GraphNode *node = &plan->graph->nodes[step->weights];
	const GraphParam *param = &plan->graph->params[node->params[0]];
	const float *from = param_of(plan, step->weights, 0, weights);
	const float *bias = param_of(plan, step->weights, 1, weights);
	int			c_out = node->channels;
	size_t		window = (size_t) param->shape[2] * param->shape[3];
	float	   *folded;
	float	   *scale;
	float	   *shift;
	void	   *memory;
	Status		status;

	TRY(host_alloc_array(plan->host, param->count + 2 * (size_t) c_out, sizeof(float), &memory));
	folded = memory;
	scale = folded + param->count;
	shift = scale + c_out;
	norm_affine(plan, step->norm, weights, scale, shift);
	for (size_t i = 0; i < param->count; i++)
	{
		/* (O, I, KH, KW), but (I, O, KH, KW) in a transposed convolution */
		size_t		c = step->kind == OP_CONV2D ? i / (param->count / c_out) : i / window % c_out;

		folded[i] = from[i] * scale[c];
	}
	for (int c = 0; c < c_out && bias != NULL; c++)
		shift[c] += bias[c] * scale[c];
	status = backend_set_weights(step, folded, shift);
	host_free(plan->host, memory);
	return status;
}

/* Hand one step its part of the weights. */
static Status
set_step_weights(Plan *plan, Step *step, const float *weights)
{
	if (step->weights >= 0 && step->norm >= 0)
		return set_folded_weights(plan, step, weights);
	if (step->norm >= 0 && !plan->options.training)
		norm_affine(plan, step->norm, weights, step->arrays.scale, step->arrays.shift);
	if (step->weights < 0)
		return status_ok();
	return backend_set_weights(step, param_of(plan, step->weights, 0, weights),
							   param_of(plan, step->weights, 1, weights));
}

Status
plan_set_weights(Plan *plan, const float *weights)
{
	for (int s = 0; s < plan->step_count; s++)
		TRY(set_step_weights(plan, &plan->steps[s], weights));
	return status_ok();
}

/* ---- reductions over pixels ---- */

/* Clear the partial sums of `channels` channels. */
static void
clear_sums(Plan *plan, int channels)
{
	memset(plan->sums, 0, (size_t) plan->host->threads * 2 * channels * sizeof(double));
}

/* Add the workers' partial sums into the first worker's, in fixed order. */
static const double *
total_sums(Plan *plan, int channels)
{
	for (int worker = 1; worker < plan->host->threads; worker++)
		for (int i = 0; i < 2 * channels; i++)
			plan->sums[i] += plan->sums[(size_t) worker * 2 * channels + i];
	return plan->sums;
}

/* ---- convolution ---- */

static Status
conv2d_forward(Plan *plan, Step *step)
{
	return backend_forward(step, plan->values[step->x].data, plan->values[step->y].data);
}

static Status
conv_transpose2d_forward(Plan *plan, Step *step)
{
	return backend_backward_data(step, plan->values[step->x].data, plan->values[step->y].data);
}

/* Bring dx from the scratch into the gradient it is added to. */
static void
add_scratch(Plan *plan, const Step *step)
{
	Tensor		dx = plan->gradients[step->x];
	AddArgs		args = {
		.a = dx.data,.a_stride = dx.pixel_stride,
		.b = step->dx_scratch.data,.b_stride = dx.pixel_stride,
		.y = dx.data,.y_stride = dx.pixel_stride,
		.channels = dx.shape.c,
	};

	threads_run(plan->host->threads, shape_pixels(dx.shape), plan->kernels->add, &args);
}

static Status
conv2d_backward(Plan *plan, Step *step, float *gradients)
{
	const void *dy = plan->gradients[step->y].data;

	TRY(backend_backward_weights(step, plan->values[step->x].data, dy,
								 param_into(plan, step->weights, 0, gradients),
								 param_into(plan, step->weights, 1, gradients)));
	if (!step->wants_dx)
		return status_ok();
	TRY(host_poll(plan->host));
	TRY(backend_backward_data(step, dy,
							  step->accumulate_dx ? step->dx_scratch.data : plan->gradients[step->x].data));
	if (step->accumulate_dx)
		add_scratch(plan, step);
	return status_ok();
}

static Status
conv_transpose2d_backward(Plan *plan, Step *step, float *gradients)
{
	Tensor		dy = plan->gradients[step->y];
	float	   *dbias = param_into(plan, step->weights, 1, gradients);

	/* The roles of x and dy change places; see backend.h. */
	TRY(backend_backward_weights(step, dy.data, plan->values[step->x].data,
								 param_into(plan, step->weights, 0, gradients), NULL));
	if (dbias != NULL)
	{
		MomentArgs	args = {
			.x = dy.data,.x_stride = dy.pixel_stride,.channels = dy.shape.c,.sums = plan->sums,
		};
		const double *sums;

		clear_sums(plan, dy.shape.c);
		threads_run(plan->host->threads, shape_pixels(dy.shape), plan->kernels->moments, &args);
		sums = total_sums(plan, dy.shape.c);
		for (int c = 0; c < dy.shape.c; c++)
			dbias[c] = (float) sums[c];
	}
	if (!step->wants_dx)
		return status_ok();
	TRY(host_poll(plan->host));
	TRY(backend_forward(step, dy.data,
						step->accumulate_dx ? step->dx_scratch.data : plan->gradients[step->x].data));
	if (step->accumulate_dx)
		add_scratch(plan, step);
	return status_ok();
}

/* ---- batch norm (Ioffe and Szegedy, arXiv:1502.03167), + addition, + ReLU ---- */

/* y = x * scale + shift (+ residual) (then ReLU). */
static void
norm_apply(Plan *plan, const Step *step, const float *scale, const float *shift)
{
	Tensor		x = plan->values[step->x];
	Tensor		y = plan->values[step->y];
	AffineArgs	args = {
		.x = x.data,.x_stride = x.pixel_stride,
		.y = y.data,.y_stride = y.pixel_stride,
		.channels = x.shape.c,
		.scale = scale,
		.shift = shift,
		.relu = step->relu,
	};

	if (step->residual >= 0)
	{
		args.residual = plan->values[step->residual].data;
		args.residual_stride = plan->values[step->residual].pixel_stride;
	}
	threads_run(plan->host->threads, shape_pixels(x.shape), plan->kernels->affine, &args);
}

/* Is the batch norm of a step frozen? */
static bool
norm_is_frozen(const Plan *plan, const Step *step)
{
	return plan->graph->params[plan->graph->nodes[step->norm].params[0]].frozen;
}

/* Take the running statistics for those of the batch. */
static void
take_running_statistics(Plan *plan, Step *step, const float *weights)
{
	const float *gamma = param_of(plan, step->norm, 0, weights);
	const float *beta = param_of(plan, step->norm, 1, weights);
	const float *running_mean = param_of(plan, step->norm, 2, weights);
	const float *running_variance = param_of(plan, step->norm, 3, weights);
	NormArrays *a = &step->arrays;

	for (int c = 0; c < plan->values[step->x].shape.c; c++)
	{
		a->mean[c] = running_mean[c];
		a->inverse_std[c] = 1 / sqrtf(running_variance[c] + BATCH_NORM_EPSILON);
		a->scale[c] = gamma[c] * a->inverse_std[c];
		a->shift[c] = beta[c] - a->mean[c] * a->scale[c];
	}
}

static Status
batch_norm_forward(Plan *plan, Step *step, float *weights)
{
	Tensor		x = plan->values[step->x];
	int			channels = x.shape.c;
	double		pixels = (double) shape_pixels(x.shape);
	NormArrays *a = &step->arrays;

	if (plan->options.training && norm_is_frozen(plan, step))
		take_running_statistics(plan, step, weights);
	else if (plan->options.training)
	{
		const float *gamma = param_of(plan, step->norm, 0, weights);
		const float *beta = param_of(plan, step->norm, 1, weights);
		float	   *running_mean = param_into(plan, step->norm, 2, weights);
		float	   *running_variance = param_into(plan, step->norm, 3, weights);
		double		unbiased = pixels > 1 ? pixels / (pixels - 1) : 1;
		const double *sums;

		/* Sums about the running mean lose no digits to a large mean. */
		MomentArgs	args = {
			.x = x.data,.x_stride = x.pixel_stride,.channels = channels,
			.origin = running_mean,.sums = plan->sums,
		};

		clear_sums(plan, channels);
		threads_run(plan->host->threads, shape_pixels(x.shape), plan->kernels->moments, &args);
		sums = total_sums(plan, channels);
		for (int c = 0; c < channels; c++)
		{
			double		from_origin = sums[c] / pixels;
			double		mean = running_mean[c] + from_origin;
			double		variance = sums[channels + c] / pixels - from_origin * from_origin;

			if (variance < 0)
				variance = 0;
			a->mean[c] = (float) mean;
			a->inverse_std[c] = (float) (1 / sqrt(variance + BATCH_NORM_EPSILON));
			a->scale[c] = gamma[c] * a->inverse_std[c];
			a->shift[c] = beta[c] - a->mean[c] * a->scale[c];
			running_mean[c] += BATCH_NORM_MOMENTUM * ((float) mean - running_mean[c]);
			running_variance[c] += BATCH_NORM_MOMENTUM * ((float) (variance * unbiased) - running_variance[c]);
		}
	}
	norm_apply(plan, step, a->scale, a->shift);
	return status_ok();
}

static Status
batch_norm_backward(Plan *plan, Step *step, float *gradients)
{
	Tensor		x = plan->values[step->x];
	Tensor		y = plan->values[step->y];
	Tensor		dy = plan->gradients[step->y];
	int			channels = x.shape.c;
	double		pixels = (double) shape_pixels(x.shape);
	bool		frozen = norm_is_frozen(plan, step);
	float	   *dgamma = param_into(plan, step->norm, 0, gradients);
	float	   *dbeta = param_into(plan, step->norm, 1, gradients);
	NormArrays *a = &step->arrays;
	const double *sums;
	NormGradientArgs args = {
		.x = x.data,
		.dy = dy.data,.dy_stride = dy.pixel_stride,
		.channels = channels,
		.relu = step->relu,
		.scale = a->scale,.shift = a->shift,
		.mean = a->mean,.inverse_std = a->inverse_std,
		.sums = plan->sums,
		.slope_dz = a->slope_dz,.slope_x = a->slope_x,.offset = a->offset,
	};

	if (step->residual >= 0)
	{
		args.y = y.data;
		args.y_stride = y.pixel_stride;
		args.dresidual = plan->gradients[step->residual].data;
		args.dresidual_stride = plan->gradients[step->residual].pixel_stride;
		args.accumulate_residual = step->accumulate_dresidual;
	}
	clear_sums(plan, channels);
	threads_run(plan->host->threads, shape_pixels(x.shape), plan->kernels->norm_gradient_sums, &args);
	sums = total_sums(plan, channels);

	/*
	 * dx = gamma / std * (dz - mean(dz) - xhat * mean(dz * xhat)), written as
	 * dz * slope_dz + x * slope_x + offset. The two means come of the batch's
	 * statistics; frozen ones do not depend on x.
	 */
	for (int c = 0; c < channels; c++)
	{
		double		mean_dz = frozen ? 0 : sums[c] / pixels;
		double		mean_dz_xhat = frozen ? 0 : sums[channels + c] / pixels;

		dbeta[c] = (float) sums[c];
		dgamma[c] = (float) sums[channels + c];
		a->slope_dz[c] = a->scale[c];
		a->slope_x[c] = (float) (-a->scale[c] * a->inverse_std[c] * mean_dz_xhat);
		a->offset[c] = (float) (-a->scale[c] * mean_dz - a->slope_x[c] * (double) a->mean[c]);
	}
	if (step->wants_dx)
	{
		args.dx = plan->gradients[step->x].data;
		args.accumulate = step->accumulate_dx;
		threads_run(plan->host->threads, shape_pixels(x.shape), plan->kernels->norm_gradient, &args);
	}
	return status_ok();
}

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

	threads_run(plan->host->threads, shape_pixels(x.shape), plan->kernels->affine, &args);
	return status_ok();
}

/* Hand dy to one operand of y, through the ReLU when the step has one. */
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

		threads_run(plan->host->threads, shape_pixels(y.shape), plan->kernels->relu_gradient, &args);
	}
	else
	{
		AddArgs		args = {
			.a = dy.data,.a_stride = dy.pixel_stride,
			.b = accumulate ? dx.data : NULL,.b_stride = dx.pixel_stride,
			.y = dx.data,.y_stride = dx.pixel_stride,
			.channels = y.shape.c,
		};

		threads_run(plan->host->threads, shape_pixels(y.shape), plan->kernels->add, &args);
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
	Tensor		x = plan->values[step->x];
	Tensor		y = plan->values[step->y];
	GeluArgs	args = {
		.x = x.data,.x_stride = x.pixel_stride,
		.y = y.data,.y_stride = y.pixel_stride,
		.channels = x.shape.c,
	};

	threads_run(plan->host->threads, shape_pixels(x.shape), plan->kernels->gelu, &args);
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
		threads_run(plan->host->threads, shape_pixels(x.shape), plan->kernels->gelu_gradient, &args);
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

	threads_run(plan->host->threads, (long) y.shape.n * y.shape.h, plan->kernels->resize, &args);
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
		threads_run(plan->host->threads, (long) x.shape.n * x.shape.h, plan->kernels->resize_gradient, &args);
	return status_ok();
}

/* ---- max pooling ---- */

/* What forward and backward share. */
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
	threads_run(plan->host->threads, (long) args.y_shape.n * args.y_shape.h, plan->kernels->max_pool, &args);
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
	threads_run(plan->host->threads, (long) args.x_shape.n * args.x_shape.h,
				plan->kernels->max_pool_gradient, &args);
	return status_ok();
}

/* ---- the run ---- */

static Status
step_forward(Plan *plan, Step *step, float *weights)
{
	switch (step->kind)
	{
		case OP_INPUT:
		case OP_CONCAT:			/* its parts were written in place */
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
step_backward(Plan *plan, Step *step, float *gradients)
{
	switch (step->kind)
	{
		case OP_INPUT:
		case OP_CONCAT:
			return status_ok();
		case OP_CONV2D:
			return conv2d_backward(plan, step, gradients);
		case OP_CONV_TRANSPOSE2D:
			return conv_transpose2d_backward(plan, step, gradients);
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

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

Status
plan_forward(Plan *plan, float *weights)
{
	for (int s = 0; s < plan->step_count; s++)
	{
		double		begun = plan->seconds != NULL ? seconds_now() : 0;

		TRY(host_poll(plan->host));
		TRY(step_forward(plan, &plan->steps[s], weights));
		if (plan->seconds != NULL)
			plan->seconds[s] += seconds_now() - begun;
	}
	return status_ok();
}

Status
plan_backward(Plan *plan, float *gradients)
{
	for (int s = plan->step_count - 1; s >= 0; s--)
	{
		double		begun = plan->seconds != NULL ? seconds_now() : 0;

		TRY(host_poll(plan->host));
		TRY(step_backward(plan, &plan->steps[s], gradients));
		if (plan->seconds != NULL)
			plan->seconds[plan->step_count + s] += seconds_now() - begun;
	}
	return status_ok();
}

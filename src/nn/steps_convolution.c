/*
 * steps_convolution.c: the convolutions of a running plan: their weights, for
 * inference with the following batch norm folded in, and both passes.
 */
#include "nn/steps.h"

/* ---- calls, as conv/convolution.h asks ---- */

/* What a plan lends to a convolution for one run. */
static ConvolutionCall
call_of(const Plan *plan)
{
	return (ConvolutionCall) {.threads = plan->threads,.scratch = plan->scratch};
}

static Status
run_set_weights(const Plan *plan, Step *step, const float *weights, const float *bias)
{
	ConvolutionCall call = call_of(plan);
	ThreadsState before;
	Status		status;

	threads_enter(&before);
	status = convolution_set_weights(step->convolution, &call, weights, bias);
	threads_leave(&before);
	return status;
}

static Status
run_forward(const Plan *plan, const Step *step, const void *x, const void *residual, void *y)
{
	ConvolutionCall call = call_of(plan);
	ThreadsState before;
	Status		status;

	threads_enter(&before);
	status = convolution_forward(step->convolution, &call, x, residual, y);
	threads_leave(&before);
	return status;
}

static Status
run_backward_data(const Plan *plan, const Step *step, const void *dy, void *dx)
{
	ConvolutionCall call = call_of(plan);
	ThreadsState before;
	Status		status;

	threads_enter(&before);
	status = convolution_backward_data(step->convolution, &call, dy, dx);
	threads_leave(&before);
	return status;
}

static Status
run_backward_weights(const Plan *plan, const Step *step, const void *x, const void *dy, float *dw, float *db)
{
	ConvolutionCall call = call_of(plan);
	ThreadsState before;
	Status		status;

	threads_enter(&before);
	status = convolution_backward_weights(step->convolution, &call, x, dy, dw, db);
	threads_leave(&before);
	return status;
}

/* ---- weights ---- */

/* Set a convolution's weights, multiplied by the following batch norm. */
static Status
set_folded_weights(Plan *plan, const Call *call, Step *step, const float *weights)
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

	TRY(call_alloc_array(call, param->count + 2 * (size_t) c_out, sizeof(float), &memory));
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
	status = run_set_weights(plan, step, folded, shift);
	call_free(call, memory);
	return status;
}

/* Set the weights of one step. */
Status
step_set_weights(Plan *plan, const Call *call, Step *step, const float *weights)
{
	if (step->weights >= 0 && step->norm >= 0)
		return set_folded_weights(plan, call, step, weights);
	if (step->norm >= 0 && !plan->options.training)
		norm_affine(plan, step->norm, weights, step->arrays.scale, step->arrays.shift);
	if (step->weights < 0)
		return status_ok();
	return run_set_weights(plan, step, param_of(plan, step->weights, 0, weights),
							   param_of(plan, step->weights, 1, weights));
}

/* ---- convolution ---- */

Status
conv2d_forward(Plan *plan, Step *step)
{
	const void *residual = step->residual < 0 ? NULL : plan->values[step->residual].data;

	return run_forward(plan, step, plan->values[step->x].data, residual, plan->values[step->y].data);
}

Status
conv_transpose2d_forward(Plan *plan, Step *step)
{
	return run_backward_data(plan, step, plan->values[step->x].data, plan->values[step->y].data);
}

/* Add dx from the scratch to the gradient. */
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

	threads_run(plan->threads, shape_pixels(dx.shape), plan->loops->add, &args);
}

Status
conv2d_backward(Plan *plan, const Call *call, Step *step, float *gradients)
{
	const void *dy = plan->gradients[step->y].data;

	TRY(run_backward_weights(plan, step, plan->values[step->x].data, dy,
								 param_into(plan, step->weights, 0, gradients),
								 param_into(plan, step->weights, 1, gradients)));
	if (!step->wants_dx)
		return status_ok();
	TRY(call_poll(call));
	TRY(run_backward_data(plan, step, dy,
							  step->accumulate_dx ? step->dx_scratch.data : plan->gradients[step->x].data));
	if (step->accumulate_dx)
		add_scratch(plan, step);
	return status_ok();
}

Status
conv_transpose2d_backward(Plan *plan, const Call *call, Step *step, float *gradients)
{
	Tensor		dy = plan->gradients[step->y];
	float	   *dbias = param_into(plan, step->weights, 1, gradients);

	/* x and dy exchange their roles; see conv/convolution.h. */
	TRY(run_backward_weights(plan, step, dy.data, plan->values[step->x].data,
								 param_into(plan, step->weights, 0, gradients), NULL));
	if (dbias != NULL)
	{
		MomentArgs	args = {
			.x = dy.data,.x_stride = dy.pixel_stride,.channels = dy.shape.c,.sums = plan->sums,
		};
		const double *sums;

		clear_sums(plan, dy.shape.c);
		threads_run(plan->threads, shape_pixels(dy.shape), plan->loops->moments, &args);
		sums = total_sums(plan, dy.shape.c);
		for (int c = 0; c < dy.shape.c; c++)
			dbias[c] = (float) sums[c];
	}
	if (!step->wants_dx)
		return status_ok();
	TRY(call_poll(call));
	TRY(run_forward(plan, step, dy.data, NULL,
					step->accumulate_dx ? step->dx_scratch.data : plan->gradients[step->x].data));
	if (step->accumulate_dx)
		add_scratch(plan, step);
	return status_ok();
}

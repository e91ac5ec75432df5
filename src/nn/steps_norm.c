/*
 * steps_norm.c: the batch norms of a running plan (Ioffe and Szegedy,
 * arXiv:1502.03167), with the GELU before them and the addition and the ReLU
 * behind. In training a GELU's result is kept for the gradients; without, it
 * has no place in memory.
 */
#include "nn/steps.h"

#include <math.h>

/* scale and shift of a batch norm that uses running statistics. */
void
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

void
gelu_apply(const Plan *plan, NodeId x_node, NodeId y_node)
{
	Tensor		x = plan->values[x_node];
	Tensor		y = plan->values[y_node];
	GeluArgs	args = {
		.x = x.data,.x_stride = x.pixel_stride,
		.y = y.data,.y_stride = y.pixel_stride,
		.channels = x.shape.c,
	};

	threads_run(plan->threads, shape_pixels(x.shape), plan->loops->gelu, &args);
}

/* What a batch norm in training norms: its input, or the GELU of it. */
static Tensor
normed(const Plan *plan, const Step *step)
{
	return plan->values[step->gelu >= 0 ? step->gelu : step->x];
}

void
norm_apply(Plan *plan, const Step *step, const float *scale, const float *shift)
{
	Tensor		x = plan->options.training ? normed(plan, step) : plan->values[step->x];
	Tensor		y = plan->values[step->y];
	AffineArgs	args = {
		.x = x.data,.x_stride = x.pixel_stride,
		.y = y.data,.y_stride = y.pixel_stride,
		.channels = x.shape.c,
		.scale = scale,
		.shift = shift,
		.gelu = step->gelu >= 0 && !plan->options.training,
		.relu = step->relu,
	};

	if (step->residual >= 0)
	{
		args.residual = plan->values[step->residual].data;
		args.residual_stride = plan->values[step->residual].pixel_stride;
	}
	threads_run(plan->threads, shape_pixels(x.shape), plan->loops->affine, &args);
}

/* Is the batch norm of a step frozen? */
static bool
norm_is_frozen(const Plan *plan, const Step *step)
{
	return plan->graph->params[plan->graph->nodes[step->norm].params[0]].frozen;
}

/* Use the running statistics in place of the batch's. */
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

Status
batch_norm_forward(Plan *plan, Step *step, float *weights)
{
	Tensor		x = plan->values[step->x];
	int			channels = x.shape.c;
	double		pixels = (double) shape_pixels(x.shape);
	NormArrays *a = &step->arrays;

	if (plan->options.training && norm_is_frozen(plan, step))
	{
		if (step->gelu >= 0)
			gelu_apply(plan, step->x, step->gelu);
		take_running_statistics(plan, step, weights);
	}
	else if (plan->options.training)
	{
		const float *gamma = param_of(plan, step->norm, 0, weights);
		const float *beta = param_of(plan, step->norm, 1, weights);
		float	   *running_mean = param_into(plan, step->norm, 2, weights);
		float	   *running_variance = param_into(plan, step->norm, 3, weights);
		double		unbiased = pixels > 1 ? pixels / (pixels - 1) : 1;
		const double *sums;

		/* Sums of differences from the running mean keep their digits if the
		 * mean is large. */
		MomentArgs	args = {
			.x = x.data,.x_stride = x.pixel_stride,.channels = channels,
			.origin = running_mean,.sums = plan->sums,
		};

		if (step->gelu >= 0)
		{
			args.gelu = plan->values[step->gelu].data;
			args.gelu_stride = plan->values[step->gelu].pixel_stride;
		}
		clear_sums(plan, channels);
		threads_run(plan->threads, shape_pixels(x.shape), plan->loops->moments, &args);
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

Status
batch_norm_backward(Plan *plan, Step *step, float *gradients)
{
	Tensor		x = normed(plan, step);
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
	threads_run(plan->threads, shape_pixels(x.shape), plan->loops->norm_gradient_sums, &args);
	sums = total_sums(plan, channels);

	/*
	 * dx = gamma / std * (dz - mean(dz) - xhat * mean(dz * xhat)), written as
	 * dz * slope_dz + x * slope_x + offset. The two means are there because
	 * the batch's statistics depend on x; frozen statistics do not.
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
		if (step->gelu >= 0)
		{
			args.u = plan->values[step->x].data;
			args.u_stride = plan->values[step->x].pixel_stride;
		}
		args.dx = plan->gradients[step->x].data;
		args.accumulate = step->accumulate_dx;
		threads_run(plan->threads, shape_pixels(x.shape), plan->loops->norm_gradient, &args);
	}
	return status_ok();
}

/*
 * steps.h: what the steps of a running plan share, and the operators with
 * their own files. Private to plan_run.c and steps_*.c.
 */
#ifndef LESIONSEG_NN_STEPS_H
#define LESIONSEG_NN_STEPS_H

#include "nn/plan.h"

#include <string.h>

/* Parameter i of node's list in a flat array; NULL where the node has none. */
static inline const float *
param_of(const Plan *plan, NodeId node, int i, const float *weights)
{
	int			param = plan->graph->nodes[node].params[i];

	return param < 0 ? NULL : weights + plan->graph->params[param].offset;
}

/* The same for an array that is written. */
static inline float *
param_into(const Plan *plan, NodeId node, int i, float *weights)
{
	return (float *) param_of(plan, node, i, weights);
}

/* Clear the partial sums of `channels` channels. */
static inline void
clear_sums(Plan *plan, int channels)
{
	memset(plan->sums, 0, (size_t) plan->threads * 2 * channels * sizeof(double));
}

/* Add the workers' partial sums into the first worker's, in fixed order. */
static inline const double *
total_sums(Plan *plan, int channels)
{
	for (int worker = 1; worker < plan->threads; worker++)
		for (int i = 0; i < 2 * channels; i++)
			plan->sums[i] += plan->sums[(size_t) worker * 2 * channels + i];
	return plan->sums;
}

/* steps_convolution.c */

/* Set the weights of one step; the only function here that allocates. */
Status		step_set_weights(Plan *plan, const Call *call, Step *step, const float *weights);
Status		conv2d_forward(Plan *plan, Step *step);
Status		conv2d_backward(Plan *plan, const Call *call, Step *step, float *gradients);
Status		conv_transpose2d_forward(Plan *plan, Step *step);
Status		conv_transpose2d_backward(Plan *plan, const Call *call, Step *step, float *gradients);

/* steps_norm.c */

/* scale and shift, (C), of a batch norm that uses running statistics. */
void		norm_affine(const Plan *plan, NodeId norm, const float *weights, float *scale, float *shift);

/* y = x * scale + shift + residual, then ReLU; residual and ReLU only if the
 * step has them. */
void		norm_apply(Plan *plan, const Step *step, const float *scale, const float *shift);

/* y = GELU(x), of nodes. */
void		gelu_apply(const Plan *plan, NodeId x, NodeId y);

/* Batch norm with what was fused into it: the GELU before, the addition and the
 * ReLU behind. In training the running statistics among the weights are updated. */
Status		batch_norm_forward(Plan *plan, Step *step, float *weights);
Status		batch_norm_backward(Plan *plan, Step *step, float *gradients);

#endif							/* LESIONSEG_NN_STEPS_H */

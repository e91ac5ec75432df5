/*
 * plan.h: a graph made ready to run at one size.
 *
 * Planning decides everything once: which nodes fuse into one step, where
 * every tensor is in memory (tensors that are never in use at the same time
 * share an address), and which kernel runs each pass of each convolution.
 * Running then allocates nothing.
 *
 * Fusions. Inference: batch norm folds into the convolution before it; ReLU
 * and an addition, in either order, become part of that step. Training: batch
 * norm, an addition after it and ReLU are one step. A concatenation needs no
 * step: its inputs are written directly into their channels of the wider
 * tensor.
 */
#ifndef LESIONSEG_NN_PLAN_H
#define LESIONSEG_NN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/arena.h"
#include "nn/conv/convolution.h"
#include "nn/graph.h"
#include "nn/loops/loops.h"
#include "nn/tensor.h"

#define BATCH_NORM_EPSILON 1e-5f
#define BATCH_NORM_MOMENTUM 0.1f	/* weight of the new batch in the running statistics */

typedef struct PlanOptions
{
	const Backend *backend;
	DataType	type;			/* storage of activations and their gradients */
	int			batch;
	int			height;
	int			width;
	bool		training;		/* batch statistics, and a backward pass */
	int			part;			/* of the graph; 0 = the first */
	bool		input_gradient; /* backward also computes the input's gradient */
} PlanOptions;

/* The per-channel arrays of a batch norm step in training, each (C). */
typedef struct NormArrays
{
	float	   *mean;
	float	   *inverse_std;
	float	   *scale;
	float	   *shift;
	float	   *slope_dz;
	float	   *slope_x;
	float	   *offset;
} NormArrays;

/* One operator of the plan, perhaps fused from several nodes. */
typedef struct Step
{
	OpKind		kind;
	NodeId		x;				/* input */
	NodeId		residual;		/* second operand of an addition; -1 */
	NodeId		y;				/* node whose value this step makes */
	NodeId		weights;		/* node with the convolution's parameters; -1 */
	NodeId		norm;			/* node with the batch norm's parameters; -1 */
	NodeId		gelu;			/* GELU before a batch norm, which in training has a value: what is normed; -1 */
	bool		relu;			/* last */
	bool		relu_before;	/* convolution: ReLU before the residual is added */
	bool		has_shift;		/* convolution: a bias, its own or from a folded batch norm */
	Convolution *convolution;
	uint8_t    *index;			/* max pool: where the maxima were */
	NormArrays	arrays;

	/* Backward: is the gradient wanted, and has a later step already written a
	 * part of it? */
	bool		wants_dx;
	bool		accumulate_dx;
	bool		accumulate_dresidual;
	Tensor		dx_before;		/* accumulate_dx adds to this: dx itself, unless this step moves it */
	Tensor		dx_scratch;		/* where a convolution leaves dx before it is added */
} Step;

typedef struct Plan
{
	const Host *host;
	int			threads;		/* number of threads that it was planned for and runs on */
	const Graph *graph;
	const GraphPart *part;		/* the part of graph that is planned */
	PlanOptions options;
	const Loops *loops;
	Step	   *steps;
	int			step_count;
	Tensor	   *values;			/* by node; data NULL where a node has no value of its own */
	Tensor	   *gradients;		/* by node, training only */
	double	   *sums;			/* (threads, 2, most channels): partial sums of reductions */
	int			sum_channels;
	Arena		arena;
	void	   *scratch;		/* lent to its convolutions: no two run at the same time */
	size_t		scratch_bytes;
	double	   *seconds;		/* (2, step_count): time spent forward and backward, NULL = not measured */
} Plan;

/* Plan a part of graph for the threads of call. Its memory comes from host;
 * host and graph must outlive it. */
Status		plan_create(const Host *host, const Call *call, const Graph *graph, const PlanOptions *options,
						Plan **plan);
void		plan_free(Plan *plan);

/* Set weights: fold (inference) and pack them. */
Status		plan_set_weights(Plan *plan, const Call *call, const float *weights);

/*
 * Run forward from the input tensor to the output tensor. In training the
 * running statistics in `weights` are updated; in inference weights may be
 * NULL.
 */
Status		plan_forward(Plan *plan, const Call *call, float *weights);

/* Run backward from the gradients of the outputs (all already written, after
 * plan_forward) to the gradients of the part's parameters, which are
 * overwritten: `gradients` has graph->weight_count floats, those of running
 * statistics stay as they are. */
Status		plan_backward(Plan *plan, const Call *call, float *gradients);

Tensor		plan_input(const Plan *plan);
Tensor		plan_output(const Plan *plan);	/* the first output; of a segmenter: logits (N, H, W, 1) */
Tensor		plan_output_gradient(const Plan *plan);

/* The same for output i of several, and the input's gradient if it was asked
 * for. Outputs are dense unless they are part of a concatenation. */
Tensor		plan_output_at(const Plan *plan, int i);
Tensor		plan_output_gradient_at(const Plan *plan, int i);
Tensor		plan_input_gradient(const Plan *plan);

/* Bytes held by tensors and convolutions. */
size_t		plan_memory(const Plan *plan);

#endif

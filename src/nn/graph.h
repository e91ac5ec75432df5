/*
 * graph.h: a network as a list of operators, without sizes or memory.
 *
 * A builder in src/arch/ appends nodes in the order they run; each returns the
 * id of its output. Sizes are set when the graph is planned (plan.h).
 * Parameters have the names that PyTorch would give them, so weight files can
 * be exchanged both ways.
 *
 * A graph may have several parts, each from an input to one or more outputs.
 * Parts share only the weight array: each is planned and run separately, and
 * the architecture does the work between them.
 *
 * Builder calls after a failure do nothing: check graph_status() once at the
 * end.
 */
#ifndef LESIONSEG_NN_GRAPH_H
#define LESIONSEG_NN_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

#define PARAM_NAME_SIZE 96
#define GRAPH_MAX_PARTS 4
#define GRAPH_MAX_OUTPUTS 4

typedef enum GraphParamKind
{
	PARAM_WEIGHT,				/* convolution weights; decayed */
	PARAM_BIAS,
	PARAM_SCALE,				/* batch norm gamma, named .weight */
	PARAM_SHIFT,				/* batch norm beta, named .bias */
	PARAM_RUNNING_MEAN,			/* not trained by gradient */
	PARAM_RUNNING_VARIANCE		/* not trained by gradient */
} GraphParamKind;

typedef struct GraphParam
{
	char		name[PARAM_NAME_SIZE];	/* "down.0.0.weight" */
	GraphParamKind	kind;
	int			rank;			/* 1 or 4 */
	int64_t		shape[4];		/* (O, I, KH, KW) or (C) */
	size_t		count;			/* product of shape */
	size_t		offset;			/* of its first float in the weight array */
	int			fan_in;			/* for initialisation */
	float		gain;			/* the same: factor on the usual deviation */
	bool		frozen;			/* training does not change it */
} GraphParam;

typedef enum OpKind
{
	OP_INPUT,
	OP_CONV2D,
	OP_CONV_TRANSPOSE2D,
	OP_BATCH_NORM,
	OP_RELU,
	OP_GELU,
	OP_MAX_POOL2D,
	OP_RESIZE,
	OP_ADD,
	OP_CONCAT
} OpKind;

typedef int NodeId;				/* index into Graph.nodes; -1 after a failure */

typedef struct GraphNode
{
	OpKind		kind;
	NodeId		inputs[2];		/* -1 where unused */
	int			channels;		/* of the output */
	int			kernel;
	int			stride;			/* for a resize: the factor */
	int			padding;
	int			output_padding;	/* for a transposed convolution */
	int			groups;
	int			params[4];		/* indices into Graph.params: weight, bias / scale, shift, mean, variance; -1 */
} GraphNode;

/* The nodes [first, end). */
typedef struct GraphPart
{
	NodeId		first;			/* its input */
	NodeId		end;
	NodeId		outputs[GRAPH_MAX_OUTPUTS];
	int			output_count;
} GraphPart;

typedef struct Graph
{
	const Host *host;
	GraphNode  *nodes;
	int			node_count;
	GraphParam *params;
	int			param_count;
	size_t		weight_count;	/* floats in the weight array, running statistics included */
	GraphPart	parts[GRAPH_MAX_PARTS];
	int			part_count;
	NodeId		output;			/* the first part's first; -1 = none yet */
	Status		status;			/* the first failure */
} Graph;

Status		graph_create(const Host *host, Graph **graph);
void		graph_free(Graph *graph);

/* Begin a part. It has all nodes up to the next input. */
NodeId		graph_input(Graph *graph, int channels);

/* Append an operator. `name` is the parameters' prefix. */
NodeId		graph_conv2d(Graph *graph, const char *name, NodeId x, int channels, int kernel, int stride,
						 int padding, int groups, bool bias);
NodeId		graph_conv_transpose2d(Graph *graph, const char *name, NodeId x, int channels, int kernel,
								   int stride, int padding, int output_padding, bool bias);
NodeId		graph_batch_norm(Graph *graph, const char *name, NodeId x);
NodeId		graph_relu(Graph *graph, NodeId x);
NodeId		graph_max_pool2d(Graph *graph, NodeId x, int kernel, int stride, int padding);
NodeId		graph_gelu(Graph *graph, NodeId x);
NodeId		graph_resize(Graph *graph, NodeId x, int scale);	/* bilinear, by a whole factor */
NodeId		graph_add(Graph *graph, NodeId a, NodeId b);
NodeId		graph_concat(Graph *graph, NodeId a, NodeId b);

/* Make x an output of its part. */
void		graph_output(Graph *graph, NodeId x);

/* Initialise the weights of convolution x with gain times the usual
 * deviation. */
void		graph_initial_gain(Graph *graph, NodeId x, double gain);

/* The first failure while building; or a failure if a part has no output, or
 * if a node leads to none. */
Status		graph_status(const Graph *graph);

/* Fill weights[graph->weight_count]: convolutions He-normal by fan-in
 * (times their gain), biases 0, batch norm 1 / 0, running statistics 0 / 1. Same seed, same
 * weights. A cancel leaves the rest as they were. */
Status		graph_initialise(const Graph *graph, const Call *call, int64_t seed, float *weights);

/* The index of the parameter of that name, or -1. */
int			graph_find_param(const Graph *graph, const char *name);

/*
 * Freeze the parameters whose names begin with prefix. A frozen batch norm
 * uses its running statistics also in training, and does not change them. Call
 * before plans and optimisers are made.
 */
void		graph_freeze(Graph *graph, const char *prefix);

#endif

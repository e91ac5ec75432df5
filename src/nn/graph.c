/*
 * graph.c: building a graph. Arrays double as they grow; a failure is kept in
 * graph->status and every later call returns -1 at once.
 */
#include "nn/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/checked.h"
#include "core/rng.h"
#include "nn/loops/loops.h"

#define MAX_CHANNELS 65536
#define POLL_WEIGHTS 65536		/* weights made between two polls */

/* Make room for one more item of a doubling array. */
static Status
grow_array(const Host *host, void **items, int count, size_t item_size)
{
	void	   *larger;

	if (count > 0 && (count < 16 || (count & (count - 1)) != 0))
		return status_ok();
	TRY(host_alloc_array(host, count == 0 ? 16 : 2 * (size_t) count, item_size, &larger));
	if (count > 0)
		memcpy(larger, *items, count * item_size);
	host_free(host, *items);
	*items = larger;
	return status_ok();
}

Status
graph_create(const Host *host, Graph **graph)
{
	void	   *memory;

	TRY(host_alloc_array(host, 1, sizeof(Graph), &memory));
	*graph = memory;
	(*graph)->host = host;
	(*graph)->output = -1;
	(*graph)->status = status_ok();
	return status_ok();
}

void
graph_free(Graph *graph)
{
	if (graph == NULL)
		return;
	host_free(graph->host, graph->nodes);
	host_free(graph->host, graph->params);
	host_free(graph->host, graph);
}

/* Record the first failure. */
static NodeId
record_failure(Graph *graph, Status status)
{
	if (graph->status.code == LS_OK)
		graph->status = status;
	return -1;
}

/* True if nothing has failed yet and id is a node of the part being built. */
static bool
is_usable_node(Graph *graph, NodeId id)
{
	if (graph->status.code != LS_OK)
		return false;
	if (id < 0 || id >= graph->node_count || graph->part_count == 0 ||
		id < graph->parts[graph->part_count - 1].first)
	{
		record_failure(graph, status_error(LS_INTERNAL, "graph node %d does not exist in this part", id));
		return false;
	}
	return true;
}

/* Append a node with all optional fields at their neutral values. */
static GraphNode *
append_node(Graph *graph, OpKind kind, NodeId a, NodeId b, int channels)
{
	void	   *items = graph->nodes;
	GraphNode  *node;
	Status		status;

	if (channels < 1 || channels > MAX_CHANNELS)
	{
		record_failure(graph, status_error(LS_INVALID_ARGUMENT, "a layer of %d channels is not possible", channels));
		return NULL;
	}
	status = grow_array(graph->host, &items, graph->node_count, sizeof(GraphNode));
	graph->nodes = items;
	if (status.code != LS_OK)
	{
		record_failure(graph, status);
		return NULL;
	}
	node = &graph->nodes[graph->node_count++];
	if (kind == OP_INPUT)
		graph->parts[graph->part_count++].first = graph->node_count - 1;
	if (graph->part_count > 0)
		graph->parts[graph->part_count - 1].end = graph->node_count;
	memset(node, 0, sizeof *node);
	node->kind = kind;
	node->inputs[0] = a;
	node->inputs[1] = b;
	node->channels = channels;
	node->kernel = node->stride = node->groups = 1;
	for (int i = 0; i < 4; i++)
		node->params[i] = -1;
	return node;
}

/* Append a parameter "prefix.suffix"; returns its index or -1. */
static int
add_param(Graph *graph, const char *prefix, const char *suffix, GraphParamKind kind,
		  int rank, const int64_t *shape, int fan_in)
{
	void	   *items = graph->params;
	GraphParam *param;
	Status		status = grow_array(graph->host, &items, graph->param_count, sizeof(GraphParam));

	graph->params = items;
	if (status.code != LS_OK)
		return record_failure(graph, status);
	param = &graph->params[graph->param_count];
	memset(param, 0, sizeof *param);
	if (snprintf(param->name, sizeof param->name, "%s.%s", prefix, suffix) >= (int) sizeof param->name)
		return record_failure(graph, status_error(LS_INTERNAL, "parameter name %s.%s is too long", prefix, suffix));
	param->kind = kind;
	param->rank = rank;
	param->count = 1;
	param->fan_in = fan_in;
	param->gain = 1;
	for (int i = 0; i < rank; i++)
	{
		param->shape[i] = shape[i];
		if (!checked_mul(param->count, (size_t) shape[i], &param->count))
			return record_failure(graph, status_error(LS_LIMIT_EXCEEDED, "tensor %s is too large", param->name));
	}
	param->offset = graph->weight_count;
	if (!checked_add(graph->weight_count, param->count, &graph->weight_count))
		return record_failure(graph, status_error(LS_LIMIT_EXCEEDED, "the network is too large"));
	return graph->param_count++;
}

NodeId
graph_input(Graph *graph, int channels)
{
	if (graph->status.code == LS_OK && graph->part_count == GRAPH_MAX_PARTS)
		return record_failure(graph, status_error(LS_INTERNAL, "a graph has at most %d parts", GRAPH_MAX_PARTS));
	if (graph->status.code != LS_OK || append_node(graph, OP_INPUT, -1, -1, channels) == NULL)
		return -1;
	return graph->node_count - 1;
}

/* Append a convolution or a transposed one; their weight layouts differ in the
 * order of in and out. */
static NodeId
add_convolution(Graph *graph, OpKind kind, const char *name, NodeId x, int channels, int kernel, int stride,
				int padding, int output_padding, int groups, bool bias)
{
	GraphNode  *node;
	int			in;
	int			weight;
	int			bias_param = -1;

	if (!is_usable_node(graph, x))
		return -1;
	in = graph->nodes[x].channels;
	if (kernel < 1 || kernel > 31 || stride < 1 || stride > 16 || padding < 0 || padding >= kernel ||
		output_padding < 0 || output_padding >= stride ||
		groups < 1 || (groups != 1 && (groups != in || groups != channels)))
		return record_failure(graph, status_error(LS_INTERNAL, "convolution %s is misconfigured", name));
	node = append_node(graph, kind, x, -1, channels);
	if (node == NULL)
		return -1;
	node->kernel = kernel;
	node->stride = stride;
	node->padding = padding;
	node->output_padding = output_padding;
	node->groups = groups;

	if (kind == OP_CONV2D)
		weight = add_param(graph, name, "weight", PARAM_WEIGHT, 4,
						   (int64_t[]) {channels, in / groups, kernel, kernel}, in / groups * kernel * kernel);
	else
		weight = add_param(graph, name, "weight", PARAM_WEIGHT, 4,
						   (int64_t[]) {in, channels, kernel, kernel},
						   in * kernel * kernel / (stride * stride) > 0 ?
						   in * kernel * kernel / (stride * stride) : 1);
	if (bias)
		bias_param = add_param(graph, name, "bias", PARAM_BIAS, 1, (int64_t[]) {channels}, 1);
	node->params[0] = weight;
	node->params[1] = bias_param;
	return graph->status.code == LS_OK ? graph->node_count - 1 : -1;
}

NodeId
graph_conv2d(Graph *graph, const char *name, NodeId x, int channels, int kernel, int stride,
			 int padding, int groups, bool bias)
{
	return add_convolution(graph, OP_CONV2D, name, x, channels, kernel, stride, padding, 0, groups, bias);
}

NodeId
graph_conv_transpose2d(Graph *graph, const char *name, NodeId x, int channels, int kernel,
					   int stride, int padding, int output_padding, bool bias)
{
	return add_convolution(graph, OP_CONV_TRANSPOSE2D, name, x, channels, kernel, stride, padding,
						   output_padding, 1, bias);
}

NodeId
graph_batch_norm(Graph *graph, const char *name, NodeId x)
{
	static const struct
	{
		const char *suffix;
		GraphParamKind kind;
	}			parts[4] = {
		{"weight", PARAM_SCALE},
		{"bias", PARAM_SHIFT},
		{"running_mean", PARAM_RUNNING_MEAN},
		{"running_var", PARAM_RUNNING_VARIANCE},
	};
	GraphNode  *node;

	if (!is_usable_node(graph, x))
		return -1;
	node = append_node(graph, OP_BATCH_NORM, x, -1, graph->nodes[x].channels);
	if (node == NULL)
		return -1;
	for (int i = 0; i < 4; i++)
		node->params[i] = add_param(graph, name, parts[i].suffix, parts[i].kind, 1,
									(int64_t[]) {node->channels}, 1);
	return graph->status.code == LS_OK ? graph->node_count - 1 : -1;
}

/* Append an operator that keeps the shape and has no parameters. */
static NodeId
add_unary(Graph *graph, OpKind kind, NodeId x)
{
	if (!is_usable_node(graph, x) || append_node(graph, kind, x, -1, graph->nodes[x].channels) == NULL)
		return -1;
	return graph->node_count - 1;
}

NodeId
graph_relu(Graph *graph, NodeId x)
{
	return add_unary(graph, OP_RELU, x);
}

NodeId
graph_gelu(Graph *graph, NodeId x)
{
	return add_unary(graph, OP_GELU, x);
}

NodeId
graph_resize(Graph *graph, NodeId x, int scale)
{
	NodeId		id = add_unary(graph, OP_RESIZE, x);

	if (id < 0)
		return -1;
	if (scale < 1 || scale > RESIZE_MOST)
		return record_failure(graph, status_error(LS_INTERNAL, "cannot resize by %d", scale));
	graph->nodes[id].stride = scale;
	return id;
}

NodeId
graph_max_pool2d(Graph *graph, NodeId x, int kernel, int stride, int padding)
{
	NodeId		id = add_unary(graph, OP_MAX_POOL2D, x);

	if (id < 0)
		return -1;
	if (kernel < 1 || kernel > 15 || stride < 1 || padding < 0 || 2 * padding > kernel)
		return record_failure(graph, status_error(LS_INTERNAL, "max pool %d/%d/%d is misconfigured",
												  kernel, stride, padding));
	graph->nodes[id].kernel = kernel;
	graph->nodes[id].stride = stride;
	graph->nodes[id].padding = padding;
	return id;
}

NodeId
graph_add(Graph *graph, NodeId a, NodeId b)
{
	if (!is_usable_node(graph, a) || !is_usable_node(graph, b))
		return -1;
	if (graph->nodes[a].channels != graph->nodes[b].channels)
		return record_failure(graph, status_error(LS_INTERNAL, "cannot add %d and %d channels",
												  graph->nodes[a].channels, graph->nodes[b].channels));
	if (append_node(graph, OP_ADD, a, b, graph->nodes[a].channels) == NULL)
		return -1;
	return graph->node_count - 1;
}

NodeId
graph_concat(Graph *graph, NodeId a, NodeId b)
{
	if (!is_usable_node(graph, a) || !is_usable_node(graph, b))
		return -1;
	if (append_node(graph, OP_CONCAT, a, b, graph->nodes[a].channels + graph->nodes[b].channels) == NULL)
		return -1;
	return graph->node_count - 1;
}

void
graph_output(Graph *graph, NodeId x)
{
	GraphPart  *part;

	if (!is_usable_node(graph, x))
		return;
	part = &graph->parts[graph->part_count - 1];
	if (part->output_count == GRAPH_MAX_OUTPUTS)
	{
		record_failure(graph, status_error(LS_INTERNAL, "a part has at most %d outputs", GRAPH_MAX_OUTPUTS));
		return;
	}
	part->outputs[part->output_count++] = x;
	graph->output = graph->parts[0].outputs[0];
}

void
graph_initial_gain(Graph *graph, NodeId x, double gain)
{
	if (is_usable_node(graph, x) && graph->nodes[x].params[0] >= 0)
		graph->params[graph->nodes[x].params[0]].gain = (float) gain;
}

/* Is node id read by another node, or an output? */
static bool
leads_on(const Graph *graph, const GraphPart *part, NodeId id)
{
	for (int i = 0; i < part->output_count; i++)
		if (part->outputs[i] == id)
			return true;
	for (NodeId reader = id + 1; reader < part->end; reader++)
		if (graph->nodes[reader].inputs[0] == id || graph->nodes[reader].inputs[1] == id)
			return true;
	return false;
}

Status
graph_status(const Graph *graph)
{
	if (graph->status.code != LS_OK)
		return graph->status;
	if (graph->part_count == 0)
		return status_error(LS_INTERNAL, "the graph has no input");
	for (int p = 0; p < graph->part_count; p++)
	{
		const GraphPart *part = &graph->parts[p];

		if (part->output_count == 0)
			return status_error(LS_INTERNAL, "the graph has no output");
		/* Such a node would have a gradient that nobody writes. */
		for (NodeId id = part->first; id < part->end; id++)
			if (!leads_on(graph, part, id))
				return status_error(LS_INTERNAL, "graph node %d leads to no output", id);
	}
	return status_ok();
}

Status
graph_initialise(const Graph *graph, const Call *call, int64_t seed, float *weights)
{
	for (int i = 0; i < graph->param_count; i++)
	{
		const GraphParam *param = &graph->params[i];
		float	   *w = weights + param->offset;
		double		deviation = param->gain * sqrt(2.0 / param->fan_in);	/* He et al., arXiv:1502.01852 */
		Rng			rng;

		rng_seed(&rng, (uint64_t) seed, (uint64_t) i);
		for (size_t k = 0; k < param->count; k++)
		{
			if (k % POLL_WEIGHTS == 0)
				TRY(call_poll(call));
			switch (param->kind)
			{
				case PARAM_WEIGHT:
					w[k] = (float) (deviation * rng_normal(&rng));
					break;
				case PARAM_SCALE:
				case PARAM_RUNNING_VARIANCE:
					w[k] = 1;
					break;
				case PARAM_BIAS:
				case PARAM_SHIFT:
				case PARAM_RUNNING_MEAN:
					w[k] = 0;
					break;
			}
		}
	}
	return status_ok();
}

int
graph_find_param(const Graph *graph, const char *name)
{
	for (int i = 0; i < graph->param_count; i++)
		if (strcmp(graph->params[i].name, name) == 0)
			return i;
	return -1;
}

void
graph_freeze(Graph *graph, const char *prefix)
{
	for (int i = 0; i < graph->param_count; i++)
		if (strncmp(graph->params[i].name, prefix, strlen(prefix)) == 0)
			graph->params[i].frozen = true;
}

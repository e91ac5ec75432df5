/*
 * resnet.c: see resnet.h.
 *
 * A block's shortcut is appended before its convolutions. So it exists when
 * the last batch norm of the block runs, and the addition and the ReLU can be
 * fused into that step.
 */
#include "arch/resnet.h"

#include <stdio.h>

NodeId
graph_conv_norm(Graph *graph, const char *prefix, int number, NodeId x, int channels, int kernel, int stride)
{
	char		name[PARAM_NAME_SIZE];

	snprintf(name, sizeof name, "%sconv%d", prefix, number);
	x = graph_conv2d(graph, name, x, channels, kernel, stride, kernel / 2, 1, false);
	snprintf(name, sizeof name, "%sbn%d", prefix, number);
	return graph_batch_norm(graph, name, x);
}

/* ResNet's basic block: two 3 x 3 convolutions and a shortcut. */
static NodeId
basic_block(Graph *graph, const char *prefix, NodeId x, int channels, int stride, bool project)
{
	NodeId		shortcut = x;

	if (project)
	{
		char		name[PARAM_NAME_SIZE];

		snprintf(name, sizeof name, "%sdownsample.0", prefix);
		shortcut = graph_conv2d(graph, name, x, channels, 1, stride, 0, 1, false);
		snprintf(name, sizeof name, "%sdownsample.1", prefix);
		shortcut = graph_batch_norm(graph, name, shortcut);
	}
	x = graph_relu(graph, graph_conv_norm(graph, prefix, 1, x, channels, 3, stride));
	x = graph_conv_norm(graph, prefix, 2, x, channels, 3, 1);
	return graph_relu(graph, graph_add(graph, x, shortcut));
}

void
resnet18(Graph *graph, const char *prefix, NodeId x, int base, NodeId stages[4])
{
	x = graph_relu(graph, graph_conv_norm(graph, prefix, 1, x, base, 7, 2));
	x = graph_max_pool2d(graph, x, 3, 2, 1);
	for (int stage = 0; stage < 4; stage++)
	{
		for (int block = 0; block < 2; block++)
		{
			bool		first = stage > 0 && block == 0;
			char		block_prefix[48];

			snprintf(block_prefix, sizeof block_prefix, "%slayer%d.%d.", prefix, stage + 1, block);
			x = basic_block(graph, block_prefix, x, base << stage, first ? 2 : 1, first);
		}
		stages[stage] = x;
	}
}

/*
 * weights_fixture.h: the small network that tests of weight files share.
 *
 * Seven tensors, 129 floats, 516 bytes of data in float32: small enough to
 * break at every byte.
 */
#ifndef LESIONSEG_TEST_WEIGHTS_FIXTURE_H
#define LESIONSEG_TEST_WEIGHTS_FIXTURE_H

#include "core/call.h"
#include "nn/graph.h"
#include "nn/weights/weights.h"

#define FIXTURE_COUNT 129

/* Make stem.weight (4,3,3,3), norm.{weight,bias,running_mean,running_var}
 * (4), head.weight (1,4,1,1), head.bias (1); NULL on failure. */
static inline Graph *
fixture_graph(void)
{
	Graph	   *graph = NULL;
	NodeId		x;

	if (graph_create(&call_standalone()->host, &graph).code != LS_OK)
		return NULL;
	x = graph_input(graph, 3);
	x = graph_conv2d(graph, "stem", x, 4, 3, 1, 1, 1, false);
	x = graph_relu(graph, graph_batch_norm(graph, "norm", x));
	graph_output(graph, graph_conv2d(graph, "head", x, 1, 1, 1, 0, 1, true));
	if (graph_status(graph).code != LS_OK || graph->weight_count != FIXTURE_COUNT)
	{
		graph_free(graph);
		return NULL;
	}
	return graph;
}

/* Fill in metadata that differs from the defaults everywhere. */
static inline WeightsInfo
fixture_info(void)
{
	return (WeightsInfo)
	{
		.format_version = WEIGHTS_FORMAT_VERSION,
		.architecture = "unet",
		.config = "{\"base\": 16, \"depth\": 4}",
		.traits = {
			.image_size = 256,
			.threshold = 0.45,
			.temperature = 1.5,
			.review_below = 0.75,
			.dice_coefficients = {0.125, -0.000001, 1.5, 0, 123.25, -2},
			.enhance = ENHANCE_MODE_AUTO,
		},
		.mean = {0.7f, -0.1f, 1e-8f},
		.std = {0.25f, 1, 3},
		.extension_version = "0.1",
		.split = "{\"columns\": [\"patient\"], \"seed\": 7}",
	};
}

#endif

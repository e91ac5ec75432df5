/*
 * linknet.c: LinkNet (Chaurasia and Culurciello, arXiv:1707.03718) on a
 * ResNet-18 (resnet.h).
 *
 * The encoder's stages have base, 2, 4 and 8 base channels at 1/4 to 1/32 of
 * the image's size; its parameters have torchvision's names of resnet18. A
 * decoder block doubles the size, in a quarter of its channels; its output is
 * added to the encoder's stage of that size.
 */
#include "arch/architectures.h"

#include <stdio.h>

#include "arch/resnet.h"

enum
{
	KEY_BASE
};

static const Option linknet_options[] = {
	[KEY_BASE] = {"base", OPTION_WHOLE, CONFIG_VALUE(KEY_BASE), 4, 128, 64,
		"channels of the first stage, 64 is ResNet-18; each stage after it has twice as many; "
		"image_size must be a multiple of 32", NULL},
};

static int
linknet_stride(const ArchConfig *config)
{
	(void) config;
	return 32;
}

/* Transposed 3 x 3 convolution that doubles the size, batch norm, ReLU. */
static NodeId
append_enlarging(Graph *graph, const char *prefix, int number, NodeId x, int channels)
{
	char		name[PARAM_NAME_SIZE];

	snprintf(name, sizeof name, "%sconv%d", prefix, number);
	x = graph_conv_transpose2d(graph, name, x, channels, 3, 2, 1, 1, false);
	snprintf(name, sizeof name, "%sbn%d", prefix, number);
	return graph_relu(graph, graph_batch_norm(graph, name, x));
}

/* LinkNet's decoder block: reduce, enlarge, expand. */
static NodeId
decoder_block(Graph *graph, const char *prefix, NodeId x, int from, int to)
{
	x = graph_relu(graph, graph_conv_norm(graph, prefix, 1, x, from / 4, 1, 1));
	x = append_enlarging(graph, prefix, 2, x, from / 4);
	return graph_relu(graph, graph_conv_norm(graph, prefix, 3, x, to, 1, 1));
}

static void
linknet_build(const ArchConfig *config, Graph *graph)
{
	int			base = (int) config->values[KEY_BASE];
	NodeId		stages[4];
	NodeId		x = graph_input(graph, 3);

	resnet18(graph, "", x, base, stages);
	x = stages[3];
	for (int stage = 3; stage >= 0; stage--)
	{
		int			to = base << (stage > 0 ? stage - 1 : 0);
		char		prefix[32];

		snprintf(prefix, sizeof prefix, "decoder%d.", stage + 1);
		x = decoder_block(graph, prefix, x, base << stage, to);
		if (stage > 0)
			x = graph_add(graph, x, stages[stage - 1]);
	}
	x = append_enlarging(graph, "final.", 1, x, base / 2);
	x = graph_relu(graph, graph_conv_norm(graph, "final.", 2, x, base / 2, 3, 1));
	graph_output(graph, graph_conv2d(graph, "final.conv3", x, 1, 1, 1, 0, 1, true));
}

static const char *const linknet_encoder[] = {"conv1.", "bn1.", "layer", NULL};

const Architecture linknet_architecture = {
	.name = "linknet",
	.description = "LinkNet: a ResNet-18 encoder and a light decoder joined by addition",
	.config = OPTION_TABLE(linknet_options),
	.stride = linknet_stride,
	.build = linknet_build,
	.runner = &dense_runner,
	.encoder = linknet_encoder,
	.learning_rate = 1.5e-3,
};

/*
 * convmixer.c: ConvMixer (Trockman and Kolter, arXiv:2201.09792) with a
 * decoder for segmentation.
 *
 * The image is cut into patches, each a vector of `dim` channels; `depth`
 * blocks mix them, first across places (depthwise convolution, with a
 * shortcut), then across channels (1 x 1 convolution). GELU comes before each
 * batch norm, as in the paper. The decoder reduces the channels to dim / 8,
 * enlarges them to the image's size and concatenates them with a stem of as
 * many channels, computed from the image itself: patches alone carry no edges
 * finer than their own size.
 */
#include "arch/architectures.h"

#include <stdio.h>

enum
{
	KEY_DIM,
	KEY_DEPTH,
	KEY_KERNEL,
	KEY_PATCH
};

static const Option convmixer_options[] = {
	[KEY_DIM] = {"dim", OPTION_WHOLE, CONFIG_VALUE(KEY_DIM), 8, 1024, 256, "channels of a patch", NULL},
	[KEY_DEPTH] = {"depth", OPTION_WHOLE, CONFIG_VALUE(KEY_DEPTH), 1, 32, 8, "mixing blocks", NULL},
	[KEY_KERNEL] = {"kernel", OPTION_ODD, CONFIG_VALUE(KEY_KERNEL), 3, 15, 7,
		"width of the depthwise convolutions", NULL},
	[KEY_PATCH] = {"patch", OPTION_WHOLE, CONFIG_VALUE(KEY_PATCH), 1, 16, 4,
		"pixels along the side of a patch; image_size must be a multiple of it", NULL},
};

static int
convmixer_stride(const ArchConfig *config)
{
	return (int) config->values[KEY_PATCH];
}

/* GELU, then batch norm. */
static NodeId
gelu_norm(Graph *graph, const char *name, NodeId x)
{
	return graph_batch_norm(graph, name, graph_gelu(graph, x));
}

/* 3 x 3 convolution, batch norm, ReLU; named prefix.conv and prefix.bn. */
static NodeId
conv_norm_relu(Graph *graph, const char *prefix, NodeId x, int channels)
{
	char		name[PARAM_NAME_SIZE];

	snprintf(name, sizeof name, "%s.conv", prefix);
	x = graph_conv2d(graph, name, x, channels, 3, 1, 1, 1, false);
	snprintf(name, sizeof name, "%s.bn", prefix);
	return graph_relu(graph, graph_batch_norm(graph, name, x));
}

/* One mixing block. */
static NodeId
append_mixing(Graph *graph, int block, NodeId x, int dim, int kernel)
{
	char		name[PARAM_NAME_SIZE];
	NodeId		mixed;

	snprintf(name, sizeof name, "blocks.%d.depthwise", block);
	mixed = graph_conv2d(graph, name, x, dim, kernel, 1, kernel / 2, dim, true);
	snprintf(name, sizeof name, "blocks.%d.bn1", block);
	x = graph_add(graph, gelu_norm(graph, name, mixed), x);
	snprintf(name, sizeof name, "blocks.%d.pointwise", block);
	x = graph_conv2d(graph, name, x, dim, 1, 1, 0, 1, true);
	snprintf(name, sizeof name, "blocks.%d.bn2", block);
	return gelu_norm(graph, name, x);
}

static void
convmixer_build(const ArchConfig *config, Graph *graph)
{
	int			dim = (int) config->values[KEY_DIM];
	int			kernel = (int) config->values[KEY_KERNEL];
	int			patch = (int) config->values[KEY_PATCH];
	NodeId		image = graph_input(graph, 3);
	NodeId		x = graph_conv2d(graph, "patch.conv", image, dim, patch, patch, 0, 1, true);

	x = gelu_norm(graph, "patch.bn", x);
	for (int block = 0; block < (int) config->values[KEY_DEPTH]; block++)
		x = append_mixing(graph, block, x, dim, kernel);
	x = conv_norm_relu(graph, "decoder.0", x, dim / 4);
	x = conv_norm_relu(graph, "decoder.1", x, dim / 8);
	x = graph_resize(graph, x, patch);
	x = graph_concat(graph, x, conv_norm_relu(graph, "stem", image, dim / 8));
	x = conv_norm_relu(graph, "decoder.2", x, dim / 8);
	graph_output(graph, graph_conv2d(graph, "head", x, 1, 1, 1, 0, 1, true));
}

static const char *const convmixer_encoder[] = {"patch.", "blocks.", NULL};

const Architecture convmixer_architecture = {
	.name = "convmixer",
	.description = "ConvMixer: depthwise and pointwise mixing of patches, and a stem at the image's size",
	.config = OPTION_TABLE(convmixer_options),
	.stride = convmixer_stride,
	.build = convmixer_build,
	.runner = &dense_runner,
	.encoder = convmixer_encoder,
	.learning_rate = 1.5e-3,
};

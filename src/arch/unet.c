/*
 * unet.c: U-Net (Ronneberger et al., arXiv:1505.04597), with batch norm and
 * padded convolutions, so that the mask has the size of the image.
 *
 * Level i has base * 2^i channels. A block is two times (3 x 3 convolution,
 * batch norm, ReLU). Down: max pooling by 2; up: transposed convolution by 2,
 * joined with the block of the same level. Parameters are named down.I,
 * up.I, dec.I (from the deepest level) and head.
 */
#include "arch/architectures.h"

#include <stdio.h>

enum
{
	KEY_BASE,
	KEY_DEPTH
};

static const Option unet_options[] = {
	[KEY_BASE] = {"base", OPTION_WHOLE, CONFIG_VALUE(KEY_BASE), 1, 128, 32,
		"channels of the first level; each level below has twice as many", NULL},
	[KEY_DEPTH] = {"depth", OPTION_WHOLE, CONFIG_VALUE(KEY_DEPTH), 1, 6, 4,
		"levels below the first; image_size must be a multiple of 2 to the power of depth", NULL},
};

static int
unet_stride(const ArchConfig *config)
{
	return 1 << (int) config->values[KEY_DEPTH];
}

/* Two times convolution, batch norm, ReLU; named prefix.0, .1, .3, .4. */
static NodeId
append_block(Graph *graph, const char *prefix, int level, NodeId x, int channels)
{
	for (int i = 0; i < 2; i++)
	{
		char		name[PARAM_NAME_SIZE];

		snprintf(name, sizeof name, "%s.%d.%d", prefix, level, 3 * i);
		x = graph_conv2d(graph, name, x, channels, 3, 1, 1, 1, false);
		snprintf(name, sizeof name, "%s.%d.%d", prefix, level, 3 * i + 1);
		x = graph_batch_norm(graph, name, x);
		x = graph_relu(graph, x);
	}
	return x;
}

static void
unet_build(const ArchConfig *config, Graph *graph)
{
	int			base = (int) config->values[KEY_BASE];
	int			depth = (int) config->values[KEY_DEPTH];
	NodeId		skips[8];
	NodeId		x = graph_input(graph, 3);

	for (int level = 0; level <= depth; level++)
	{
		if (level > 0)
			x = graph_max_pool2d(graph, x, 2, 2, 0);
		x = append_block(graph, "down", level, x, base << level);
		skips[level] = x;
	}
	for (int level = depth - 1; level >= 0; level--)
	{
		char		name[PARAM_NAME_SIZE];

		snprintf(name, sizeof name, "up.%d", depth - 1 - level);
		x = graph_conv_transpose2d(graph, name, x, base << level, 2, 2, 0, 0, true);
		x = graph_concat(graph, x, skips[level]);
		x = append_block(graph, "dec", depth - 1 - level, x, base << level);
	}
	graph_output(graph, graph_conv2d(graph, "head", x, 1, 1, 1, 0, 1, true));
}

static const char *const unet_encoder[] = {"down.", NULL};

const Architecture unet_architecture = {
	.name = "unet",
	.description = "U-Net: an encoder and a decoder joined level by level",
	.config = OPTION_TABLE(unet_options),
	.stride = unet_stride,
	.build = unet_build,
	.runner = &dense_runner,
	.encoder = unet_encoder,
	.learning_rate = 1.5e-3,
};

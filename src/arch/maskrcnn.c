/*
 * maskrcnn.c: the layers of Mask R-CNN (He et al., arXiv:1703.06870) on a
 * feature pyramid (Lin et al., arXiv:1612.03144) over a ResNet-18.
 *
 * Four parts, each planned for itself; what goes on between them is in
 * maskrcnn_run.c:
 *
 *   backbone  the image to four levels of features at 1/4 to 1/32 of its
 *             size, all with `pyramid` channels
 *   rpn       the region proposal network. Its input is a canvas on which the
 *             levels from 1/8 on stand side by side, a line of zeros between
 *             them, so that one convolution with the same weights serves all
 *   box       two fully connected layers on the features of a region, then
 *             its score and its box. A region is a pixel with 7 x 7 x pyramid
 *             channels here, and a layer a 1 x 1 convolution
 *   mask      convolutions on 14 x 14 features to a mask of 28 x 28
 *
 * Parameters are named as in torchvision's maskrcnn_resnet50_fpn where the
 * layers are the same. One class beside the background needs one logit.
 */
#include "arch/maskrcnn.h"

#include <stdio.h>

#include "arch/architectures.h"
#include "arch/resnet.h"

enum
{
	KEY_BASE,
	KEY_PYRAMID,
	KEY_ANCHOR,
	KEY_ROIS,
	KEY_BOX_UNITS,
	KEY_MASK_DEPTH,
	KEY_DETECTIONS,
	KEY_SCORE
};

static const Option maskrcnn_options[] = {
	[KEY_BASE] = {"base", OPTION_WHOLE, CONFIG_VALUE(KEY_BASE), 4, 128, 48,
		"channels of the encoder's first stage, 64 is ResNet-18; image_size must be a multiple of 32", NULL},
	[KEY_PYRAMID] = {"pyramid", OPTION_WHOLE, CONFIG_VALUE(KEY_PYRAMID), 4, 256, 128,
		"channels of the feature pyramid", NULL},
	[KEY_ANCHOR] = {"anchor", OPTION_NUMBER, CONFIG_VALUE(KEY_ANCHOR), 1, 32, 6,
		"side of a level's smaller square anchor in cells of 8, 16 or 32 pixels: at 6, anchors are 48 to 272 pixels "
		"wide, fit for lesions at 256 pixels; scale it with image_size", NULL},
	[KEY_ROIS] = {"rois", OPTION_WHOLE, CONFIG_VALUE(KEY_ROIS), 4, 512, 32,
		"regions looked at in an image; in training, up to a quarter of them have a mask", NULL},
	[KEY_BOX_UNITS] = {"box_units", OPTION_WHOLE, CONFIG_VALUE(KEY_BOX_UNITS), 4, 4096, 512,
		"units of each of the two layers of the box head", NULL},
	[KEY_MASK_DEPTH] = {"mask_depth", OPTION_WHOLE, CONFIG_VALUE(KEY_MASK_DEPTH), 0, 8, 4,
		"3 x 3 convolutions of the mask head", NULL},
	[KEY_DETECTIONS] = {"detections", OPTION_WHOLE, CONFIG_VALUE(KEY_DETECTIONS), 1, 100, 4,
		"instances found in an image at most", NULL},
	[KEY_SCORE] = {"score", OPTION_NUMBER, CONFIG_VALUE(KEY_SCORE), 0, 1, 0.7,
		"least score of an instance that counts; when none reaches it, the best counts", NULL},
};

MaskRcnnConfig
maskrcnn_config(const ArchConfig *config)
{
	MaskRcnnConfig c = {
		.base = (int) config->values[KEY_BASE],
		.pyramid = (int) config->values[KEY_PYRAMID],
		.anchor = (float) config->values[KEY_ANCHOR],
		.rois = (int) config->values[KEY_ROIS],
		.box_units = (int) config->values[KEY_BOX_UNITS],
		.mask_depth = (int) config->values[KEY_MASK_DEPTH],
		.detections = (int) config->values[KEY_DETECTIONS],
		.score = (float) config->values[KEY_SCORE],
	};

	if (c.detections > c.rois)
		c.detections = c.rois;
	return c;
}

static int
maskrcnn_stride(const ArchConfig *config)
{
	(void) config;
	return 4 << (PYRAMID_LEVELS - 1);
}

/* Convolution and batch norm, named backbone.fpn.KIND.LEVEL.0 and .1. */
static NodeId
pyramid_conv(Graph *graph, const char *kind, int level, NodeId x, int channels, int kernel)
{
	char		name[PARAM_NAME_SIZE];

	snprintf(name, sizeof name, "backbone.fpn.%s.%d.0", kind, level);
	x = graph_conv2d(graph, name, x, channels, kernel, 1, kernel / 2, 1, false);
	snprintf(name, sizeof name, "backbone.fpn.%s.%d.1", kind, level);
	return graph_batch_norm(graph, name, x);
}

/* The image to the levels of the pyramid. */
static void
build_backbone(Graph *graph, const MaskRcnnConfig *config)
{
	NodeId		stages[PYRAMID_LEVELS];
	NodeId		levels[PYRAMID_LEVELS];
	NodeId		above = -1;

	resnet18(graph, "backbone.body.", graph_input(graph, 3), config->base, stages);
	for (int level = PYRAMID_LEVELS - 1; level >= 0; level--)
	{
		NodeId		enlarged = above < 0 ? -1 : graph_resize(graph, above, 2);

		above = pyramid_conv(graph, "inner_blocks", level, stages[level], config->pyramid, 1);
		if (enlarged >= 0)
			above = graph_add(graph, above, enlarged);
		levels[level] = pyramid_conv(graph, "layer_blocks", level, above, config->pyramid, 3);
	}
	for (int level = 0; level < PYRAMID_LEVELS; level++)
		graph_output(graph, levels[level]);
}

/* A 1 x 1 convolution that ends a part. Its first weights are small: before
 * training, all outputs should be near 0. */
static void
end_part(Graph *graph, const char *name, NodeId x, int channels)
{
	x = graph_conv2d(graph, name, x, channels, 1, 1, 0, 1, true);
	graph_initial_gain(graph, x, 0.1);
	graph_output(graph, x);
}

/* Convolution with bias and ReLU. */
static NodeId
conv_relu(Graph *graph, const char *name, NodeId x, int channels, int kernel)
{
	return graph_relu(graph, graph_conv2d(graph, name, x, channels, kernel, 1, kernel / 2, 1, true));
}

static void
maskrcnn_build(const ArchConfig *values, Graph *graph)
{
	MaskRcnnConfig config = maskrcnn_config(values);
	NodeId		x;

	build_backbone(graph, &config);

	x = conv_relu(graph, "rpn.head.conv.0.0", graph_input(graph, config.pyramid), config.pyramid, 3);
	end_part(graph, "rpn.head.cls_logits", x, ANCHORS_PER_CELL);
	end_part(graph, "rpn.head.bbox_pred", x, 4 * ANCHORS_PER_CELL);

	x = graph_input(graph, BOX_ROI_SIZE * BOX_ROI_SIZE * config.pyramid);
	x = conv_relu(graph, "roi_heads.box_head.fc6", x, config.box_units, 1);
	x = conv_relu(graph, "roi_heads.box_head.fc7", x, config.box_units, 1);
	end_part(graph, "roi_heads.box_predictor.cls_score", x, 1);
	end_part(graph, "roi_heads.box_predictor.bbox_pred", x, 4);

	x = graph_input(graph, config.pyramid);
	for (int i = 0; i < config.mask_depth; i++)
	{
		char		name[PARAM_NAME_SIZE];

		snprintf(name, sizeof name, "roi_heads.mask_head.%d.0", i);
		x = conv_relu(graph, name, x, config.pyramid, 3);
	}
	x = graph_conv_transpose2d(graph, "roi_heads.mask_predictor.conv5_mask", x, config.pyramid, 2, 2, 0, 0, true);
	end_part(graph, "roi_heads.mask_predictor.mask_fcn_logits", graph_relu(graph, x), 1);
}

static const char *const maskrcnn_encoder[] = {"backbone.body.", NULL};

const Architecture maskrcnn_architecture = {
	.name = "maskrcnn",
	.description = "Mask R-CNN: lesions found as boxes on a ResNet-18 feature pyramid, each with its mask",
	.config = OPTION_TABLE(maskrcnn_options),
	.stride = maskrcnn_stride,
	.build = maskrcnn_build,
	.runner = &maskrcnn_runner,
	.encoder = maskrcnn_encoder,
	.learning_rate = 4e-4,
};

/*
 * resnet.h: ResNet-18 (He et al., arXiv:1512.03385), the encoder of LinkNet
 * and Mask R-CNN.
 */
#ifndef LESIONSEG_ARCH_RESNET_H
#define LESIONSEG_ARCH_RESNET_H

#include "nn/graph.h"

/*
 * Append the encoder to image x. Its stages have base, 2, 4 and 8 base
 * channels at 1/4 to 1/32 of the image's size; its parameters have
 * torchvision's names of resnet18, after prefix.
 */
void		resnet18(Graph *graph, const char *prefix, NodeId x, int base, NodeId stages[4]);

/* Convolution with padding kernel / 2 and batch norm, named PREFIXconvN and
 * PREFIXbnN. */
NodeId		graph_conv_norm(Graph *graph, const char *prefix, int number, NodeId x, int channels, int kernel,
							int stride);

#endif

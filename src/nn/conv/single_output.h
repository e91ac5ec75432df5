/*
 * single_output.h: the 1x1 convolution to one channel that ends a
 * segmentation network, behind the backend interface. It is as good as all
 * memory traffic; libraries, which fill tiles of output channels, take up to
 * five times as long. Plans use this with every backend.
 */
#ifndef LESIONSEG_NN_SINGLE_OUTPUT_H
#define LESIONSEG_NN_SINGLE_OUTPUT_H

#include "nn/conv/convolution.h"

/* Is it one of those that single_output_backend takes? */
bool		single_output_suits(const ConvolutionShape *shape);

extern const Backend single_output_backend;

#endif

/*
 * kernels.h: the rows of the table, each from its own file or folder. Private
 * to src/nn/conv.
 */
#ifndef LESIONSEG_NN_CONV_KERNELS_H
#define LESIONSEG_NN_CONV_KERNELS_H

#include "nn/conv/kernel.h"

/* depthwise/: depthwise convolution of stride 1, all passes. */
extern const ConvolutionKernel depthwise_baseline_kernel;
extern const ConvolutionKernel depthwise_avx2_kernel;
extern const ConvolutionKernel depthwise_avx512_kernel;

/*
 * single_output.c: the 1x1 convolution to one channel that ends a network, all
 * passes. Nearly all of its time is memory traffic; libraries compute whole
 * tiles of output channels and take up to five times as long.
 */
extern const ConvolutionKernel single_output_kernel;

/* winograd/: 3x3 convolution of stride 1: forward and backward-data;
 * backward-weights. */
extern const ConvolutionKernel winograd_baseline_kernel;
extern const ConvolutionKernel winograd_avx2_kernel;
extern const ConvolutionKernel winograd_avx512_kernel;
extern const ConvolutionKernel winograd_small_avx2_kernel;
extern const ConvolutionKernel winograd_small_avx512_kernel;
extern const ConvolutionKernel winograd_bf16_kernel;
extern const ConvolutionKernel winograd_gradient_baseline_kernel;
extern const ConvolutionKernel winograd_gradient_avx2_kernel;
extern const ConvolutionKernel winograd_gradient_avx512_kernel;
extern const ConvolutionKernel winograd_gradient_bf16_kernel;

/* amx/: bf16, forward and backward-data; backward-weights. */
extern const ConvolutionKernel amx_kernel;
extern const ConvolutionKernel amx_gradient_kernel;

/* window_product.c: transposed convolution whose windows neither overlap nor
 * leave gaps, all passes. */
extern const ConvolutionKernel window_product_kernel;

#ifdef HAVE_ONEDNN
/* onednn/: all dense convolutions that the library computes safely. */
extern const ConvolutionKernel onednn_kernel;
#endif

/* openblas.c: all dense convolutions, as matrix products. */
extern const ConvolutionKernel openblas_kernel;

/* plain.c: all depthwise convolutions. */
extern const ConvolutionKernel plain_kernel;

#endif

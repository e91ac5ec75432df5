/*
 * convolution_amx.h: forward and backward-data of a bf16 convolution, by AMX.
 *
 * For dense (groups = 1) convolutions of any kernel, stride, padding and
 * dilation, on tensors of any pixel stride. Call only where
 * cpu_features()->amx_bf16.
 */
#ifndef LESIONSEG_NN_CONVOLUTION_AMX_H
#define LESIONSEG_NN_CONVOLUTION_AMX_H

#include "nn/conv/convolution.h"

typedef struct AmxConvolution AmxConvolution;

/* Can it take that pass (PASS_FORWARD or PASS_BACKWARD_DATA), with tiles
 * well filled? */
bool		amx_convolution_suits(const ConvolutionShape *shape, const ConvolutionUse *use,
								  ConvolutionPass pass);

/* Make one, with all the memory that it needs. */
Status		amx_convolution_create(const Call *call, const ConvolutionShape *shape,
								   const ConvolutionUse *use, ConvolutionPass pass,
								   AmxConvolution **convolution);
void		amx_convolution_destroy(AmxConvolution *convolution);

/* Bytes held. */
size_t		amx_convolution_memory(const AmxConvolution *convolution);

/* Pack weights (C_out, C_in, KH, KW), and a bias of the target's channels or
 * NULL; it counts only in the pass that use gives a bias. */
void		amx_convolution_set_weights(AmxConvolution *convolution, const float *weights,
										const float *bias);

/* target = y from source = x, or target = dx from source = dy. Bias,
 * residual and ReLU are added as use says. */
void		amx_convolution_run(AmxConvolution *convolution, const bfloat16 *source, bfloat16 *target);

#endif

/*
 * weight_gradient_amx.h: the weight gradient of a bf16 convolution, by AMX.
 *
 * For dense (groups = 1) convolutions of any kernel, stride, padding and
 * dilation, on tensors of any pixel stride. Call only where
 * cpu_features()->amx_bf16.
 */
#ifndef LESIONSEG_NN_WEIGHT_GRADIENT_AMX_H
#define LESIONSEG_NN_WEIGHT_GRADIENT_AMX_H

#include "nn/conv/convolution.h"

typedef struct WeightGradient WeightGradient;

/* Can it take that convolution, with tiles well filled? */
bool		weight_gradient_suits(const ConvolutionShape *shape, const ConvolutionUse *use);

/* Make one, with all the memory that it needs. */
Status		weight_gradient_create(const Call *call, const ConvolutionShape *shape,
								   const ConvolutionUse *use, WeightGradient **gradient);
void		weight_gradient_destroy(WeightGradient *gradient);

/* Bytes held. */
size_t		weight_gradient_memory(const WeightGradient *gradient);

/* dw (C_out, C_in, KH, KW) and db (C_out) are overwritten; db may be NULL. */
void		weight_gradient_run(WeightGradient *gradient, const bfloat16 *x, const bfloat16 *dy,
								float *dw, float *db);

#endif

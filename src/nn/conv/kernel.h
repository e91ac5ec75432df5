/*
 * backend_impl.h: what the backends share among themselves.
 *
 * Only files that implement a backend, or choose one, include this; callers
 * use backend_find().
 */
#ifndef LESIONSEG_NN_BACKEND_IMPL_H
#define LESIONSEG_NN_BACKEND_IMPL_H

#include "nn/conv/convolution.h"

extern const Backend openblas_backend;
#ifdef HAVE_ONEDNN
extern const Backend onednn_backend;
#endif

/* Refuse shapes and strides that do not describe a convolution. */
Status		convolution_check(const ConvolutionShape *shape, const ConvolutionUse *use);

/* Weights of a convolution: C_out * C_in / groups * KH * KW. */
static inline size_t
convolution_weight_count(const ConvolutionShape *shape)
{
	return (size_t) shape->y.c * (shape->x.c / shape->groups) * shape->kernel_h * shape->kernel_w;
}

#endif

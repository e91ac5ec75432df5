/*
 * epilogue.h: the end of a pass, on one pixel's values in float32: bias, ReLU,
 * residual, ReLU. Private to src/nn/conv, for kernels without a vector form of
 * it.
 */
#ifndef LESIONSEG_NN_CONV_EPILOGUE_H
#define LESIONSEG_NN_CONV_EPILOGUE_H

#include "nn/conv/kernel.h"
#include "nn/conv/values.h"

static inline void
clip_negative(float *values, int count)
{
	for (int i = 0; i < count; i++)
		values[i] = values[i] > 0.0f ? values[i] : 0.0f;
}

/* Finish the values of pixel `pixel` of the pass's target. `loaded` has room
 * for as many. */
static inline void
finish_pixel(const KernelPass *pass, const PassTensors *tensors, const float *bias, long pixel, float *values,
			 float *loaded)
{
	const ConvolutionUse *use = &pass->use;
	int			channels = target_shape(pass).c;

	if (use->bias)
		for (int c = 0; c < channels; c++)
			values[c] += bias[c];
	if (use->relu_before)
		clip_negative(values, channels);
	if (use->residual_stride != 0)
	{
		load_floats(use->type, tensors->residual, (size_t) pixel * use->residual_stride, channels, loaded);
		for (int c = 0; c < channels; c++)
			values[c] += loaded[c];
	}
	if (use->relu)
		clip_negative(values, channels);
}

#endif

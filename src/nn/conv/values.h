/*
 * values.h: convert a pixel's values to float32 and back, for kernels that
 * always compute in float32. Private to src/nn/conv.
 */
#ifndef LESIONSEG_NN_CONV_VALUES_H
#define LESIONSEG_NN_CONV_VALUES_H

#include "nn/tensor.h"

/* Read count elements as float32. */
static inline void
load_floats(DataType type, const void *source, size_t offset, int count, float *restrict target)
{
	const bfloat16 *values = (const bfloat16 *) source + offset;

	if (type == DATA_F32)
		memcpy(target, (const float *) source + offset, count * sizeof(float));
	else
		for (int i = 0; i < count; i++)
			target[i] = bfloat16_to_float(values[i]);
}

/* Write count elements from float32. */
static inline void
store_floats(DataType type, void *target, size_t offset, int count, const float *restrict source)
{
	bfloat16   *values = (bfloat16 *) target + offset;

	if (type == DATA_F32)
		memcpy((float *) target + offset, source, count * sizeof(float));
	else
		for (int i = 0; i < count; i++)
			values[i] = bfloat16_from_float(source[i]);
}

#endif

/*
 * tensor.h: what a tensor in memory looks like.
 *
 * Activations are NHWC. A tensor may be a slice of the channels of a wider
 * buffer (so a concatenation needs no copy): then pixel_stride is the wider
 * buffer's number of channels. Storage is float32 or bfloat16; sums are always
 * float32.
 */
#ifndef LESIONSEG_NN_TENSOR_H
#define LESIONSEG_NN_TENSOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef enum DataType
{
	DATA_F32,
	DATA_BF16
} DataType;

/* The upper half of a float32. */
typedef uint16_t bfloat16;

typedef struct TensorShape
{
	int			n;				/* batch */
	int			h;
	int			w;
	int			c;
} TensorShape;

typedef struct Tensor
{
	TensorShape shape;			/* (N, H, W, C) */
	int			pixel_stride;	/* elements from one pixel to the next, >= C */
	DataType	type;
	void	   *data;
} Tensor;

/* Bytes of one element. */
static inline size_t
data_type_size(DataType type)
{
	return type == DATA_BF16 ? 2 : 4;
}

/* Round to nearest even; NaN stays NaN. */
static inline bfloat16
bfloat16_from_float(float value)
{
	uint32_t	bits;

	memcpy(&bits, &value, sizeof bits);
	if ((bits & 0x7FFFFFFF) > 0x7F800000)
		return (bfloat16) ((bits >> 16) | 0x40);
	return (bfloat16) ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

static inline float
bfloat16_to_float(bfloat16 value)
{
	uint32_t	bits = (uint32_t) value << 16;
	float		result;

	memcpy(&result, &bits, sizeof result);
	return result;
}

/* Pixels of a shape: N * H * W. */
static inline long
shape_pixels(TensorShape shape)
{
	return (long) shape.n * shape.h * shape.w;
}

#endif

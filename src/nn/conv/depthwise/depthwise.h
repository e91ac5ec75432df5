/*
 * depthwise.h: depthwise convolution of stride 1 by loops of our own.
 * Libraries compute its weight gradient slowly, and need much scratch in bf16.
 *
 * The loops work on a correlation of x with weights, or on the gradient of
 * its weights from x and y. Items are (image, band of output rows, block of
 * channels), the last fastest. Private to this folder.
 */
#ifndef LESIONSEG_NN_CONV_DEPTHWISE_H
#define LESIONSEG_NN_CONV_DEPTHWISE_H

#include <stdbool.h>

#include "core/threads.h"
#include "nn/tensor.h"

#define DEPTHWISE_BLOCK 32		/* channels per item, a multiple of every vector's width */
#define DEPTHWISE_TILE 8		/* output pixels, or taps, that are summed side by side */

typedef struct DepthwiseArgs
{
	DataType	type;
	TensorShape x_shape;
	const void *x;
	int			x_stride;
	TensorShape y_shape;
	void	   *y;				/* written; the gradient reads dy here */
	int			y_stride;
	int			kernel;
	int			padding;		/* zeros before the first row and column */
	const float *weights;		/* (K, K, C up to whole blocks) */
	const float *bias;			/* (C up to whole blocks); NULL = none */
	const void *residual;		/* added to y; may be y */
	int			residual_stride;	/* 0 = none */
	bool		relu_before;	/* before the residual is added */
	bool		relu;			/* last */
	double	   *sums;			/* gradient: (workers, K * K + 1, C up to whole blocks), the last for the bias */
	int			band;			/* output rows per item */
	int			bands;
	int			blocks;
	float	   *scratch;		/* (workers, scratch_size) */
	size_t		scratch_size;
} DepthwiseArgs;

/* The loops of one instruction set. */
typedef struct DepthwiseLoops
{
	ThreadsTask correlate;
	ThreadsTask gradient;
} DepthwiseLoops;

extern const DepthwiseLoops depthwise_baseline;
extern const DepthwiseLoops depthwise_avx2;
extern const DepthwiseLoops depthwise_avx512;

/*
 * Columns of a row of padded x in scratch; then floats of the parts of the
 * scratch: rows of padded x with room for one more tile, rows of y, and the
 * sums of one vector's taps, in whole tiles.
 */
static inline int
depthwise_columns(const DepthwiseArgs *args)
{
	int			tiles = (args->y_shape.w + DEPTHWISE_TILE - 1) / DEPTHWISE_TILE;

	return tiles * DEPTHWISE_TILE + args->kernel - 1;
}

static inline size_t
depthwise_x_scratch(const DepthwiseArgs *args)
{
	return ((size_t) (args->band + args->kernel - 1) * depthwise_columns(args) + DEPTHWISE_TILE) * DEPTHWISE_BLOCK;
}

static inline size_t
depthwise_y_scratch(const DepthwiseArgs *args)
{
	return (size_t) args->band * args->y_shape.w * DEPTHWISE_BLOCK;
}

/* Taps of a row of the window, rounded up to whole tiles. */
static inline int
depthwise_tap_columns(const DepthwiseArgs *args)
{
	return (args->kernel + DEPTHWISE_TILE - 1) / DEPTHWISE_TILE * DEPTHWISE_TILE;
}

static inline size_t
depthwise_tap_scratch(const DepthwiseArgs *args)
{
	return (size_t) args->kernel * depthwise_tap_columns(args) * DEPTHWISE_BLOCK;
}

#endif

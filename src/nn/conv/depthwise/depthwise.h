/*
 * depthwise.h: depthwise convolution of stride 1 by loops of our own, behind
 * the backend interface. Libraries are slow at its weight gradient and hold
 * much scratch in bf16; plans use this with every backend.
 */
#ifndef LESIONSEG_NN_DEPTHWISE_H
#define LESIONSEG_NN_DEPTHWISE_H

#include "core/threads.h"
#include "nn/conv/convolution.h"

/* Is it one of those that depthwise_backend takes? */
bool		depthwise_suits(const ConvolutionShape *shape);

extern const Backend depthwise_backend;

/*
 * What the loops work on: a correlation of x with weights, or the gradient of
 * its weights from x and y. Items are (image, band of output rows, block of
 * channels), the last fastest.
 */

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
	int			kernel_h;
	int			kernel_w;
	int			padding_h;		/* zeros before the first row and column */
	int			padding_w;
	const float *weights;		/* (KH, KW, C up to whole blocks) */
	const float *bias;			/* (C up to whole blocks); NULL = none */
	bool		residual;		/* add what y holds before */
	bool		relu;
	double	   *sums;			/* gradient: (workers, KH * KW + 1, C up to whole blocks), the last for the bias */
	int			band;			/* output rows per item */
	int			bands;
	int			blocks;
	float	   *scratch;		/* (workers, scratch_size) */
	size_t		scratch_size;
} DepthwiseArgs;

/* The loops of one instruction set. */
typedef struct DepthwiseKernels
{
	ThreadsTask correlate;
	ThreadsTask gradient;
} DepthwiseKernels;

/* depthwise_backend's create with kernels of choice, for tests. */
Status		depthwise_create_with(const DepthwiseKernels *kernels, const Call *call,
								  const ConvolutionShape *shape, const ConvolutionUse *use,
								  Convolution **convolution);

extern const DepthwiseKernels depthwise_baseline;
extern const DepthwiseKernels depthwise_avx2;
extern const DepthwiseKernels depthwise_avx512;

/* Columns of a row of padded x in scratch, and floats of the parts of the
 * scratch: rows of padded x with a tile's slack, rows of y, and the sums of
 * one vector's taps, in whole tiles. */
static inline int
depthwise_columns(const DepthwiseArgs *args)
{
	int			tiles = (args->y_shape.w + DEPTHWISE_TILE - 1) / DEPTHWISE_TILE;

	return tiles * DEPTHWISE_TILE + args->kernel_w - 1;
}

static inline size_t
depthwise_x_scratch(const DepthwiseArgs *args)
{
	return ((size_t) (args->band + args->kernel_h - 1) * depthwise_columns(args) + DEPTHWISE_TILE) * DEPTHWISE_BLOCK;
}

static inline size_t
depthwise_y_scratch(const DepthwiseArgs *args)
{
	return (size_t) args->band * args->y_shape.w * DEPTHWISE_BLOCK;
}

/* Taps of a row of the window, up to whole tiles. */
static inline int
depthwise_tap_columns(const DepthwiseArgs *args)
{
	return (args->kernel_w + DEPTHWISE_TILE - 1) / DEPTHWISE_TILE * DEPTHWISE_TILE;
}

static inline size_t
depthwise_tap_scratch(const DepthwiseArgs *args)
{
	return (size_t) args->kernel_h * depthwise_tap_columns(args) * DEPTHWISE_BLOCK;
}

#endif

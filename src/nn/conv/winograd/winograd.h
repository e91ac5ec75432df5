/*
 * winograd.h: 3x3 convolution of stride 1 in float32, forward alone, with a
 * quarter of the multiplications. Multiplications limit the speed of a float32
 * network, and libraries compute these convolutions directly.
 *
 * F(4x4, 3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural
 * Networks", CVPR 2016: linear maps turn each tile of 6x6 pixels of x, and the
 * weights, into 36 values each; their 36 products give 4x4 pixels of y. The
 * maps' constants are up to 8, so rounding errors are several times those of
 * the direct sum: about 1e-5 of the largest value. Private to this folder.
 */
#ifndef LESIONSEG_NN_CONV_WINOGRAD_H
#define LESIONSEG_NN_CONV_WINOGRAD_H

#include <stdbool.h>

#include "core/threads.h"
#include "nn/tensor.h"

/*
 * Arguments of the loops. Tiles are counted over images, then downwards, then
 * across. An item is a run of item_tiles of them and a group of blocks of
 * output channels, the group fastest: deep layers have few tiles for many
 * threads. Scratch of a worker holds the maps of x, (36, item_tiles, C_in),
 * and the products, (36, item_tiles, the group's channels), either in planes
 * of so many floats.
 */

#define WINOGRAD_OUT 4			/* a tile's pixels of y each way */
#define WINOGRAD_IN 6			/* a tile's pixels of x each way */
#define WINOGRAD_PLANES (WINOGRAD_IN * WINOGRAD_IN)
#define WINOGRAD_BLOCK 32		/* output channels whose weights are stored together */

typedef struct WinogradArgs
{
	TensorShape x_shape;
	const float *x;
	int			x_stride;
	TensorShape y_shape;
	float	   *y;
	int			y_stride;
	int			padding;
	const float *weights;		/* (36, blocks, C_in, WINOGRAD_BLOCK) */
	const float *bias;			/* (C_out up to whole blocks) */
	const float *residual;		/* is added to y; may be y */
	int			residual_stride;	/* 0 = none */
	bool		relu_before;	/* ReLU before the residual is added */
	bool		relu;			/* last */
	int			blocks;
	int			tiles_down;		/* tiles of an image */
	int			tiles_across;
	long		tiles;			/* tiles of all images */
	int			item_tiles;
	int			groups;
	int			width;			/* channels of the largest group */
	float	   *scratch;		/* (workers, scratch_size) */
	size_t		scratch_size;
	size_t		x_plane;		/* floats from plane to plane of the maps of x */
	size_t		product_plane;	/* and of the products */
} WinogradArgs;

/* The loops of one instruction set; items as above. */
typedef struct WinogradLoops
{
	ThreadsTask convolve;
} WinogradLoops;

extern const WinogradLoops winograd_baseline;
extern const WinogradLoops winograd_avx2;
extern const WinogradLoops winograd_avx512;

#endif

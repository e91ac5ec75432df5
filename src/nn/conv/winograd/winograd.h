/*
 * winograd.h: 3x3 convolution of stride 1 with fewer multiplications, forward
 * and backward-data: in float32 a quarter, in bfloat16 1 / 2.25.
 * Multiplications limit the speed of a network, and libraries compute these
 * convolutions directly.
 *
 * F(4x4, 3x3) and F(2x2, 3x3) of Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", CVPR 2016: linear maps turn each tile of 6x6
 * (4x4) pixels of x, and the weights, into 36 (16) values each; their products
 * give 4x4 (2x2) pixels of y. The constants of the larger maps are up to 8, so
 * rounding errors are several times those of the direct sum: at most 2e-5 of
 * the largest value in the unit tests. The smaller maps have only 1 and 1 / 2,
 * so their results may be rounded to bfloat16 before they are multiplied; the
 * sums are float32. That rounds twice as much as a direct sum of bfloat16
 * values: at most 8e-3 of the largest value in the unit tests, as for those.
 * Small tiles of float32 are for deep layers: their weights take 16 / 9 of the
 * memory of plain ones, those of the larger tiles four times as much.
 *
 * Backward-data is the same convolution with the weights turned by 180 degrees
 * and their channels exchanged. So x is here what a pass reads and y what it
 * writes: dy and dx of backward-data. Private to this folder.
 */
#ifndef LESIONSEG_NN_CONV_WINOGRAD_H
#define LESIONSEG_NN_CONV_WINOGRAD_H

#include <stdbool.h>

#include "core/threads.h"
#include "nn/conv/convolution.h"

/* A tile's pixels of y and of x each way, and the values of its map. */
#define WINOGRAD_OUT 4
#define WINOGRAD_IN 6
#define WINOGRAD_PLANES (WINOGRAD_IN * WINOGRAD_IN)

#define WINOGRAD_OUT_SMALL 2	/* a small tile's pixels of y each way */
#define WINOGRAD_BLOCK 32		/* output channels whose weights are stored together */

/*
 * Maps are stored in words of four bytes: one float32, or two bfloat16 of
 * channels 2i and 2i + 1. A gap of words between planes, so that they do not
 * all begin at the same place of the cache; at least a vector, which the loops
 * may read of it.
 */
#define WINOGRAD_GAP 16

/* x, and its tiles: counted over images, then downwards, then across. */
typedef struct WinogradTiles
{
	TensorShape shape;			/* of x */
	const void *x;
	int			stride;			/* pixel stride */
	int			padding;
	int			out;			/* pixels of y each way */
	int			down;			/* tiles of an image */
	int			across;
	long		count;			/* tiles of all images */
} WinogradTiles;

/*
 * Arguments of the loops. An item is a run of item_tiles tiles and a group of
 * blocks of output channels, the group fastest: deep layers have few tiles for
 * many threads. Scratch of a worker holds the maps of x, (36 or 16 planes,
 * item_tiles, depth), and the products, (planes, item_tiles, the group's
 * channels), either in planes of so many words.
 */
typedef struct WinogradArgs
{
	WinogradTiles tiles;
	TensorShape y_shape;
	void	   *y;
	int			y_stride;
	int			depth;			/* words of C_in channels */
	const void *weights;		/* (planes, blocks, depth, WINOGRAD_BLOCK), in planes of so many words */
	size_t		weights_plane;
	const float *bias;			/* (C_out up to whole blocks) */
	const void *residual;		/* is added to y; may be y */
	int			residual_stride;	/* 0 = none */
	bool		relu_before;	/* ReLU before the residual is added */
	bool		relu;			/* last */
	int			blocks;
	int			item_tiles;
	int			groups;
	int			width;			/* channels of the largest group */
	float	   *scratch;		/* (workers, scratch_size) */
	size_t		scratch_size;
	size_t		x_plane;		/* words from plane to plane of the maps of x */
	size_t		product_plane;	/* and of the products */
} WinogradArgs;

/* Arguments of the mapping of weights. An item is a word of channels of x and
 * one block of channels of y, the former fastest. */
typedef struct WinogradWeights
{
	const float *plain;			/* (C_out, C_in, 3, 3) of the forward pass */
	size_t		x_step;			/* floats of it from one channel of x to the next */
	size_t		y_step;			/* and of y */
	bool		turned;			/* by 180 degrees */
	int			depth;			/* words of channels of x */
	int			y_channels;
	void	   *mapped;			/* as WinogradArgs.weights; zeros fill up the last block */
	size_t		plane;
} WinogradWeights;

/* Tiles of x, of such a pixel stride, one for each out x out pixels of y (of backward-weights dy). */
WinogradTiles winograd_tiles(TensorShape x, int stride, int padding, TensorShape y, int out);

/* Is it such a convolution? */
bool		winograd_fits(const ConvolutionShape *shape);

/* Do products save more time than maps take? Not with few channels, nor where
 * tiles of that image are mostly outside of it. In training, a batch makes up
 * for maps of weights in each run. */
bool		winograd_saves(const ConvolutionShape *shape, TensorShape image);

/* The loops of one type, size of tiles and instruction set; items as above. */
typedef struct WinogradLoops
{
	int			out;			/* a tile's pixels of y each way */
	ThreadsTask map_weights;
	ThreadsTask convolve;
} WinogradLoops;

extern const WinogradLoops winograd_baseline;
extern const WinogradLoops winograd_avx2;
extern const WinogradLoops winograd_avx512;
extern const WinogradLoops winograd_small_avx2;
extern const WinogradLoops winograd_small_avx512;
extern const WinogradLoops winograd_bf16_avx512bf16;

#endif

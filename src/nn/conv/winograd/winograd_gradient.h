/*
 * winograd_gradient.h: the weight gradient of a 3x3 convolution of stride 1,
 * with a quarter of the multiplications. Maps and products are float32, of
 * bfloat16 tensors too: larger tiles make up for slower products.
 *
 * y is linear in the weights, so the gradient is the transpose of what
 * winograd.h describes: each tile of 6x6 pixels of x is mapped as there, its
 * 4x4 pixels of dy are mapped to 36 values, too, the 36 products are summed
 * over all tiles, and the sums are mapped to 3x3. Lavin and Gray call this
 * F(3x3, 4x4). The unit tests allow 2e-5 of the largest value as an error.
 *
 * A plane's products are one product of matrices, (C_out, tiles) by (tiles,
 * C_in). Tiles are taken in runs: the maps of a run stay in a core's cache, and
 * its products are summed in registers and then added to the sums in memory.
 *
 * Tiles are cut into parts with sums of their own, so that threads do not wait
 * for one another. If the sums are large there are few parts, and each is
 * divided into groups of output channels. Parts and runs depend on the shape
 * alone. So the result is the same on any number of threads. Private to this
 * folder.
 */
#ifndef LESIONSEG_NN_CONV_WINOGRAD_GRADIENT_H
#define LESIONSEG_NN_CONV_WINOGRAD_GRADIENT_H

#include "nn/conv/winograd/winograd.h"

typedef struct WinogradGradientArgs
{
	WinogradTiles tiles;
	TensorShape dy_shape;
	const void *dy;
	int			dy_stride;
	int			parts;
	int			groups;
	int			run_tiles;
	int			x_row;			/* C_in up to whole vectors */
	int			dy_row;			/* channels of the largest group */
	float	   *scratch;		/* (workers, scratch_size): maps of x, (36, run_tiles, x_row), and of dy */
	size_t		scratch_size;
	size_t		x_plane;		/* floats from plane to plane of the maps of x */
	size_t		dy_plane;		/* and of dy */
	float	   *sums;			/* (parts, 36, C_out, x_row) */
	size_t		sums_plane;		/* floats from plane to plane of them */
	float	   *dy_sums;		/* (parts, C_out) */
	float	   *dw;				/* (C_out, C_in, 3, 3) */
	float	   *db;				/* (C_out), or NULL */
} WinogradGradientArgs;

typedef struct WinogradGradientLoops
{
	ThreadsTask sum_products;	/* items: parts and their groups, the group fastest */
	ThreadsTask map_sums;		/* items: output channels */
} WinogradGradientLoops;

extern const WinogradGradientLoops winograd_gradient_baseline;
extern const WinogradGradientLoops winograd_gradient_avx2;
extern const WinogradGradientLoops winograd_gradient_avx512;
extern const WinogradGradientLoops winograd_gradient_bf16_avx512;

#endif

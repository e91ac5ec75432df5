/*
 * amx.h: forward and backward-data of a dense bf16 convolution by AMX, with
 * any kernel, stride and padding, and tensors of any pixel stride. Shared by
 * planning (amx.c) and running (amx_run_amx.c); private to this folder.
 *
 * An AMX tile product takes 16 pixels by 32 channels of the source (A) and 32
 * by 16 channels of the weights (B). A convolution sums such products over
 * kernel taps and channels, four tiles of sums at a time: 32 pixels by 32
 * output channels. A tap is an offset in the source, so no im2col array is
 * needed.
 *
 * Work goes by bands: some rows of an image, or a few small images. A band's
 * source is first copied to scratch, with the padding's zeros around it and
 * channels filled up to a multiple of 32. In scratch every tile is a plain
 * load, the data stay in the L2 for all output channels, and only the copy has
 * to know pixel strides.
 */
#ifndef LESIONSEG_NN_CONV_AMX_H
#define LESIONSEG_NN_CONV_AMX_H

#include "nn/conv/amx/amx_tiles.h"
#include "nn/conv/kernel.h"
#include "nn/conv/sweep.h"

typedef struct Amx
{
	KernelPass	base;
	TensorShape source;
	TensorShape target;
	int			source_stride;	/* pixel strides */
	int			target_stride;
	Sweeps		sweeps;
	long	   *tap_offsets;	/* by tap: offset from a position's own pixel, in values of scratch */
	int			first_y;		/* least and greatest tap offsets, in source pixels */
	int			last_y;
	int			first_x;
	int			last_x;
	int			grid_rows;		/* the largest sweep's */
	int			grid_columns;

	int			in_groups;		/* of 32 source channels */
	int			out_groups;
	int			pixel_values;	/* distance from pixel to pixel in scratch */
	int			row_pixels;		/* from row to row in scratch */
	int			band_rows;		/* sweep rows in a band */
	int			bands_per_image;
	int			band_images;	/* whole images in a band, else 1 */
	int			band_count;
	size_t		image_values;	/* scratch per image of a band */
	size_t		thread_values;	/* scratch per thread */
	size_t		scratch_at;
	bfloat16   *weights;		/* sweep after sweep: (out groups, taps, in groups, 2, 16, 16, 2) */
	float	   *bias;			/* out_groups * 32 */
} Amx;

/* Values of packed weights of one tap and group of outputs. */
static inline size_t
amx_tap_values(const Amx *state)
{
	return (size_t) state->in_groups * 2 * TILE_VALUES;
}

/* The packed weights of a sweep. */
static inline bfloat16 *
amx_sweep_weights(const Amx *state, const Sweep *sweep)
{
	return state->weights + sweep->first_tap * amx_tap_values(state) * state->out_groups;
}

/* amx_run_amx.c */
Status		amx_set_weights(KernelPass *pass, const ConvolutionCall *call, const float *weights, const float *bias);
Status		amx_run(const KernelPass *pass, const ConvolutionCall *call, const PassTensors *tensors);

#endif

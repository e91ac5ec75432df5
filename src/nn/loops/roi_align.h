/*
 * roi_align.h: RoIAlign (He et al., arXiv:1703.06870): the features under a
 * box, resampled to a grid of fixed size.
 *
 * Each cell of the grid is the mean of 2 x 2 samples, evenly spread, each
 * interpolated bilinearly between the centres of the feature map's cells
 * (torchvision's roi_align with sampling_ratio 2 and aligned true). Sampling
 * and interpolation are separable, so each axis has a list of taps per cell:
 * places along it and their weights.
 *
 * The loops are in loops_roi.h; this header is for them and their callers.
 */
#ifndef LESIONSEG_NN_ROI_ALIGN_H
#define LESIONSEG_NN_ROI_ALIGN_H

#include "nn/boxes.h"

#define ROI_MAX_SIZE 32			/* cells along a side of the grid */
#define ROI_MAX_LEVELS 4

/* The places that a cell of the grid reads along one axis. */
typedef struct RoiTaps
{
	int			count;			/* 1..4 */
	int			at[4];
	float		weight[4];		/* their sum is 1 */
} RoiTaps;

/* Find the taps of `size` cells over [begin, end), in pixels, on a feature map
 * with `length` cells of `stride` pixels. */
void		roi_taps(float begin, float end, int size, int length, int stride, RoiTaps *taps);

/* One level of a feature pyramid. */
typedef struct RoiLevel
{
	int			h;
	int			w;
	int			stride;			/* pixels of a cell */
	const void *x;				/* (N, H, W, C), storage type; forward */
	float	   *dx;				/* (H, W, C) of one image, added to; backward */
} RoiLevel;

/* A region and the level to read it from. */
typedef struct Roi
{
	Box			box;			/* in pixels */
	int			image;
	int			level;			/* index into levels; -1 = not in use: its cells are zeros, and it gives no gradient */
} Roi;

/*
 * RoIAlign of rois [begin, end) for loops.h. Items: rois. The gradient adds to
 * the levels' dx. All rois of one call must belong to the same image, and dx
 * too: work is divided by image, so that the order of additions does not
 * depend on the threads.
 */
typedef struct RoiAlignArgs
{
	RoiLevel	levels[ROI_MAX_LEVELS];
	int			channels;
	int			size;			/* cells along a side */
	const Roi  *rois;
	void	   *y;				/* (rois, size, size, C), storage type */
	const void *dy;				/* the same */
} RoiAlignArgs;

#endif

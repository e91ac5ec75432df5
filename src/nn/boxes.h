/*
 * boxes.h: operations on boxes for detection: overlap, deltas between a box
 * and its reference, and non-maximum suppression.
 */
#ifndef LESIONSEG_NN_BOXES_H
#define LESIONSEG_NN_BOXES_H

#include <stdbool.h>

/* Corners in pixels; (x2, y2) is the corner after the last pixel. */
typedef struct Box
{
	float		x1;
	float		y1;
	float		x2;
	float		y2;
} Box;

/*
 * The difference of a box from its reference (Girshick et al.,
 * arXiv:1311.2524): centres in units of the reference's size, sizes as
 * logarithms of ratios.
 */
typedef struct BoxDelta
{
	float		x;
	float		y;
	float		w;
	float		h;
} BoxDelta;

/* The largest enlargement in box_decode, as a logarithm: from a reference of
 * 16 pixels to a box of 1000. */
#define BOX_LARGEST_DELTA 4.135166556742356f

/* Area; 0 if a corner is on the wrong side of the other. */
float		box_area(Box box);

/* Intersection over union; 0 where both are empty. */
float		box_iou(Box a, Box b);

/* The part of box inside an image of width x height. */
Box			box_clip(Box box, int width, int height);

/* The deltas from reference to box; both must have an area. */
BoxDelta	box_encode(Box reference, Box box);

/* The box at delta from reference; sizes are limited by BOX_LARGEST_DELTA. */
Box			box_decode(Box reference, BoxDelta delta);

/*
 * Find the indices of the `most` largest of n scores, largest first, equal
 * ones in their order; a NaN counts as the smallest. Returns their number: n,
 * or most if that is less.
 */
int			top_scores(int n, const float *scores, int most, int *indices);

/*
 * Greedy non-maximum suppression of n boxes, the best first: keep a box unless
 * its IoU with a kept one is above `overlap`. Writes the indices of at most
 * `most` kept boxes and returns their number.
 */
int			nms(int n, const Box *boxes, float overlap, int most, int *kept);

#endif

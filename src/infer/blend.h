/*
 * blend.h: the mean of several networks' maps at the size of a mask, row by row,
 * and over it what a second look at a part of the image says.
 */
#ifndef LESIONSEG_INFER_BLEND_H
#define LESIONSEG_INFER_BLEND_H

#include "infer/bilinear.h"
#include "infer/segment.h"
#include "infer/window.h"

/* What the same networks say of a part of the image, seen again. */
typedef struct SecondLook
{
	const ProbabilityMap *maps; /* of the window, in the order of those of the whole image */
	Window		window;			/* what they see, in pixels of an image of */
	int			image_width;	/* this size */
	int			image_height;
	Window		valid;			/* it counts here alone; in the same pixels */
	double		weight;			/* of what it says, 0..1; the rest is the whole image's */
	double		ramp;			/* the weight grows from 0 at the edge of `valid` so many pixels inwards, but not from
								 * edges of the image; 0 = it is full at once */
} SecondLook;

/* A side of the mask, and where along it the second look counts. */
typedef struct BlendSide
{
	int			length;			/* of the mask */
	int			whole;			/* of the image */
	int			begin;			/* of the part where the second look counts, in the image's pixels */
	int			end;
	double		ramp;
} BlendSide;

/* Maps that are being resized and blended. */
typedef struct MapBlend
{
	const Call *call;
	const ProbabilityMap *maps; /* NULL = none; then the probability is 0 where the second look does not count */
	const SecondLook *second;	/* NULL = none */
	int			count;			/* of each look's maps */
	int			width;			/* of the mask */
	int			height;
	Bilinear   *resize;			/* count */
	Bilinear   *resize_second;	/* count; NULL without a second look */
	float	   *shares;			/* count; they sum to 1 */
	float	   *row;			/* (width), of the result */
	float	   *second_row;		/* (width), of the second look's mean */
	float	   *across;			/* (width), the second look's weight by column */
} MapBlend;

/*
 * Get ready to blend, with the call set and all else 0: the mean of maps with
 * weights >= 0 that are not all 0, and the second look's mean with the same.
 * Flipped or turned maps give flipped or turned rows, bit for bit. Call
 * blend_free also after a failure.
 */
Status		blend_create(MapBlend *blend, const ProbabilityMap *maps, const double *weights, int count,
						 const SecondLook *second, int width, int height);
void		blend_free(MapBlend *blend);

/* Row y: `width` probabilities, valid until the next call. */
const float *blend_row(MapBlend *blend, int y);

#endif

/*
 * draw.h: pictures to look at: overlays and panels.
 */
#ifndef LESIONSEG_IMAGE_DRAW_H
#define LESIONSEG_IMAGE_DRAW_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/*
 * Draw the contour of mask over a copy of image: predicted in one colour,
 * truth (may be NULL) in another, both colour-blind safe. A mask of another
 * size is resized to the image's; one of another shape is LS_INVALID_ARGUMENT.
 */
Status		draw_overlay(const Call *call, const Image *image, const Image *mask,
						 const Image *truth, Image *result);

/* Put image, truth and predicted side by side on white, all at the image's
 * size, each with its title above; masks' shapes as above. */
Status		draw_panel(const Call *call, const Image *image, const Image *truth,
					   const Image *predicted, Image *result);

/* Put two images side by side on white, both at the left one's size, under two
 * names. */
Status		draw_pair(const Call *call, const Image *left, const Image *right, const char *const *names,
					  Image *result);

#endif

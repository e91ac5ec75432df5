/*
 * legend.h: what stands beside a picture: what its lines mean, how long a
 * millimetre is, and what each part of a panel is.
 */
#ifndef LESIONSEG_IMAGE_LEGEND_H
#define LESIONSEG_IMAGE_LEGEND_H

#include <stdbool.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* How large the dots of letters are on a picture of that size, so that they can
 * be read when all of it is shown. */
int			legend_dot(int width, int height);

/* The height of a line of letters with the space around it. */
int			legend_line(int dot);

/* Copy an overlay (draw.h), which is RGB, with a strip below that names its lines and,
 * where mm_per_pixel is above 0, has a bar of a round length. The caller frees result. */
Status		legend_overlay(const Call *call, const Image *overlay, bool with_truth, double mm_per_pixel,
						   Image *result);

/* Write a title into an RGB image, its upper left corner there, unless it is wider than that. */
void		legend_title(Image *image, const char *title, int left, int top, int width, int dot);

#endif

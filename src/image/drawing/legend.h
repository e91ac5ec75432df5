/*
 * legend.h: text beside a picture: the meaning of its lines, a bar of known
 * length, and titles of a panel's parts.
 */
#ifndef LESIONSEG_IMAGE_LEGEND_H
#define LESIONSEG_IMAGE_LEGEND_H

#include <stdbool.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* The size of the letters' dots for a picture of that size, so that text can
 * be read when the whole picture is shown. */
int			legend_dot(int width, int height);

/* The height of a line of letters with the space around it. */
int			legend_line(int dot);

/* Copy an RGB picture and add a dark strip of so many lines below it. The caller
 * frees result. */
Status		legend_strip(const Call *call, const Image *picture, int lines, int dot, Image *result);

/* A spacing in mm that a bar can be drawn for, or 0. */
double		legend_spacing(double mm_per_pixel);

/* Draw a bar of a round length, at most a third of the picture's width, and write that length
 * beside it. */
void		legend_bar(Image *image, int left, int top, int dot, double mm_per_pixel);

/*
 * Make the strip below an overlay (draw.h) of width x height: it names the
 * overlay's lines and, if mm_per_pixel is above 0, has a bar of a round length.
 * The caller frees it.
 */
Status		legend_overlay(const Call *call, int width, int height, bool with_truth, double mm_per_pixel,
						   Image *strip);

/* Write a title into an RGB image with its upper left corner at (left, top),
 * unless it is wider than `width`. */
void		legend_title(Image *image, const char *title, int left, int top, int width, int dot);

#endif

/*
 * draw.h: pictures to look at: overlays and panels.
 */
#ifndef LESIONSEG_IMAGE_DRAW_H
#define LESIONSEG_IMAGE_DRAW_H

#include "core/call.h"
#include "core/status.h"
#include "image/drawing/contour.h"
#include "image/image.h"

/*
 * Draw the contour of mask over a copy of image: predicted in one colour,
 * truth (may be NULL) in another, both colour-blind safe. A mask of another
 * size is resized to the image's; one of another shape is LS_INVALID_ARGUMENT.
 */
Status		draw_overlay(const Call *call, const Image *image, const Image *mask,
						 const Image *truth, Image *result);

/* The same row by row, for an image that is not in memory as a whole. */
typedef struct Overlay
{
	const Call *call;
	int			width;
	bool		has_truth;
	Contour		predicted;
	Contour		truth;
	uint8_t    *map;			/* (width): which contours run through a pixel of the row */
} Overlay;

/* Start an overlay over an image of width x height; the masks must stay. Call
 * overlay_free also after a failure. */
Status		overlay_start(Overlay *overlay, const Call *call, const Image *mask, const Image *truth, int width,
						  int height);

/* Draw over row y of the image, RGB. Rows come once each, from 0 on. */
void		overlay_row(Overlay *overlay, int y, uint8_t *pixels);
void		overlay_free(Overlay *overlay);

/* Put image, truth and predicted side by side on white, all at the image's
 * size, each with its title above; masks' shapes as above. */
Status		draw_panel(const Call *call, const Image *image, const Image *truth,
					   const Image *predicted, Image *result);

/* The same for what draws a panel row by row (draw_png.h): refuse masks of another shape, and
 * the names of the three. */
Status		panel_check(int width, int height, const Image *truth, const Image *predicted);

extern const char *const panel_names[];

/* Put two images side by side on white, both at the left one's size, under two
 * names. */
Status		draw_pair(const Call *call, const Image *left, const Image *right, const char *const *names,
					  Image *result);

#endif

/*
 * window.h: the part of an image that a network sees in a second look.
 *
 * All arithmetic is in whole numbers and the same from both sides, so a
 * mirrored or turned image has the mirrored or turned window.
 */
#ifndef LESIONSEG_INFER_WINDOW_H
#define LESIONSEG_INFER_WINDOW_H

/* A rectangle of an image's pixels. */
typedef struct Window
{
	int			x;
	int			y;
	int			width;
	int			height;
} Window;

/*
 * The window around a lesion in an image of width x height: with a margin on
 * every side, a share of the lesion's longer side, and a square, to a pixel. At
 * the image's edge it is moved inside, and where it is larger than the image,
 * it is as large as that.
 */
Window		window_around(Window lesion, double margin, int width, int height);

/* The pixels of an image of to_width x to_height that a window of the same
 * image at from_width x from_height touches. */
Window		window_scale(Window window, int from_width, int from_height, int to_width, int to_height);

#endif

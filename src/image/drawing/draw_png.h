/*
 * draw_png.h: overlays and panels (draw.h) that are decoded, drawn and encoded
 * row by row, so that neither the image nor the picture is in memory.
 */
#ifndef LESIONSEG_IMAGE_DRAW_PNG_H
#define LESIONSEG_IMAGE_DRAW_PNG_H

#include "image/codec/codec.h"

/* What is drawn over an image. */
typedef struct OverlayParts
{
	const Image *mask;
	const Image *truth;			/* NULL = none */
	bool		legend;			/* below the picture, see legend.h */
	double		mm_per_pixel;	/* for the legend's bar; 0 = unknown */
} OverlayParts;

/*
 * Draw over an image's file. The caller frees the bytes. `of_image` says of a
 * failure whether it is about the file.
 */
Status		overlay_png(const Call *call, const void *bytes, size_t size, const OverlayParts *parts,
						EncodedImage *png, bool *of_image);

/* The same for an image with masks beside it. */
Status		panel_png(const Call *call, const void *bytes, size_t size, const Image *truth, const Image *predicted,
					  EncodedImage *png, bool *of_image);

#endif

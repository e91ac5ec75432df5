/*
 * row_window.h: the original rows around a block of rows that is being
 * rewritten in place. Private to this folder.
 *
 * A step that looks at neighbours goes down the image block by block: it
 * loads the window, reads from it and writes to the image. Only the window is
 * a copy: block + 2 margin rows, whatever the image's height. Beyond the
 * image's edges the outermost pixel repeats.
 */
#ifndef LESIONSEG_ENHANCE_ROW_WINDOW_H
#define LESIONSEG_ENHANCE_ROW_WINDOW_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

typedef struct RowWindow
{
	const Image *image;
	int			margin;			/* pixels on every side of the block */
	int			block;			/* rows of a block */
	int			first;			/* image row at which the block begins */
	int			rows;			/* of this block; fewer in the last one */
	size_t		stride;			/* samples from row to row */
	uint8_t    *samples;		/* (block + 2 margin, width + 2 margin, channels), owned */
} RowWindow;

/* Make a window over image, before its first block. */
Status		row_window_create(const Call *call, const Image *image, int margin, int block, RowWindow *window);
void		row_window_free(const Call *call, RowWindow *window);

/* Go to the next block; false after the last one. Rows of earlier blocks may
 * be rewritten, rows below must not be. */
bool		row_window_next(RowWindow *window);

/*
 * The first sample of pixel (0, row) of the original image. row counts from
 * the block's first row and may be up to margin outside the block, and so may
 * x.
 */
static inline const uint8_t *
row_window_at(const RowWindow *window, int row)
{
	return window->samples + (size_t) (row + window->margin) * window->stride +
		(size_t) window->margin * (size_t) window->image->channels;
}

#endif

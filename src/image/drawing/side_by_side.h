/*
 * side_by_side.h: pictures side by side on white, all at one size, each with its
 * name above it, row by row.
 */
#ifndef LESIONSEG_IMAGE_SIDE_BY_SIDE_H
#define LESIONSEG_IMAGE_SIDE_BY_SIDE_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

#define SIDE_BY_SIDE_MOST 3

typedef struct SideBySide
{
	const Call *call;
	const Image *pictures[SIDE_BY_SIDE_MOST];	/* NULL: its rows are handed over */
	int			count;
	int			picture_width;	/* of each */
	int			picture_height;
	int			gap;			/* around them */
	int			width;			/* of all */
	int			height;
	Image		head;			/* what stands above the pictures */
	uint8_t    *blank;			/* one row: white, and the sides of frames */
	int		   *columns[SIDE_BY_SIDE_MOST];	/* which pixel of a picture stands where */
} SideBySide;

/*
 * Get ready for pictures that are resized by nearest neighbour to width x height.
 * They must stay. Call side_by_side_free also after a failure.
 */
Status		side_by_side_start(SideBySide *side, const Call *call, const Image *const *pictures,
							   const char *const *names, int count, int width, int height);

/* Write row y of the result, RGB. `first` is the row of the first picture that stands
 * there, RGB, if that picture is NULL. */
void		side_by_side_row(const SideBySide *side, int y, const uint8_t *first, uint8_t *row);

void		side_by_side_free(SideBySide *side);

#endif

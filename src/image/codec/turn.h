/*
 * turn.h: images turned upright by their EXIF orientation, whole or row by row.
 * Private to this folder.
 */
#ifndef LESIONSEG_IMAGE_TURN_H
#define LESIONSEG_IMAGE_TURN_H

#include <stdbool.h>
#include <stddef.h>

#include "image/image.h"

/* Does this EXIF orientation exchange width and height? */
bool		orientation_transposes(int orientation);

/*
 * A stored image seen upright. A row of it is a row or a column of the stored
 * image, read forwards or backwards: where it starts and the steps to the next
 * pixel come from the orientation's three properties.
 */
typedef struct TurnedView
{
	const Image *image;
	int			width;			/* upright */
	int			height;
	ptrdiff_t	origin;			/* the first pixel, counted in stored pixels; */
	ptrdiff_t	along;			/* so are the step to the next of a row */
	ptrdiff_t	down;			/* and that to the next row */
} TurnedView;

TurnedView	turned_view(const Image *image, int orientation);

/* Gather row y of the view. */
void		turned_row(const TurnedView *view, int y, uint8_t *row);

/* Replace an image by the same turned upright. */
Status		turn_upright(const Call *call, Image *image, int orientation);

#endif

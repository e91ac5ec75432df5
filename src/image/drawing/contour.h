/*
 * contour.h: the contour of a mask, row by row.
 *
 * The contour is the part of a mask that lies within a line's width of its
 * edge: the mask less its erosion by a square. The image's edge is no edge of
 * the mask. A mask of another size is brought to the image's, each pixel from
 * the nearest.
 */
#ifndef LESIONSEG_IMAGE_CONTOUR_H
#define LESIONSEG_IMAGE_CONTOUR_H

#include <stdint.h>
#include <string.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* The first x, from x on, where a row is not 0; width if there is none. */
static inline int
skip_zeros(const uint8_t *row, int x, int width)
{
	uint64_t	eight;

	while (x + 8 <= width)
	{
		memcpy(&eight, row + x, sizeof eight);
		if (eight != 0)
			break;
		x += 8;
	}
	while (x < width && row[x] == 0)
		x++;
	return x;
}

/* Lesion from `begin` to before `end`, in a row of the image. */
typedef struct ContourRun
{
	int			begin;
	int			end;
} ContourRun;

typedef struct Contour
{
	const Call *call;
	const Image *mask;
	int			width;			/* of the image */
	int			height;
	int			reach;			/* the line's width */
	ContourRun *runs;			/* of one row */
	uint16_t   *inside;			/* (width): how many rows within reach have the pixel in their eroded mask */
	int			entered;		/* rows that were counted in `inside` so far */
} Contour;

/* Start the contour of a mask, which must stay, over an image of width x
 * height. Call contour_free also after a failure. */
Status		contour_start(Contour *contour, const Call *call, const Image *mask, int width, int height);

/* Set `bit` in map (width) where the contour runs through row y. Rows are asked
 * for once each, from 0 on. */
void		contour_row(Contour *contour, int y, uint8_t bit, uint8_t *map);

void		contour_free(Contour *contour);

#endif

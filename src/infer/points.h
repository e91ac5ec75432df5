/*
 * points.h: a mask bound by points that a person set.
 *
 * A point inside says that its connected part is lesion, one outside that its part
 * is none. Where both are in one part, it is cut between them: points grow into
 * pixels whose probability is most like their own, in steps of 1/16, and of those
 * into the nearest first. So the cut lies where the probability changes, and
 * half-way where it does not. A point on the wrong side of the mask's edge grows
 * twice as far as it is from the edge, and no further: a spur is cut off, but not
 * the lesion that it is on; a bay is filled, but no rim is added all around.
 * After Adams and Bischof, "Seeded region growing", IEEE PAMI 16(6), 1994; but a
 * region is as likely as its point, not as the mean of its pixels.
 */
#ifndef LESIONSEG_INFER_POINTS_H
#define LESIONSEG_INFER_POINTS_H

#include <stdbool.h>

#include "core/call.h"
#include "core/options.h"
#include "image/image.h"

/* Points in pixels of an image; their parts of a mask of any size are found by share. */
typedef struct PointHints
{
	const OptionPoints *inside;
	const OptionPoints *outside;
	int			image_width;
	int			image_height;
	bool		coarse;			/* at a network's size no point is refused: the mask of full size decides */
} PointHints;

/* Are there any? */
bool		points_exist(const PointHints *hints);

/* LS_INVALID_ARGUMENT for a point that is not within the image, and for one that is both inside and outside. */
Status		points_check(const PointHints *hints);

/*
 * Bind a 1-channel 0/255 mask, which is where the map of 255 p (1 channel, the
 * same size) is above a threshold. Pixels that touch at a corner are connected.
 * With points inside, only their parts stay; without, all but those of the points
 * outside. A point inside that is not in the mask adds what is around it and at
 * least three quarters as likely; LS_INVALID_ARGUMENT where its probability is
 * below 0.02: nothing there looks like a lesion. Takes 5 bytes a pixel meanwhile.
 */
Status		points_bind(const Call *call, const PointHints *hints, const Image *map, Image *mask);

#endif

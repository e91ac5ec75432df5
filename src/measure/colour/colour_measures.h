/*
 * colour_measures.h: measures of a lesion's colours in a photograph, with a
 * mask.
 *
 * All is measured in CIELAB (cielab.h), on the lesion and what is around it,
 * reduced to a longer side of 192 pixels at most, so that structures of the
 * lesion count, but hardly noise and single hairs. Distances are in shares of
 * the lesion's equivalent diameter D.
 *
 * asymmetry: mean Delta E between a pixel of the lesion and its mirror image
 * that is lesion, too; the mean about both principal axes.
 * sharpness: Delta E between the mean colours within 0.05 D inside and 0.05 D
 * outside of the border, in each eighth about the centroid (the border
 * of the ABCD rule: Stolz et al., Eur. J. Dermatology 4, 1994). Pixels that
 * touch the border are left out where 0.05 D is 3 pixels or more.
 * variance: the sum of the variances of L, a and b over the lesion.
 * contrast: Delta E between the means of the lesion and of the skin, which is
 * 0.05 D to 0.25 D from it.
 * colours: which of the ABCD rule's six colours (Stolz et al.) occur. Each pixel
 * belongs to the nearest of the six and the mean of the skin; a colour occurs if
 * it has more than 5 % of the lesion. The six are sRGB white 1 1 1, red 0.8 0.2
 * 0.2, light brown 0.6 0.4 0, dark brown 0.2 0 0, blue-grey 0.2 0.6 0.6, black
 * 0 0 0. Others count the six by program, too (Kasmi and Mokrani, IET Image
 * Processing 10, 2016, doi:10.1049/iet-ipr.2015.0385; Zaqout, IntechOpen 2019,
 * doi:10.5772/intechopen.88065). The rule and its numbers are defined here and
 * were not compared with theirs.
 */
#ifndef LESIONSEG_MEASURE_COLOUR_MEASURES_H
#define LESIONSEG_MEASURE_COLOUR_MEASURES_H

#include <stdbool.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "measure/shape/shape_measures.h"

/* A longer side of the image around the lesion that is large enough. */
#define COLOUR_SIDE 192

#define COLOUR_SECTORS 8

/* The margin around the lesion that is used, in D. */
#define COLOUR_MARGIN 0.25

typedef enum LesionColour
{
	COLOUR_WHITE,
	COLOUR_RED,
	COLOUR_LIGHT_BROWN,
	COLOUR_DARK_BROWN,
	COLOUR_BLUE_GREY,
	COLOUR_BLACK,
	LESION_COLOURS				/* how many there are */
} LesionColour;

typedef struct ColourMeasures
{
	double		asymmetry;		/* Delta E; NAN if no pixel's mirror image is lesion */
	double		sharpness[COLOUR_SECTORS];	/* Delta E, from the right, clockwise; NAN without a border */
	double		variance;
	double		contrast;		/* Delta E; NAN where there is no skin */
	bool		colours[LESION_COLOURS];
} ColourMeasures;

/* "white", "red", "light brown", ... */
const char *lesion_colour_name(LesionColour colour);

/*
 * Measure the lesion that a 1-channel 0/255 mask holds alone; shape is that
 * lesion's, with at least one component. image is RGB, of any size but the
 * mask's shape.
 */
Status		colour_measure(const Call *call, const Image *image, const Image *mask, const ShapeMeasures *shape,
						   ColourMeasures *measures);

#endif

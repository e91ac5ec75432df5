/*
 * classical.h: lesions found without training, as it was done before networks.
 *
 * The image is reduced to a shorter side of 256, hair is removed, the rest is
 * smoothed, and the lens's dark rim at the corners is left out. A method marks
 * what is darker than skin. Then the mask is cleaned: it is opened by a disc,
 * the part with most pixels near the middle is kept, and holes are filled.
 *
 * otsu: darker than the threshold between the two classes of grey values
 * that differ most (Otsu, IEEE SMC 9(1), 1979), on blue, where lesions stand out
 * most (Celebi et al., Skin Research and Technology 19(1), 2013).
 * adaptive: darker than the mean around the pixel, less an offset (Bradley and
 * Roth, J. Graphics Tools 12(2), 2007; for dermoscopy Fleming et al., 1998).
 * kmeans: colours in CIELAB form clusters (Lloyd, IEEE Trans. Inf. Theory 28(2),
 * 1982); those darker than skin, and nearer to the darkest than to skin, are
 * lesion. Skin is the cluster with most pixels along the edges.
 * region_growing: from the darkest spot near the middle on, neighbours join
 * while they differ little from the mean of the region (Adams and Bischof, IEEE
 * PAMI 16(6), 1994).
 * chan_vese: two regions, each as even as can be, with a short border (Chan and
 * Vese, IEEE Trans. Image Processing 10(2), 2001; the scheme of Getreuer, Image
 * Processing On Line 2, 2012), from Otsu's mask on.
 */
#ifndef LESIONSEG_INFER_CLASSICAL_H
#define LESIONSEG_INFER_CLASSICAL_H

#include <stdbool.h>

#include "core/call.h"
#include "core/options.h"
#include "core/status.h"
#include "image/image.h"

typedef enum ClassicalMethod
{
	CLASSICAL_OTSU,
	CLASSICAL_ADAPTIVE,
	CLASSICAL_KMEANS,
	CLASSICAL_REGION_GROWING,
	CLASSICAL_CHAN_VESE,
	CLASSICAL_METHODS			/* how many there are */
} ClassicalMethod;

typedef enum ClassicalChannel
{
	CHANNEL_BLUE,
	CHANNEL_GREEN,
	CHANNEL_RED,
	CHANNEL_LIGHTNESS			/* L of CIELAB */
} ClassicalChannel;

/* Lengths are in pixels at a shorter side of 256. */
typedef struct ClassicalOptions
{
	ClassicalChannel channel;	/* for all methods but kmeans */
	bool		hair;			/* take it out first */
	bool		clean;			/* the mask */
	double		blur;			/* standard deviation of the smoothing */
	double		opening;		/* radius of the disc that opens the mask */
	double		window;			/* adaptive: side of the square whose mean counts */
	double		offset;			/* adaptive: grey levels */
	double		clusters;		/* kmeans */
	double		tolerance;		/* region_growing: grey levels; 0: half the distance from the region's mean to skin */
	double		smoothness;		/* chan_vese: weight of the border's length */
	double		iterations;		/* chan_vese: at most */
} ClassicalOptions;

extern const OptionTable classical_option_table;

/* Find a method by name; LS_INVALID_ARGUMENT with the known ones as the hint. */
Status		classical_find(const char *name, ClassicalMethod *method);

/* Segment an RGB image into a 1-channel 0/255 mask of the same size, which the
 * caller frees. The mask may have no lesion. */
Status		classical_segment(const Call *call, const Image *image, ClassicalMethod method,
							  const ClassicalOptions *options, Image *mask);

#endif

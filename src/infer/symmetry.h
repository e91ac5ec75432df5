/*
 * symmetry.h: the eight symmetries of the square (flips and quarter turns),
 * and a mean over the maps that a network gives for an image seen in each of
 * them.
 *
 * The mean is taken in integers, so the order of its terms does not matter:
 * the mean map of a turned square image is, bit for bit, the turned mean map.
 */
#ifndef LESIONSEG_LEARN_SYMMETRY_H
#define LESIONSEG_LEARN_SYMMETRY_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* A symmetry is a sum of these: an image is transposed, then mirrored. 0
 * leaves it as it is. */
enum
{
	SYMMETRY_MIRROR_X = 1,
	SYMMETRY_MIRROR_Y = 2,
	SYMMETRY_TRANSPOSE = 4,
	SYMMETRIES = 8
};

/* A new image: source (1 or 3 channels) seen in a symmetry. */
Status		symmetry_image(const Call *call, int symmetry, const Image *source, Image *result);

/* A mean being taken of the maps of all symmetries. */
typedef struct SymmetryMean
{
	int			size;			/* maps are (size, size) */
	uint32_t   *sums;			/* of probabilities, in 2^-28 */
	uint8_t    *votes;			/* maps whose probability is above the threshold */
} SymmetryMean;

Status		symmetry_mean_create(const Call *call, int size, SymmetryMean *mean);
void		symmetry_mean_free(const Call *call, SymmetryMean *mean);

/* Add the map of the image seen in `symmetry`, put back upright. */
void		symmetry_mean_add(SymmetryMean *mean, int symmetry, const float *map, float threshold);

/*
 * The mean map once all eight are added, and how much they disagree at the
 * threshold: 1 - the Dice of two of the eight masks, pooled over all pairs (0
 * where all are equal or empty, near 1 where none overlap).
 */
void		symmetry_mean_finish(const SymmetryMean *mean, float *map, double *disagreement);

#endif

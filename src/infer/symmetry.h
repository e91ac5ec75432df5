/*
 * symmetry.h: the eight symmetries of the square (flips and quarter turns),
 * and the mean of a network's maps over them.
 *
 * The mean is taken in integers, so the order of its terms does not matter: a
 * turned square image gives the turned mean map, bit for bit.
 */
#ifndef LESIONSEG_INFER_SYMMETRY_H
#define LESIONSEG_INFER_SYMMETRY_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* A symmetry is a sum of these flags: the image is transposed first, then
 * mirrored. 0 leaves it unchanged. */
enum
{
	SYMMETRY_MIRROR_X = 1,
	SYMMETRY_MIRROR_Y = 2,
	SYMMETRY_TRANSPOSE = 4,
	SYMMETRIES = 8
};

/* Make a new image: source (1 or 3 channels) turned by a symmetry. */
Status		symmetry_image(const Call *call, int symmetry, const Image *source, Image *result);

/* The mean over all symmetries while it is being added up. */
typedef struct SymmetryMean
{
	int			size;			/* maps are (size, size) */
	uint32_t   *sums;			/* of probabilities, in 2^-28 */
	uint8_t    *votes;			/* by pixel: number of maps above the threshold */
} SymmetryMean;

Status		symmetry_mean_create(const Call *call, int size, SymmetryMean *mean);
void		symmetry_mean_free(const Call *call, SymmetryMean *mean);

/* Turn the map of one symmetry back upright and add it. */
void		symmetry_mean_add(SymmetryMean *mean, int symmetry, const float *map, float threshold);

/*
 * After all eight are added: the mean map, and how much the eight masks
 * disagree at the threshold: 1 - Dice between two masks, pooled over all pairs
 * (0 if all are equal or empty, near 1 if none overlap).
 */
void		symmetry_mean_finish(const SymmetryMean *mean, float *map, double *disagreement);

#endif

/*
 * levels.h: a photograph made ready for registration, at four sizes. Private
 * to this folder.
 */
#ifndef LESIONSEG_MEASURE_FOLLOW_LEVELS_H
#define LESIONSEG_MEASURE_FOLLOW_LEVELS_H

#include <stdbool.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

#define LEVELS 4				/* each half as large as the one before */
#define LEVEL_SIDE 256			/* of the first: shorter side */

/* One size. Planes are (height, width). */
typedef struct Level
{
	int			width;
	int			height;
	float	   *values;			/* normalised luma: mean 0 and variance about 1 around each pixel */
	float	   *border;			/* distance to the lesion's border, in pixels */
	double		scale;			/* pixels of this level per pixel of the image */
	double		x;				/* the lesion's centroid, in pixels of this level */
	double		y;
	double		diameter;		/* the lesion's equivalent diameter, likewise */
} Level;

typedef struct Levels
{
	Level		levels[LEVELS];	/* the largest first */
	bool		has_lesion;
} Levels;

/* Make the levels; the caller frees them, also after a failure. */
Status		levels_make(const Call *call, const Image *image, const Image *mask, Levels *levels);
void		levels_free(const Call *call, Levels *levels);

/* Interpolate bilinearly; false outside. Pixels' centres are at whole numbers
 * + 0.5. */
static inline bool
level_sample(const Level *level, const float *plane, double x, double y, float *value)
{
	float		fx = (float) x - 0.5f;
	float		fy = (float) y - 0.5f;
	int			ix;
	int			iy;
	const float *at;
	float		upper;
	float		lower;

	if (!(fx >= 0 && fy >= 0 && fx < (float) (level->width - 1) && fy < (float) (level->height - 1)))
		return false;
	ix = (int) fx;
	iy = (int) fy;
	fx -= (float) ix;
	fy -= (float) iy;
	at = plane + (size_t) iy * (size_t) level->width + (size_t) ix;
	upper = at[0] + fx * (at[1] - at[0]);
	lower = at[level->width] + fx * (at[level->width + 1] - at[level->width]);
	*value = upper + fy * (lower - upper);
	return true;
}

#endif

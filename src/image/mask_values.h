/*
 * mask_values.h: which of a mask's values mean lesion. Private to this
 * folder: mask_decode.c decodes, this decides.
 */
#ifndef LESIONSEG_IMAGE_MASK_VALUES_H
#define LESIONSEG_IMAGE_MASK_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"
#include "image/mask_decode.h"

/* How often each value occurs. */
typedef struct MaskValues
{
	int64_t		of[256];
	int64_t		pixels;
	int64_t		equal;			/* pixels that equal their neighbour to the left */
	int64_t		pairs;			/* pixels that have one */
	int			distinct;		/* values that occur */
	int			least;
	int			faintest;		/* the least above 0; 0 where there is none */
	int			highest;
} MaskValues;

/* Values of lesion, both ends included. */
typedef struct LesionRange
{
	uint8_t		from;
	uint8_t		to;
} LesionRange;

/* Count the values of an image of one channel. */
Status		mask_values_count(const Call *call, const Image *mask, MaskValues *values);

/* Refuse what has the many values of a photograph and none of the flat areas
 * of a mask. */
Status		mask_values_refuse_photograph(const MaskValues *values);

/* Are all pixels but its edges black or white? */
bool		mask_values_black_and_white(const MaskValues *values);

/* Find the values of lesion. `lossy`: values are blurred, as those of a JPEG.
 * `kind` is MASK_PLAIN before and set where another is found. LS_INVALID_IMAGE
 * where values could mean two things. */
Status		mask_values_lesion(const MaskValues *values, bool lossy, LesionRange *lesion, MaskKind *kind);

/* Fail for want of a meaning; the hint says what masks are. */
Status		mask_unclear(const char *format,...)
			__attribute__((format(printf, 1, 2)));

#endif

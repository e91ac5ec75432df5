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
	int			faintest;		/* the lowest above 0; 0 if there is none */
	int			highest;
} MaskValues;

/* The range of values of lesion, both ends included. */
typedef struct LesionRange
{
	uint8_t		from;
	uint8_t		to;
} LesionRange;

/* Count the values of an image of one channel. */
Status		mask_values_count(const Call *call, const Image *mask, MaskValues *values);

/* Refuse an image that has many values, as a photograph, and no flat areas, as
 * masks have. */
Status		mask_values_refuse_photograph(const MaskValues *values);

/* Are all pixels except those at edges black or white? */
bool		mask_values_black_and_white(const MaskValues *values);

/*
 * Find the values of lesion. `lossy`: values are blurred, as in a JPEG. The
 * caller sets `kind` to MASK_PLAIN; it is changed if another kind is found.
 * LS_INVALID_IMAGE if values could mean two things.
 */
Status		mask_values_lesion(const MaskValues *values, bool lossy, LesionRange *lesion, MaskKind *kind);

/* The failure of a mask without a clear meaning; the hint describes masks. */
Status		mask_unclear(const char *format,...)
			__attribute__((format(printf, 1, 2)));

#endif

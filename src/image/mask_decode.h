/*
 * mask_decode.h: from the bytes of a mask to lesion and skin.
 *
 * People save masks in many ways. Clear ones are read. A mask that could mean
 * two things is an error that says so: if it were misread, scores or networks
 * would be wrong and nobody would notice. docs/images.md has the table.
 */
#ifndef LESIONSEG_IMAGE_MASK_DECODE_H
#define LESIONSEG_IMAGE_MASK_DECODE_H

#include <stddef.h>

#include "core/call.h"
#include "core/status.h"
#include "image/codec/codec.h"
#include "image/image.h"

/* How a mask was understood. */
typedef enum MaskKind
{
	MASK_PLAIN,					/* 0 and one other value, which is lesion; or all 0, or all above 128 */
	MASK_SOFT,					/* many values, some above 128: those are lesion */
	MASK_FAINT,					/* mostly 0 and one level up to 128, edges between: lesion from half of that level */
	MASK_PERCENT,				/* 0 to 100: lesion above 50 */
	MASK_COLOUR,				/* one colour on black: lesion from half of its brightness */
	MASK_ALPHA,					/* drawn black on transparent: lesion is what is drawn */
	MASK_BORDERED,				/* 0, 1 and 255, or a palette of these: 1 is lesion, 255 is a border (skin) */
	MASK_KINDS					/* how many there are */
} MaskKind;

/* The kind's name: "plain". */
const char *mask_kind_name(MaskKind kind);

/*
 * Decode a mask in any accepted format to 1 channel, 255 where there is lesion
 * and 0 elsewhere; kind may be NULL. LS_INVALID_IMAGE for what is no image,
 * and for an image without a clear meaning: several labels or colours, one
 * single value between 0 and 129, low values without a level, a photograph.
 * Errors leave nothing to free.
 */
Status		mask_decode(const Call *call, const void *bytes, size_t size, ImageTurn turn, Image *mask,
						MaskKind *kind);

/*
 * What a failure to read an image ("image") or its mask ("mask") says of the
 * pair: which of them it was. One that is above a limit is LS_INVALID_IMAGE
 * here: another pair may be read, so it is this one's fault.
 */
Status		pair_fault(const char *half, Status status);

/*
 * LS_INVALID_IMAGE unless a mask of width x height has the shape of that
 * image, read with that turn; sizes may differ. The message says so if the
 * shape fits the image read the other way.
 */
Status		mask_check_shape(const ImageInfo *image, ImageTurn turn, int width, int height);

#endif

/*
 * quality_parts.h: the measures behind quality.h, by what they look at.
 * Private to this folder.
 */
#ifndef LESIONSEG_ENHANCE_QUALITY_PARTS_H
#define LESIONSEG_ENHANCE_QUALITY_PARTS_H

#include "enhance/quality.h"

/* Pixels as they are: noise, resolution, blocking; and of the frame of
 * reduced size: sharpness (quality_detail.c). */
Status		quality_detail(const HostContext *host, const Image *image, const Image *frame, Quality *quality);

/* The frame of reduced size: light and colour (quality_light.c). */
Status		quality_light(const HostContext *host, const Image *frame, Quality *quality);

/* The frame: hair, glare, ink (quality_objects.c). */
Status		quality_objects(const HostContext *host, const Image *frame, Quality *quality);

/* Score and issues from the measures (quality_score.c). */
void		quality_judge(const Image *image, Quality *quality);

/* Luma of an RGB pixel, ITU-R BT.601, 0..255. */
static inline int
luma_of(const uint8_t *rgb)
{
	return (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16;
}

#endif

/*
 * hair.h: hairs in a photograph of skin. Private to src/enhance; its tests
 * compare the mask with rendered hair.
 */
#ifndef LESIONSEG_ENHANCE_HAIR_H
#define LESIONSEG_ENHANCE_HAIR_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* Find hairs: mask is (height, width), 1 where a hair covers a pixel. */
Status		hair_detect(const Call *call, const Image *image, uint8_t *mask);

/* Grow mask over the soft edges of hairs: by one pixel at a shorter side of
 * 256, in proportion at larger sizes. */
Status		hair_grow(const Call *call, const Image *image, uint8_t *mask);

#endif

/*
 * bmp_rle.h: run-length encoded pixels of a BMP. Private to this folder.
 */
#ifndef LESIONSEG_IMAGE_BMP_RLE_H
#define LESIONSEG_IMAGE_BMP_RLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

/*
 * Expand the codes from `start` on, RLE4 (`nibbles`) or RLE8, to one palette
 * index a pixel: indices (height, width), cleared, rows bottom to top. What a
 * delta or an early end of line leaves out stays 0. LS_INVALID_IMAGE where
 * rows are missing or too many.
 */
Status		bmp_rle_expand(const Call *call, const uint8_t *bytes, size_t size, size_t start, bool nibbles,
						   int width, int height, uint8_t *indices);

#endif

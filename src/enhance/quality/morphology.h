/*
 * morphology.h: dilation and erosion of a plane of bytes by a square. Private
 * to this folder.
 */
#ifndef LESIONSEG_ENHANCE_MORPHOLOGY_H
#define LESIONSEG_ENHANCE_MORPHOLOGY_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

/*
 * Set each byte of out, (height, width), to the largest (dilate) or smallest
 * (erode) byte of in within `reach` rows and columns. The work per byte grows
 * with reach. in and out may be the same plane; between is another plane of
 * that size. The call is polled.
 */
Status		morphology_dilate(const Call *call, const uint8_t *in, int width, int height, int reach, uint8_t *between,
							  uint8_t *out);
Status		morphology_erode(const Call *call, const uint8_t *in, int width, int height, int reach, uint8_t *between,
							 uint8_t *out);

#endif

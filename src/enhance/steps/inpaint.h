/*
 * inpaint.h: fill in hidden pixels from those around them. Private to this
 * folder.
 */
#ifndef LESIONSEG_ENHANCE_INPAINT_H
#define LESIONSEG_ENHANCE_INPAINT_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* Fill the pixels of image where hidden, (height, width), is 1. If all are
 * hidden, nothing is changed. */
Status		inpaint(const Call *call, const uint8_t *hidden, Image *image);

#endif

/*
 * colours.h: the colours of lines on pictures, from Okabe and Ito's palette,
 * whose colours differ for people with any kind of colour blindness. Private
 * to this folder.
 */
#ifndef LESIONSEG_IMAGE_COLOURS_H
#define LESIONSEG_IMAGE_COLOURS_H

#include <stdint.h>

static const uint8_t predicted_colour[3] = {240, 228, 66};	/* yellow */
static const uint8_t truth_colour[3] = {86, 180, 233};	/* sky blue */
static const uint8_t both_colour[3] = {255, 255, 255};	/* where both lines overlap */

#endif

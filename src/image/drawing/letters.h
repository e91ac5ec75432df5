/*
 * letters.h: a few words in a picture, in a font of 3 x 5 dots: labels are
 * names and numbers, and a picture of its own needs no library for them.
 */
#ifndef LESIONSEG_IMAGE_LETTERS_H
#define LESIONSEG_IMAGE_LETTERS_H

#include <stdint.h>

#include "image/image.h"

#define LETTER_DOTS 4			/* from letter to letter */
#define LINE_DOTS 8				/* from line to line */

/* Write text into an RGB image, its upper left corner at (left, top), both at
 * least 0, in dots of that many pixels. What the font lacks is a gap; what
 * lies outside is cut. */
void		letters_draw(Image *image, const char *text, int left, int top, int dot_size, const uint8_t colour[3]);

#endif

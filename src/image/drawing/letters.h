/*
 * letters.h: a few words in a picture, in a font of 3 x 5 dots, in which
 * M, N and W are wider: in 3 dots an M looks like an H. Labels are only names and
 * numbers, so no font library is needed.
 */
#ifndef LESIONSEG_IMAGE_LETTERS_H
#define LESIONSEG_IMAGE_LETTERS_H

#include <stdint.h>

#include "image/image.h"

#define LETTER_DOTS 4			/* from letter to letter, but for the wide ones */
#define LINE_DOTS 8				/* from line to line */

/* Dots from the left of a letter to the next one; and from the first letter of a text
 * to what follows. */
int			letter_width(char letter);
int			letters_width(const char *text);

/*
 * Write text into an RGB image, its upper left corner at (left, top), both at
 * least 0, in dots of that many pixels. Unknown characters leave a gap; parts
 * outside the image are cut.
 */
void		letters_draw(Image *image, const char *text, int left, int top, int dot_size, const uint8_t colour[3]);

#endif

/*
 * letters.c: see letters.h.
 */
#include "image/drawing/letters.h"

#include <ctype.h>

#include "image/drawing/rectangle.h"

typedef struct Glyph
{
	char		letter;
	uint8_t		rows[5];		/* three dots each, the left one in bit 2 */
} Glyph;

static const Glyph font[] = {
	{'a', {2, 5, 7, 5, 5}},
	{'b', {6, 5, 6, 5, 6}},
	{'c', {3, 4, 4, 4, 3}},
	{'d', {6, 5, 5, 5, 6}},
	{'e', {7, 4, 6, 4, 7}},
	{'f', {7, 4, 6, 4, 4}},
	{'g', {3, 4, 5, 5, 3}},
	{'h', {5, 5, 7, 5, 5}},
	{'i', {7, 2, 2, 2, 7}},
	{'j', {1, 1, 1, 5, 2}},
	{'k', {5, 5, 6, 5, 5}},
	{'l', {4, 4, 4, 4, 7}},
	{'m', {5, 7, 7, 5, 5}},
	{'n', {6, 5, 5, 5, 5}},
	{'o', {2, 5, 5, 5, 2}},
	{'p', {6, 5, 6, 4, 4}},
	{'q', {2, 5, 5, 6, 3}},
	{'r', {6, 5, 6, 5, 5}},
	{'s', {3, 4, 2, 1, 6}},
	{'t', {7, 2, 2, 2, 2}},
	{'u', {5, 5, 5, 5, 7}},
	{'v', {5, 5, 5, 5, 2}},
	{'w', {5, 5, 7, 7, 5}},
	{'x', {5, 5, 2, 5, 5}},
	{'y', {5, 5, 2, 2, 2}},
	{'z', {7, 1, 2, 4, 7}},
	{'0', {7, 5, 5, 5, 7}},
	{'1', {2, 6, 2, 2, 7}},
	{'2', {7, 1, 7, 4, 7}},
	{'3', {7, 1, 3, 1, 7}},
	{'4', {5, 5, 7, 1, 1}},
	{'5', {7, 4, 7, 1, 7}},
	{'6', {7, 4, 7, 5, 7}},
	{'7', {7, 1, 1, 2, 2}},
	{'8', {7, 5, 7, 5, 7}},
	{'9', {7, 5, 7, 1, 7}},
	{'.', {0, 0, 0, 0, 2}},
	{',', {0, 0, 0, 2, 4}},
	{':', {0, 2, 0, 2, 0}},
	{'-', {0, 0, 7, 0, 0}},
	{'+', {0, 2, 7, 2, 0}},
	{'_', {0, 0, 0, 0, 7}},
	{'%', {5, 1, 2, 4, 5}},
};

void
letters_draw(Image *image, const char *text, int left, int top, int dot_size, const uint8_t colour[3])
{
	for (; *text != '\0'; text++, left += LETTER_DOTS * dot_size)
	{
		for (size_t g = 0; g < sizeof font / sizeof font[0]; g++)
		{
			if (font[g].letter != tolower((unsigned char) *text))
				continue;
			for (int dot = 0; dot < 15; dot++)
				if (font[g].rows[dot / 3] >> (2 - dot % 3) & 1)
					fill_rectangle(image, left + dot % 3 * dot_size, top + dot / 3 * dot_size, dot_size, dot_size,
								   colour);
		}
	}
}

/*
 * letters.c: see letters.h.
 */
#include "image/drawing/letters.h"

#include <ctype.h>

#include "image/drawing/rectangle.h"

typedef struct Glyph
{
	char		letter;
	uint8_t		width;			/* dots */
	uint8_t		rows[5];		/* the rightmost dot in bit 0 */
} Glyph;

static const Glyph font[] = {
	{'a', 3, {2, 5, 7, 5, 5}},
	{'b', 3, {6, 5, 6, 5, 6}},
	{'c', 3, {3, 4, 4, 4, 3}},
	{'d', 3, {6, 5, 5, 5, 6}},
	{'e', 3, {7, 4, 6, 4, 7}},
	{'f', 3, {7, 4, 6, 4, 4}},
	{'g', 3, {3, 4, 5, 5, 3}},
	{'h', 3, {5, 5, 7, 5, 5}},
	{'i', 3, {7, 2, 2, 2, 7}},
	{'j', 3, {1, 1, 1, 5, 2}},
	{'k', 3, {5, 5, 6, 5, 5}},
	{'l', 3, {4, 4, 4, 4, 7}},
	{'m', 5, {17, 27, 21, 17, 17}},
	{'n', 4, {9, 13, 11, 9, 9}},
	{'o', 3, {2, 5, 5, 5, 2}},
	{'p', 3, {6, 5, 6, 4, 4}},
	{'q', 3, {2, 5, 5, 6, 3}},
	{'r', 3, {6, 5, 6, 5, 5}},
	{'s', 3, {3, 4, 2, 1, 6}},
	{'t', 3, {7, 2, 2, 2, 2}},
	{'u', 3, {5, 5, 5, 5, 7}},
	{'v', 3, {5, 5, 5, 5, 2}},
	{'w', 5, {17, 17, 21, 27, 17}},
	{'x', 3, {5, 5, 2, 5, 5}},
	{'y', 3, {5, 5, 2, 2, 2}},
	{'z', 3, {7, 1, 2, 4, 7}},
	{'0', 3, {7, 5, 5, 5, 7}},
	{'1', 3, {2, 6, 2, 2, 7}},
	{'2', 3, {7, 1, 7, 4, 7}},
	{'3', 3, {7, 1, 3, 1, 7}},
	{'4', 3, {5, 5, 7, 1, 1}},
	{'5', 3, {7, 4, 7, 1, 7}},
	{'6', 3, {7, 4, 7, 5, 7}},
	{'7', 3, {7, 1, 1, 2, 2}},
	{'8', 3, {7, 5, 7, 5, 7}},
	{'9', 3, {7, 5, 7, 1, 7}},
	{'.', 3, {0, 0, 0, 0, 2}},
	{',', 3, {0, 0, 0, 2, 4}},
	{':', 3, {0, 2, 0, 2, 0}},
	{'-', 3, {0, 0, 7, 0, 0}},
	{'+', 3, {0, 2, 7, 2, 0}},
	{'_', 3, {0, 0, 0, 0, 7}},
	{'%', 3, {5, 1, 2, 4, 5}},
};

/* The drawing of a letter; NULL if there is none. */
static const Glyph *
find_glyph(char letter)
{
	for (size_t g = 0; g < sizeof font / sizeof font[0]; g++)
		if (font[g].letter == tolower((unsigned char) letter))
			return &font[g];
	return NULL;
}

int
letter_width(char letter)
{
	const Glyph *glyph = find_glyph(letter);

	return glyph != NULL ? glyph->width + 1 : LETTER_DOTS;
}

int
letters_width(const char *text)
{
	int			width = 0;

	for (; *text != '\0'; text++)
		width += letter_width(*text);
	return width;
}

void
letters_draw(Image *image, const char *text, int left, int top, int dot_size, const uint8_t colour[3])
{
	for (; *text != '\0'; left += letter_width(*text++) * dot_size)
	{
		const Glyph *glyph = find_glyph(*text);

		for (int y = 0; glyph != NULL && y < 5; y++)
			for (int x = 0; x < glyph->width; x++)
				if (glyph->rows[y] >> (glyph->width - 1 - x) & 1)
					fill_rectangle(image, left + x * dot_size, top + y * dot_size, dot_size, dot_size, colour);
	}
}

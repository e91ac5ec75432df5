/*
 * window.c: see window.h.
 */
#include "infer/window.h"

#include <math.h>
#include <stdint.h>

/* Widen a part of a side of `whole` pixels to `side` pixels, or one more, by as
 * much at both ends; then move it inside. */
static void
widen(int *first, int *length, int side, int whole)
{
	int			grow = (side - *length + 1) / 2;
	int			begin = *first - grow;
	int			end = *first + *length + grow;

	if (end - begin >= whole)
	{
		begin = 0;
		end = whole;
	}
	else if (begin < 0)
	{
		end -= begin;
		begin = 0;
	}
	else if (end > whole)
	{
		begin -= end - whole;
		end = whole;
	}
	*first = begin;
	*length = end - begin;
}

Window
window_around(Window lesion, double margin, int width, int height)
{
	int			longer = lesion.width > lesion.height ? lesion.width : lesion.height;
	int			side = longer + 2 * (int) ceil(margin * longer);

	widen(&lesion.x, &lesion.width, side, width);
	widen(&lesion.y, &lesion.height, side, height);
	return lesion;
}

/* Scale a part of a side of `from` pixels to one of `to`, rounding outwards. */
static void
scale_part(int *first, int *length, int from, int to)
{
	int64_t		begin = (int64_t) *first * to / from;
	int64_t		end = (((int64_t) *first + *length) * to + from - 1) / from;

	*first = (int) begin;
	*length = (int) (end - begin);
}

Window
window_scale(Window window, int from_width, int from_height, int to_width, int to_height)
{
	scale_part(&window.x, &window.width, from_width, to_width);
	scale_part(&window.y, &window.height, from_height, to_height);
	return window;
}

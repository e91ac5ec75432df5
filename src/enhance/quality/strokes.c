/*
 * strokes.c: see strokes.h. A curve is a chain of straight pieces; for each
 * piece only the pixels in its bounding box are visited.
 */
#include "enhance/quality/strokes.h"

#include <math.h>
#include <stddef.h>

#define PIECES 20				/* of a curve */

/* The square of the distance of p from the segment a b, in 1/65536 pixel. */
static int64_t
distance_square(StrokePoint a, StrokePoint b, int64_t x, int64_t y)
{
	int64_t		along_x = b.x - a.x;
	int64_t		along_y = b.y - a.y;
	int64_t		to_x = x - a.x;
	int64_t		to_y = y - a.y;
	int64_t		length = along_x * along_x + along_y * along_y;
	int64_t		dot = to_x * along_x + to_y * along_y;

	if (dot > 0 && length > 0)
	{
		if (dot >= length)
		{
			to_x = x - b.x;
			to_y = y - b.y;
		}
		else
		{
			/* how far along, in 1/4096: dot squared would not fit in 64 bits */
			int64_t		share = dot * 4096 / length;

			to_x -= along_x * share / 4096;
			to_y -= along_y * share / 4096;
		}
	}
	return to_x * to_x + to_y * to_y;
}

static int
clip_to_cover(int64_t value, int limit)
{
	return value < 0 ? 0 : value > limit ? limit : (int) value;
}

void
stroke_line(Cover *cover, StrokePoint from, StrokePoint to, int radius)
{
	int64_t		reach = radius + 384;
	int			left = clip_to_cover(((from.x < to.x ? from.x : to.x) - reach) / 256, cover->width);
	int			right = clip_to_cover(((from.x > to.x ? from.x : to.x) + reach) / 256 + 1, cover->width);
	int			top = clip_to_cover(((from.y < to.y ? from.y : to.y) - reach) / 256, cover->height);
	int			bottom = clip_to_cover(((from.y > to.y ? from.y : to.y) + reach) / 256 + 1, cover->height);

	for (int y = top; y < bottom; y++)
	{
		uint8_t    *row = cover->pixels + (size_t) y * (size_t) cover->width;

		for (int x = left; x < right; x++)
		{
			int64_t		square = distance_square(from, to, 256 * (int64_t) x + 128, 256 * (int64_t) y + 128);
			int64_t		inside;

			if (square >= (int64_t) (radius + 128) * (radius + 128))
				continue;
			inside = radius + 128 - (int64_t) sqrt((double) square);
			/* a line thinner than a pixel covers at most its width */
			if (inside > 2 * (int64_t) radius)
				inside = 2 * (int64_t) radius;
			inside = inside > 255 ? 255 : inside;
			if (row[x] < inside)
				row[x] = (uint8_t) inside;
		}
	}
}

void
stroke_curve(Cover *cover, const StrokePoint points[3], int first_radius, int last_radius)
{
	StrokePoint before = points[0];

	for (int64_t t = 1; t <= PIECES; t++)
	{
		int64_t		u = PIECES - t;
		StrokePoint at;

		at.x = (u * u * points[0].x + 2 * u * t * points[1].x + t * t * points[2].x) / (PIECES * PIECES);
		at.y = (u * u * points[0].y + 2 * u * t * points[1].y + t * t * points[2].y) / (PIECES * PIECES);
		stroke_line(cover, before, at, (int) ((first_radius * u + last_radius * t) / PIECES));
		before = at;
	}
}

/*
 * maskrcnn_anchors.c: the canvas of the region proposal network and the
 * anchors on it.
 *
 * The finest level stands on top; below it, after a row of zeros, the others
 * side by side, each after a column of zeros. So a 3 x 3 convolution sees
 * zeros around each level, as it would around a level alone.
 */
#include "arch/maskrcnn.h"

#include <math.h>

void
canvas_layout(int height, int width, Canvas *canvas)
{
	int			left = 0;

	canvas->cells = 0;
	canvas->w = 0;
	canvas->h = 0;
	for (int i = 0; i < RPN_LEVELS; i++)
	{
		CanvasPlace *place = &canvas->places[i];

		place->level = RPN_FIRST_LEVEL + i;
		place->stride = FIRST_STRIDE << place->level;
		place->h = height / place->stride;
		place->w = width / place->stride;
		place->top = i == 0 ? 0 : canvas->places[0].h + 1;
		place->left = i == 0 ? 0 : left;
		if (i > 0)
			left += place->w + 1;
		if (place->top + place->h > canvas->h)
			canvas->h = place->top + place->h;
		if (place->left + place->w > canvas->w)
			canvas->w = place->left + place->w;
		canvas->cells += place->h * place->w;
	}
	canvas->anchor_count = canvas->cells * ANCHORS_PER_CELL;
}

void
canvas_fill(Canvas *canvas, float anchor)
{
	static const float shapes[3] = {0.5f, 1, 2};	/* height over width */
	int			cell = 0;

	for (int i = 0; i < RPN_LEVELS; i++)
	{
		const CanvasPlace *place = &canvas->places[i];

		for (int at = 0; at < place->h * place->w; at++, cell++)
		{
			int			y = at / place->w;
			int			x = at % place->w;
			float		centre_x = ((float) x + 0.5f) * (float) place->stride;
			float		centre_y = ((float) y + 0.5f) * (float) place->stride;

			canvas->pixels[cell] = (place->top + y) * canvas->w + place->left + x;
			for (int a = 0; a < ANCHORS_PER_CELL; a++)
			{
				float		side = anchor * (float) place->stride * (a < 3 ? 1 : sqrtf(2));
				float		half_w = side / sqrtf(shapes[a % 3]) / 2;
				float		half_h = side * sqrtf(shapes[a % 3]) / 2;

				canvas->anchors[cell * ANCHORS_PER_CELL + a] = (Box) {
					centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h
				};
			}
		}
	}
}

/*
 * probability.c: see probability.h.
 *
 * The colours run from dark blue over green to yellow, as in matplotlib's
 * viridis: each is lighter than the one before, so that every eye and a grey
 * print can tell them apart.
 */
#include "image/drawing/probability.h"

#include <string.h>

#include "image/codec/formats.h"
#include "image/drawing/colours.h"
#include "image/drawing/draw.h"
#include "image/drawing/legend.h"
#include "image/drawing/letters.h"
#include "image/drawing/rectangle.h"

#define GAP_DOTS 4

/* The colours of 0, 1/4, ... 1. */
#define SHADES 4
static const uint8_t shades[SHADES + 1][3] = {
	{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}
};

/* The colour of a probability, 0..255. */
static void
shade(int value, uint8_t colour[3])
{
	int			first = value * SHADES / 256;
	int			part = value * SHADES - first * 255;	/* 0..255 of the way to the next */

	for (int c = 0; c < 3; c++)
		colour[c] = (uint8_t) ((shades[first][c] * (255 - part) + shades[first + 1][c] * part + 127) / 255);
}

/* Colour the map. */
static Status
colour_map(const Call *call, const Image *map, Image *coloured)
{
	size_t		width = (size_t) map->width;
	uint8_t		colours[256][3];
	Status		status = status_ok();

	for (int value = 0; value < 256; value++)
		shade(value, colours[value]);
	TRY(image_create(call, map->width, map->height, 3, coloured));
	for (int y = 0; y < map->height && status.code == LS_OK; y++)
	{
		for (size_t i = (size_t) y * width; i < ((size_t) y + 1) * width; i++)
			memcpy(coloured->pixels + 3 * i, colours[map->pixels[i]], 3);
		if (y % POLL_ROWS == 0)
			status = call_poll(call);
	}
	if (status.code != LS_OK)
		image_free(call, coloured);
	return status;
}

/* Draw the scale, a third of the picture's width between its numbers. */
static void
draw_scale(Image *picture, int left, int top, int dot)
{
	int			length = picture->width / 3;

	letters_draw(picture, "0", left, top, dot, both_colour);
	left += letters_width("0 ") * dot;
	for (int x = 0; x < length; x++)
	{
		uint8_t		colour[3];

		shade(255 * x / (length > 1 ? length - 1 : 1), colour);
		fill_rectangle(picture, left + x, top, 1, 5 * dot, colour);
	}
	letters_draw(picture, "1", left + length + letters_width(" ") * dot, top, dot, both_colour);
}

/* Refuse what is no map of the image's probabilities. */
static Status
check_map(const Image *image, const Image *map)
{
	Status		status;

	if (map->channels == 1 && image_shapes_match(image->width, image->height, map->width, map->height))
		return status_ok();
	if (map->channels != 1)
		status = status_error(LS_INVALID_ARGUMENT, "a map of probabilities has 1 channel, not %d", map->channels);
	else
		status = status_error(LS_INVALID_ARGUMENT,
							  "the image is %d x %d pixels, the probabilities %d x %d: another shape",
							  image->width, image->height, map->width, map->height);
	return status_with_hint(status, "Give the probability that lesion_segment_detail returns for the image.");
}

Status
probability_picture(const Call *call, const Image *image, const Image *map, double mm_per_pixel, Image *result)
{
	static const char *const names[] = {"image", "probability"};
	int			dot = legend_dot(image->width, image->height);
	double		spacing = legend_spacing(mm_per_pixel);
	Image		coloured;
	Image		pair;
	Status		status;

	TRY(check_map(image, map));
	TRY(colour_map(call, map, &coloured));
	status = draw_pair(call, image, &coloured, names, &pair);
	image_free(call, &coloured);
	TRY(status);
	status = legend_strip(call, &pair, spacing > 0 ? 2 : 1, dot, result);
	if (status.code == LS_OK)
	{
		draw_scale(result, GAP_DOTS * dot, pair.height + 2 * dot, dot);
		if (spacing > 0)
			legend_bar(result, GAP_DOTS * dot, pair.height + legend_line(dot) + 2 * dot, dot, spacing);
	}
	image_free(call, &pair);
	return status;
}

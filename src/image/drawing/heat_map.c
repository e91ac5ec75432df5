/*
 * heat_map.c: a table of numbers as coloured cells with the numbers in them.
 *
 * Cells go from white to dark blue: one hue of different lightness, which
 * every eye and a grey print can tell apart.
 */
#include "image/drawing/heat_map.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/drawing/letters.h"

#define DOT 2					/* pixels of a dot */
#define LETTER (LETTER_DOTS * DOT)	/* from letter to letter */
#define CELL_WIDTH (6 * LETTER)
#define CELL_HEIGHT (11 * DOT)
#define MARGIN 8

static const uint8_t none_colour[3] = {225, 225, 225};	/* colour of a cell without a number */
static const uint8_t least_colour[3] = {255, 255, 255};
static const uint8_t worst_colour[3] = {8, 48, 107};

/* Fill a rectangle. */
static void
fill(Image *image, int left, int top, int width, int height, const uint8_t colour[3])
{
	for (int y = top; y < top + height; y++)
		for (int x = left; x < left + width; x++)
			memcpy(image->pixels + 3 * ((size_t) y * (size_t) image->width + (size_t) x), colour, 3);
}

/* The length of the longest name, at most HEAT_MAP_LETTERS. */
static int
longest(const char *const *names, int count)
{
	size_t		most = 0;

	for (int i = 0; i < count; i++)
		most = strlen(names[i]) > most ? strlen(names[i]) : most;
	return most > HEAT_MAP_LETTERS ? HEAT_MAP_LETTERS : (int) most;
}

/* Draw one cell. */
static void
draw_cell(Image *image, double value, double worst, int left, int top)
{
	double		share = worst > 0 ? fmin(1, fmax(0, value / worst)) : 0;
	uint8_t		colour[3];
	char		text[16];

	if (isnan(value))
	{
		fill(image, left, top, CELL_WIDTH - 1, CELL_HEIGHT - 1, none_colour);
		return;
	}
	for (int c = 0; c < 3; c++)
		colour[c] = (uint8_t) (least_colour[c] + (worst_colour[c] - least_colour[c]) * share + 0.5);
	fill(image, left, top, CELL_WIDTH - 1, CELL_HEIGHT - 1, colour);
	snprintf(text, sizeof text, "%.1f", value == 0 ? 0 : value);	/* no -0.0 */
	text[5] = '\0';
	letters_draw(image, text, left + CELL_WIDTH - DOT - LETTER * (int) strlen(text), top + 3 * DOT, DOT,
				 share > 0.5 ? least_colour : worst_colour);
}

Status
heat_map_draw(const Call *call, const HeatMap *map, Image *result)
{
	int			names = MARGIN + LETTER * (longest(map->row_names, map->rows) + 1);
	int			columns_width = longest(map->column_names, map->columns) * LETTER;
	int			pitch = columns_width + LETTER > CELL_WIDTH ? columns_width + LETTER : CELL_WIDTH;
	int			width = names + map->columns * pitch + MARGIN;
	int			height = 2 * MARGIN + (map->rows + 1) * CELL_HEIGHT;

	TRY(image_create(call, width, height, 3, result));
	memset(result->pixels, 255, (size_t) width * (size_t) height * 3);
	for (int j = 0; j < map->columns; j++)
	{
		char		name[HEAT_MAP_LETTERS + 1];

		snprintf(name, sizeof name, "%s", map->column_names[j]);
		letters_draw(result, name, names + (j + 1) * pitch - LETTER - LETTER * (int) strlen(name), MARGIN + 3 * DOT,
					 DOT,
					 worst_colour);
	}
	for (int i = 0; i < map->rows; i++)
	{
		char		name[HEAT_MAP_LETTERS + 1];
		int			top = MARGIN + (i + 1) * CELL_HEIGHT;

		snprintf(name, sizeof name, "%s", map->row_names[i]);
		letters_draw(result, name, MARGIN, top + 3 * DOT, DOT, worst_colour);
		for (int j = 0; j < map->columns; j++)
			draw_cell(result, map->cells[i * map->columns + j], map->worst,
					  names + (j + 1) * pitch - LETTER - CELL_WIDTH + DOT, top);
	}
	return status_ok();
}

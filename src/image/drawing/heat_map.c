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
#include "image/drawing/rectangle.h"

#define DOT 2					/* pixels of a dot */
#define LETTER (LETTER_DOTS * DOT)	/* from digit to digit */
#define CELL_WIDTH (6 * LETTER)
#define CELL_HEIGHT (11 * DOT)
#define MARGIN 8
#define SCALE_STEPS 24			/* of the scale of shades */
#define SCALE_STEP 8			/* pixels of one */

static const uint8_t none_colour[3] = {225, 225, 225};	/* colour of a cell without a number */
static const uint8_t least_colour[3] = {255, 255, 255};
static const uint8_t worst_colour[3] = {8, 48, 107};

/* The pixels that a text takes. */
static int
text_width(const char *text)
{
	return DOT * letters_width(text);
}

/* Cut a name to the letters that are shown; the pixels that it takes. */
static int
cut_name(const char *name, char cut[HEAT_MAP_LETTERS + 1])
{
	snprintf(cut, HEAT_MAP_LETTERS + 1, "%s", name);
	return text_width(cut);
}

/* The pixels that the widest of the names takes. */
static int
widest_name(const char *const *names, int count)
{
	char		name[HEAT_MAP_LETTERS + 1];
	int			most = 0;

	for (int i = 0; i < count; i++)
	{
		int			width = cut_name(names[i], name);

		most = width > most ? width : most;
	}
	return most;
}

/* The shade of a value. */
static void
shade(double value, double worst, uint8_t colour[3])
{
	double		share = worst > 0 ? fmin(1, fmax(0, value / worst)) : 0;

	for (int c = 0; c < 3; c++)
		colour[c] = (uint8_t) (least_colour[c] + (worst_colour[c] - least_colour[c]) * share + 0.5);
}

/* Draw one cell. */
static void
draw_cell(Image *image, double value, double worst, int left, int top)
{
	uint8_t		colour[3];
	char		text[16];

	if (isnan(value))
	{
		fill_rectangle(image, left, top, CELL_WIDTH - 1, CELL_HEIGHT - 1, none_colour);
		return;
	}
	shade(value, worst, colour);
	fill_rectangle(image, left, top, CELL_WIDTH - 1, CELL_HEIGHT - 1, colour);
	snprintf(text, sizeof text, "%.1f", fabs(value) < 0.05 ? 0 : value);	/* no -0.0 */
	text[5] = '\0';
	letters_draw(image, text, left + CELL_WIDTH - DOT - LETTER * (int) strlen(text), top + 3 * DOT, DOT,
				 value > worst / 2 ? least_colour : worst_colour);
}

/* The width of the scale, with its numbers. */
static int
scale_width(const char *most)
{
	return 3 * LETTER + SCALE_STEPS * SCALE_STEP + LETTER * (int) strlen(most);
}

/* Draw the scale of shades: 0, a ramp, and the number that is darkest. */
static void
draw_scale(Image *image, double worst, const char *most, int left, int top)
{
	letters_draw(image, "0", left, top + 3 * DOT, DOT, worst_colour);
	left += 2 * LETTER;
	for (int i = 0; i < SCALE_STEPS; i++, left += SCALE_STEP)
	{
		uint8_t		colour[3];

		shade(worst * i / (SCALE_STEPS - 1), worst, colour);
		fill_rectangle(image, left, top + DOT, SCALE_STEP, CELL_HEIGHT - 3 * DOT, worst_colour);
		fill_rectangle(image, left, top + DOT + 1, SCALE_STEP, CELL_HEIGHT - 3 * DOT - 2, colour);
	}
	letters_draw(image, most, left + LETTER, top + 3 * DOT, DOT, worst_colour);
}

/* The width of a picture that something else of that width must fit into, too. */
static int
wider(int width, int content)
{
	return content + 2 * MARGIN > width ? content + 2 * MARGIN : width;
}

Status
heat_map_draw(const Call *call, const HeatMap *map, Image *result)
{
	int			names = MARGIN + widest_name(map->row_names, map->rows) + LETTER;
	int			columns_width = widest_name(map->column_names, map->columns);
	int			pitch = columns_width + LETTER > CELL_WIDTH ? columns_width + LETTER : CELL_WIDTH;
	int			width = names + map->columns * pitch + MARGIN;
	int			header = MARGIN;
	int			height;
	char		title[HEAT_MAP_TITLE + 1];
	char		most[24];

	snprintf(title, sizeof title, "%s", map->title != NULL ? map->title : "");
	snprintf(most, sizeof most, "%.4g", map->worst);
	if (title[0] != '\0')
	{
		header += CELL_HEIGHT;
		width = wider(width, text_width(title));
	}
	height = header + (map->rows + 1) * CELL_HEIGHT + MARGIN;
	if (map->worst > 0)
	{
		height += CELL_HEIGHT + MARGIN;
		width = wider(width, scale_width(most));
	}
	TRY(image_create(call, width, height, 3, result));
	memset(result->pixels, 255, (size_t) width * (size_t) height * 3);
	letters_draw(result, title, MARGIN, MARGIN + 3 * DOT, DOT, worst_colour);
	for (int j = 0; j < map->columns; j++)
	{
		char		name[HEAT_MAP_LETTERS + 1];
		int			name_width = cut_name(map->column_names[j], name);

		letters_draw(result, name, names + (j + 1) * pitch - LETTER - name_width, header + 3 * DOT, DOT, worst_colour);
	}
	for (int i = 0; i < map->rows; i++)
	{
		char		name[HEAT_MAP_LETTERS + 1];
		int			top = header + (i + 1) * CELL_HEIGHT;

		(void) cut_name(map->row_names[i], name);
		letters_draw(result, name, MARGIN, top + 3 * DOT, DOT, worst_colour);
		for (int j = 0; j < map->columns; j++)
			draw_cell(result, map->cells[i * map->columns + j], map->worst,
					  names + (j + 1) * pitch - LETTER - CELL_WIDTH + DOT, top);
	}
	if (map->worst > 0)
		draw_scale(result, map->worst, most, MARGIN, height - MARGIN - CELL_HEIGHT);
	return status_ok();
}

/*
 * side_by_side.c: see side_by_side.h. A thin frame separates a white mask from
 * the white around it.
 */
#include "image/drawing/side_by_side.h"

#include <limits.h>
#include <string.h>

#include "image/drawing/legend.h"
#include "image/drawing/rectangle.h"
#include "image/resize/nearest.h"

static const uint8_t frame_colour[3] = {160, 160, 160};

/* The column at which picture i begins. */
static int
picture_left(const SideBySide *side, int i)
{
	return side->gap + i * (side->picture_width + side->gap);
}

/* Find the pixels of a picture's columns. */
static Status
find_columns(SideBySide *side, int i)
{
	void	   *memory;

	TRY(call_alloc_array(side->call, (size_t) side->picture_width, sizeof(int), &memory));
	side->columns[i] = memory;
	for (int x = 0; x < side->picture_width; x++)
		side->columns[i][x] = nearest_index(x, side->pictures[i]->width, side->picture_width);
	return status_ok();
}

/* Draw the names, and the frames' upper edges below them. */
static Status
draw_head(SideBySide *side, const char *const *names, int dot)
{
	int			top = legend_line(dot);

	TRY(image_create(side->call, side->width, top, 3, &side->head));
	memset(side->head.pixels, 255, 3 * (size_t) side->width * (size_t) top);
	for (int i = 0; i < side->count; i++)
	{
		int			left = picture_left(side, i);

		fill_rectangle(&side->head, left - 1, top - 1, side->picture_width + 2, 1, frame_colour);
		legend_title(&side->head, names[i], left, 2 * dot, side->picture_width + side->gap, dot);
	}
	return status_ok();
}

/* Make a row between the frames' upper and lower edges, without pictures. */
static Status
make_blank(SideBySide *side)
{
	void	   *memory;

	TRY(call_alloc_array(side->call, (size_t) side->width, 3, &memory));
	side->blank = memory;
	memset(side->blank, 255, 3 * (size_t) side->width);
	for (int i = 0; i < side->count; i++)
	{
		uint8_t    *picture = side->blank + 3 * (size_t) picture_left(side, i);

		memcpy(picture - 3, frame_colour, 3);
		memcpy(picture + 3 * (size_t) side->picture_width, frame_colour, 3);
	}
	return status_ok();
}

Status
side_by_side_start(SideBySide *side, const Call *call, const Image *const *pictures, const char *const *names,
				   int count, int width, int height)
{
	int			dot = legend_dot(width, height);
	int			gap = 4 + (width < height ? width : height) / 32;
	int64_t		all_across = count * (int64_t) width + (count + 1) * (int64_t) gap;
	int64_t		all_down = (int64_t) height + gap + legend_line(dot);

	memset(side, 0, sizeof *side);
	side->call = call;
	if (all_across > INT_MAX || all_down > INT_MAX)
		return status_error(LS_LIMIT_EXCEEDED, "a panel of %d x %d pixels %d times is too wide", width, height, count);
	TRY(image_check_size(call, (int) all_across, (int) all_down));
	side->count = count;
	side->picture_width = width;
	side->picture_height = height;
	side->gap = gap;
	side->width = (int) all_across;
	side->height = (int) all_down;
	for (int i = 0; i < count; i++)
	{
		side->pictures[i] = pictures[i];
		if (pictures[i] != NULL)
			TRY(find_columns(side, i));
	}
	TRY(draw_head(side, names, dot));
	return make_blank(side);
}

/* Write row y of picture i, from the nearest pixels. */
static void
picture_row(const SideBySide *side, int i, int y, uint8_t *row)
{
	const Image *picture = side->pictures[i];
	const int  *columns = side->columns[i];
	size_t		channels = (size_t) picture->channels;
	const uint8_t *from = picture->pixels +
		(size_t) nearest_index(y, picture->height, side->picture_height) * (size_t) picture->width * channels;

	for (int x = 0; x < side->picture_width; x++, row += 3)
	{
		const uint8_t *pixel = from + (size_t) columns[x] * channels;

		row[0] = pixel[0];
		row[1] = pixel[channels / 2];
		row[2] = pixel[channels - 1];
	}
}

/* Write a row below the pictures: the frames' lower edges, then white. */
static void
foot_row(const SideBySide *side, bool edge, uint8_t *row)
{
	memset(row, 255, 3 * (size_t) side->width);
	for (int i = 0; edge && i < side->count; i++)
	{
		uint8_t    *out = row + 3 * (size_t) (picture_left(side, i) - 1);

		for (int x = 0; x < side->picture_width + 2; x++, out += 3)
			memcpy(out, frame_colour, 3);
	}
}

void
side_by_side_row(const SideBySide *side, int y, const uint8_t *first, uint8_t *row)
{
	size_t		size = 3 * (size_t) side->width;
	int			of_picture = y - side->head.height;

	if (of_picture < 0)
	{
		memcpy(row, side->head.pixels + (size_t) y * size, size);
		return;
	}
	if (of_picture >= side->picture_height)
	{
		foot_row(side, of_picture == side->picture_height, row);
		return;
	}
	memcpy(row, side->blank, size);
	for (int i = 0; i < side->count; i++)
	{
		uint8_t    *out = row + 3 * (size_t) picture_left(side, i);

		if (side->pictures[i] == NULL)
			memcpy(out, first, 3 * (size_t) side->picture_width);
		else
			picture_row(side, i, of_picture, out);
	}
}

void
side_by_side_free(SideBySide *side)
{
	if (side->call == NULL)
		return;
	image_free(side->call, &side->head);
	call_free(side->call, side->blank);
	for (int i = 0; i < side->count; i++)
		call_free(side->call, side->columns[i]);
	memset(side, 0, sizeof *side);
}

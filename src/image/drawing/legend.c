/*
 * legend.c: see legend.h.
 */
#include "image/drawing/legend.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/drawing/colours.h"
#include "image/drawing/letters.h"
#include "image/drawing/rectangle.h"

#define SAMPLE_DOTS 10			/* the length of a line's sample */
#define GAP_DOTS 4

static const uint8_t strip_colour[3] = {64, 48, 44};	/* as dark as a mole: all lines stand out */

int
legend_dot(int width, int height)
{
	int			side = width < height ? width : height;

	return side < 192 ? 1 : 2 + (side - 192) / 160;
}

int
legend_line(int dot)
{
	return 10 * dot;
}

void
legend_title(Image *image, const char *title, int left, int top, int width, int dot)
{
	static const uint8_t black[3] = {0, 0, 0};

	if (dot * letters_width(title) <= width)
		letters_draw(image, title, left, top, dot, black);
}

/* The longest of 1, 2, 5, 10, ... mm that takes at most a third of the width. */
static double
bar_length(int width, double mm_per_pixel)
{
	double		most = width * mm_per_pixel / 3;
	double		power = pow(10, floor(log10(most)));
	double		share = most / power;

	return power * (share >= 5 ? 5 : share >= 2 ? 2 : 1);
}

double
legend_spacing(double mm_per_pixel)
{
	return isfinite(mm_per_pixel) && mm_per_pixel > 1e-6 && mm_per_pixel < 1e6 ? mm_per_pixel : 0;
}

void
legend_bar(Image *image, int left, int top, int dot, double mm_per_pixel)
{
	double		length = bar_length(image->width, mm_per_pixel);
	int			pixels = (int) (length / mm_per_pixel + 0.5);
	char		text[24];

	snprintf(text, sizeof text, "%g mm", length);
	fill_rectangle(image, left, top + 2 * dot, pixels, dot, both_colour);
	fill_rectangle(image, left, top, dot, 5 * dot, both_colour);
	fill_rectangle(image, left + pixels - dot, top, dot, 5 * dot, both_colour);
	letters_draw(image, text, left + pixels + GAP_DOTS * dot, top, dot, both_colour);
}

/* Names of lines, in the order in which they are drawn. */
static const struct
{
	const char *name;
	const uint8_t *colour;
}			entries[] = {
	{"mask", predicted_colour},
	{"truth", truth_colour},
	{"both", both_colour}
};

/* Draw the names into lines of the strip that begins at top, and the bar below them; or, where
 * image is NULL, only count these lines. */
static int
lay_out(Image *image, int width, int top, int dot, bool with_truth, double mm_per_pixel)
{
	int			left = GAP_DOTS * dot;
	int			lines = 1;

	for (int i = 0; i < (with_truth ? 3 : 1); i++)
	{
		int			wide = (SAMPLE_DOTS + GAP_DOTS + letters_width(entries[i].name) + GAP_DOTS) * dot;

		if (left > GAP_DOTS * dot && left + wide > width)
		{
			lines++;
			left = GAP_DOTS * dot;
		}
		if (image != NULL)
		{
			int			line = top + (lines - 1) * legend_line(dot) + 2 * dot;

			fill_rectangle(image, left, line + dot, SAMPLE_DOTS * dot, 2 * dot, entries[i].colour);
			letters_draw(image, entries[i].name, left + (SAMPLE_DOTS + 2) * dot, line, dot, both_colour);
		}
		left += wide;
	}
	if (mm_per_pixel > 0)
	{
		if (image != NULL)
			legend_bar(image, GAP_DOTS * dot, top + lines * legend_line(dot) + 2 * dot, dot, mm_per_pixel);
		lines++;
	}
	return lines;
}

Status
legend_strip(const Call *call, const Image *picture, int lines, int dot, Image *result)
{
	int64_t		height = picture->height + (int64_t) lines * legend_line(dot);

	if (height > INT_MAX)
		return status_error(LS_LIMIT_EXCEEDED, "a picture of %lld rows is too high", (long long) height);
	TRY(image_create(call, picture->width, (int) height, 3, result));
	memcpy(result->pixels, picture->pixels, (size_t) picture->width * (size_t) picture->height * 3);
	fill_rectangle(result, 0, picture->height, picture->width, (int) height - picture->height, strip_colour);
	return status_ok();
}

Status
legend_overlay(const Call *call, int width, int height, bool with_truth, double mm_per_pixel, Image *strip)
{
	int			dot = legend_dot(width, height);
	double		spacing = legend_spacing(mm_per_pixel);
	int			lines = lay_out(NULL, width, 0, dot, with_truth, spacing);
	int64_t		rows = (int64_t) lines * legend_line(dot);

	if (height + rows > INT_MAX)
		return status_error(LS_LIMIT_EXCEEDED, "a picture of %lld rows is too high", (long long) (height + rows));
	TRY(image_create(call, width, (int) rows, 3, strip));
	fill_rectangle(strip, 0, 0, width, (int) rows, strip_colour);
	(void) lay_out(strip, width, 0, dot, with_truth, spacing);
	return status_ok();
}

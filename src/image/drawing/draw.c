/*
 * draw.c: contours over an image, and images side by side.
 *
 * A contour is the part of a mask that lies within a line's width of its
 * edge: the mask less its erosion by a square. Erosion by a square separates
 * into rows and columns, so its cost does not depend on the line's width.
 * Colours (colours.h) stand out from skin.
 */
#include "image/drawing/draw.h"

#include <limits.h>
#include <string.h>

#include "image/codec/formats.h"
#include "image/drawing/colours.h"
#include "image/drawing/legend.h"
#include "image/drawing/rectangle.h"

static const uint8_t frame_colour[3] = {160, 160, 160};

/* Bits of a contour map. */
#define ON_PREDICTED 1
#define ON_TRUTH 2

/* Width of the lines over an image in pixels, growing with its size. */
static int
line_width(const Image *image)
{
	int			side = image->width < image->height ? image->width : image->height;

	return 1 + side / 256;
}

/*
 * Clear each pixel of a line that is at most `reach` pixels from a zero, on
 * either side. Pixels beyond the ends do not count. line has room for a copy.
 */
static void
erode_line(uint8_t *pixels, int count, size_t step, int reach, uint8_t *line)
{
	int			away = reach + 1;	/* pixels since the last zero */

	for (int i = 0; i < count; i++)
	{
		line[i] = pixels[(size_t) i * step];
		away = line[i] == 0 ? 0 : away + 1;
		if (away <= reach)
			pixels[(size_t) i * step] = 0;
	}
	away = reach + 1;
	for (int i = count - 1; i >= 0; i--)
	{
		away = line[i] == 0 ? 0 : away + 1;
		if (away <= reach)
			pixels[(size_t) i * step] = 0;
	}
}

/* Erode a mask by a square that reaches that many pixels to each side. */
static Status
erode_mask(const Call *call, Image *mask, int reach)
{
	int			longest = mask->width > mask->height ? mask->width : mask->height;
	void	   *line;
	Status		status = status_ok();

	TRY(call_alloc_array(call, (size_t) longest, 1, &line));
	for (int y = 0; y < mask->height && status.code == LS_OK; y++)
	{
		erode_line(mask->pixels + (size_t) y * (size_t) mask->width, mask->width, 1, reach, line);
		if (y % POLL_ROWS == 0)
			status = call_poll(call);
	}
	for (int x = 0; x < mask->width && status.code == LS_OK; x++)
	{
		erode_line(mask->pixels + x, mask->height, (size_t) mask->width, reach, line);
		if (x % POLL_ROWS == 0)
			status = call_poll(call);
	}
	call_free(call, line);
	return status;
}

/* Set bit in map (the size of result) where the contour of mask runs. */
static Status
trace_contour(const Call *call, const Image *mask, const Image *result, uint8_t bit, uint8_t *map)
{
	size_t		count = (size_t) result->width * (size_t) result->height;
	Image		whole;
	Image		eroded = {0};
	Status		status;

	if (mask->channels != 1)
		return status_error(LS_INVALID_ARGUMENT, "a mask has 1 channel, not %d", mask->channels);
	TRY(image_resize_nearest(call, mask, result->width, result->height, &whole));
	status = image_resize_nearest(call, &whole, result->width, result->height, &eroded);
	if (status.code == LS_OK)
		status = erode_mask(call, &eroded, line_width(result));
	if (status.code == LS_OK)
	{
		for (size_t i = 0; i < count; i++)
		{
			if (whole.pixels[i] != 0 && eroded.pixels[i] == 0)
				map[i] |= bit;
		}
	}
	image_free(call, &whole);
	image_free(call, &eroded);
	return status;
}

/* Copy an image into a larger RGB one, its top left corner at (left, top). */
static void
paste_image(const Image *image, Image *result, int left, int top)
{
	for (int y = 0; y < image->height; y++)
	{
		const uint8_t *in = image->pixels + (size_t) y * (size_t) image->width * (size_t) image->channels;
		uint8_t    *out = result->pixels + 3 * ((size_t) (top + y) * (size_t) result->width + (size_t) left);

		for (int x = 0; x < image->width; x++, in += image->channels, out += 3)
		{
			out[0] = in[0];
			out[1] = in[image->channels / 2];
			out[2] = in[image->channels - 1];
		}
	}
}

/* Draw the contours over result, which holds the image. */
static Status
draw_contours(const Call *call, const Image *mask, const Image *truth, Image *result)
{
	size_t		count = (size_t) result->width * (size_t) result->height;
	void	   *memory;
	uint8_t    *map;
	Status		status;

	TRY(call_alloc_array(call, count, 1, &memory));
	map = memory;
	status = trace_contour(call, mask, result, ON_PREDICTED, map);
	if (status.code == LS_OK && truth != NULL)
		status = trace_contour(call, truth, result, ON_TRUTH, map);
	for (size_t i = 0; status.code == LS_OK && i < count; i++)
	{
		const uint8_t *colour = predicted_colour;

		if (map[i] == 0)
			continue;
		if (map[i] == ON_TRUTH)
			colour = truth_colour;
		else if (map[i] == (ON_PREDICTED | ON_TRUTH))
			colour = both_colour;
		memcpy(result->pixels + 3 * i, colour, 3);
	}
	call_free(call, memory);
	return status;
}

/* Refuse a mask whose shape is not the image's. */
static Status
check_shape(const Image *image, const Image *mask, const char *name)
{
	if (image_shapes_match(image->width, image->height, mask->width, mask->height))
		return status_ok();
	return status_with_hint(status_error(LS_INVALID_ARGUMENT,
										 "the image is %d x %d pixels, the %s %d x %d: another shape",
										 image->width, image->height, name, mask->width, mask->height),
							"A mask may differ from its image in size, not in aspect ratio.");
}

Status
draw_overlay(const Call *call, const Image *image, const Image *mask, const Image *truth, Image *result)
{
	Status		status;

	memset(result, 0, sizeof *result);
	TRY(check_shape(image, mask, "mask"));
	if (truth != NULL)
		TRY(check_shape(image, truth, "truth"));
	TRY(image_create(call, image->width, image->height, 3, result));
	paste_image(image, result, 0, 0);
	status = draw_contours(call, mask, truth, result);
	if (status.code != LS_OK)
		image_free(call, result);
	return status;
}

/* Put a picture into a panel with its top left corner at (left, top), at width
 * x height. A thin frame separates a white mask from the white around it. */
static Status
place_picture(const Call *call, const Image *picture, int left, int top, int width, int height, Image *result)
{
	Image		sized;

	fill_rectangle(result, left - 1, top - 1, width + 2, height + 2, frame_colour);
	TRY(image_resize_nearest(call, picture, width, height, &sized));
	paste_image(&sized, result, left, top);
	image_free(call, &sized);
	return status_ok();
}

/* Put pictures with their names above them side by side on white, all at the first
 * one's size. */
static Status
draw_row(const Call *call, const Image *const *pictures, const char *const *names, int count, Image *result)
{
	const Image *image = pictures[0];
	int			dot = legend_dot(image->width, image->height);
	int			side = image->width < image->height ? image->width : image->height;
	int			gap = 4 + side / 32;
	int64_t		width = count * (int64_t) image->width + (count + 1) * (int64_t) gap;
	int			top = legend_line(dot);
	int64_t		height = (int64_t) image->height + gap + top;
	Status		status = status_ok();

	if (width > INT_MAX || height > INT_MAX)
		return status_error(LS_LIMIT_EXCEEDED, "a panel of %d x %d pixels %d times is too wide",
							image->width, image->height, count);
	TRY(image_create(call, (int) width, (int) height, 3, result));
	memset(result->pixels, 255, (size_t) width * (size_t) height * 3);
	for (int i = 0; i < count && status.code == LS_OK; i++)
	{
		status = place_picture(call, pictures[i], gap + i * (image->width + gap), top, image->width, image->height,
							   result);
		legend_title(result, names[i], gap + i * (image->width + gap), 2 * dot, image->width + gap, dot);
		if (status.code == LS_OK)
			status = call_poll(call);
	}
	if (status.code != LS_OK)
		image_free(call, result);
	return status;
}

Status
draw_panel(const Call *call, const Image *image, const Image *truth, const Image *predicted,
		   Image *result)
{
	static const char *const names[] = {"image", "truth", "predicted"};
	const Image *pictures[] = {image, truth, predicted};

	memset(result, 0, sizeof *result);
	TRY(check_shape(image, truth, "truth"));
	TRY(check_shape(image, predicted, "predicted mask"));
	return draw_row(call, pictures, names, 3, result);
}

Status
draw_pair(const Call *call, const Image *left, const Image *right, const char *const *names, Image *result)
{
	const Image *pictures[] = {left, right};

	memset(result, 0, sizeof *result);
	return draw_row(call, pictures, names, 2, result);
}

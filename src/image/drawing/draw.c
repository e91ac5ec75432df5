/*
 * draw.c: contours over an image, and images side by side. Colours (colours.h)
 * stand out from skin.
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

/* Refuse a mask whose shape is not that of an image of width x height. */
static Status
check_shape(int width, int height, const Image *mask, const char *name)
{
	if (image_shapes_match(width, height, mask->width, mask->height))
		return status_ok();
	return status_with_hint(status_error(LS_INVALID_ARGUMENT,
										 "the image is %d x %d pixels, the %s %d x %d: another shape",
										 width, height, name, mask->width, mask->height),
							"A mask may differ from its image in size, not in aspect ratio.");
}

Status
overlay_start(Overlay *overlay, const Call *call, const Image *mask, const Image *truth, int width, int height)
{
	void	   *memory;

	memset(overlay, 0, sizeof *overlay);
	overlay->call = call;
	overlay->width = width;
	overlay->has_truth = truth != NULL;
	TRY(check_shape(width, height, mask, "mask"));
	if (truth != NULL)
		TRY(check_shape(width, height, truth, "truth"));
	TRY(call_alloc_array(call, (size_t) width, 1, &memory));
	overlay->map = memory;
	TRY(contour_start(&overlay->predicted, call, mask, width, height));
	if (truth != NULL)
		TRY(contour_start(&overlay->truth, call, truth, width, height));
	return status_ok();
}

void
overlay_free(Overlay *overlay)
{
	call_free(overlay->call, overlay->map);
	if (overlay->predicted.call != NULL)
		contour_free(&overlay->predicted);
	if (overlay->truth.call != NULL)
		contour_free(&overlay->truth);
}

void
overlay_row(Overlay *overlay, int y, uint8_t *pixels)
{
	static const uint8_t *const colours[] = {
		[ON_PREDICTED] = predicted_colour, [ON_TRUTH] = truth_colour, [ON_PREDICTED | ON_TRUTH] = both_colour
	};
	uint8_t    *map = overlay->map;

	memset(map, 0, (size_t) overlay->width);
	contour_row(&overlay->predicted, y, ON_PREDICTED, map);
	if (overlay->has_truth)
		contour_row(&overlay->truth, y, ON_TRUTH, map);
	for (int x = skip_zeros(map, 0, overlay->width); x < overlay->width; x = skip_zeros(map, x + 1, overlay->width))
		memcpy(pixels + 3 * (size_t) x, colours[map[x]], 3);
}

Status
draw_overlay(const Call *call, const Image *image, const Image *mask, const Image *truth, Image *result)
{
	Overlay		overlay;
	Status		status;

	memset(result, 0, sizeof *result);
	status = overlay_start(&overlay, call, mask, truth, image->width, image->height);
	if (status.code == LS_OK)
		status = image_allocate(call, image->width, image->height, 3, result);
	if (status.code == LS_OK)
		paste_image(image, result, 0, 0);
	for (int y = 0; status.code == LS_OK && y < image->height; y++)
	{
		overlay_row(&overlay, y, result->pixels + 3 * (size_t) y * (size_t) image->width);
		if (y % POLL_ROWS == 0)
			status = call_poll(call);
	}
	overlay_free(&overlay);
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
	TRY(check_shape(image->width, image->height, truth, "truth"));
	TRY(check_shape(image->width, image->height, predicted, "predicted mask"));
	return draw_row(call, pictures, names, 3, result);
}

Status
draw_pair(const Call *call, const Image *left, const Image *right, const char *const *names, Image *result)
{
	const Image *pictures[] = {left, right};

	memset(result, 0, sizeof *result);
	return draw_row(call, pictures, names, 2, result);
}

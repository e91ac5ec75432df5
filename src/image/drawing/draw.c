/*
 * draw.c: contours over an image, and images side by side. Colours (colours.h)
 * stand out from skin.
 */
#include "image/drawing/draw.h"

#include <string.h>

#include "image/codec/formats.h"
#include "image/drawing/colours.h"
#include "image/drawing/side_by_side.h"

/* Bits of a contour map. */
#define ON_PREDICTED 1
#define ON_TRUTH 2

/* Copy an image into an RGB one of its size. */
static void
paste_image(const Image *image, Image *result)
{
	for (int y = 0; y < image->height; y++)
	{
		const uint8_t *in = image->pixels + (size_t) y * (size_t) image->width * (size_t) image->channels;
		uint8_t    *out = result->pixels + 3 * (size_t) y * (size_t) result->width;

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
		paste_image(image, result);
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

/* Put pictures with their names above them side by side on white, all at the first
 * one's size. */
static Status
draw_row(const Call *call, const Image *const *pictures, const char *const *names, int count, Image *result)
{
	SideBySide	side;
	Status		status = side_by_side_start(&side, call, pictures, names, count, pictures[0]->width,
											pictures[0]->height);

	if (status.code == LS_OK)
		status = image_allocate(call, side.width, side.height, 3, result);
	for (int y = 0; status.code == LS_OK && y < side.height; y++)
	{
		side_by_side_row(&side, y, NULL, result->pixels + 3 * (size_t) y * (size_t) side.width);
		if (y % POLL_ROWS == 0)
			status = call_poll(call);
	}
	side_by_side_free(&side);
	if (status.code != LS_OK)
		image_free(call, result);
	return status;
}

const char *const panel_names[] = {"image", "truth", "predicted"};

Status
panel_check(int width, int height, const Image *truth, const Image *predicted)
{
	TRY(check_shape(width, height, truth, "truth"));
	return check_shape(width, height, predicted, "predicted mask");
}

Status
draw_panel(const Call *call, const Image *image, const Image *truth, const Image *predicted,
		   Image *result)
{
	const Image *pictures[] = {image, truth, predicted};

	memset(result, 0, sizeof *result);
	TRY(panel_check(image->width, image->height, truth, predicted));
	return draw_row(call, pictures, panel_names, 3, result);
}

Status
draw_pair(const Call *call, const Image *left, const Image *right, const char *const *names, Image *result)
{
	const Image *pictures[] = {left, right};

	memset(result, 0, sizeof *result);
	return draw_row(call, pictures, names, 2, result);
}

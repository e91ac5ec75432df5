/*
 * draw_png.c: see draw_png.h.
 */
#include "image/drawing/draw_png.h"

#include <string.h>

#include "image/drawing/draw.h"
#include "image/drawing/legend.h"
#include "image/drawing/side_by_side.h"

/* A picture that is made while its image is decoded. */
typedef struct Drawing
{
	const Call *call;
	Status		(*begin) (struct Drawing *drawing, int width, int height);
	Status		(*row) (struct Drawing *drawing, const uint8_t *pixels);
	Status		(*end) (struct Drawing *drawing);
	PngWriter  *writer;
	uint8_t    *line;			/* a row of the picture */
	int			drawn;			/* rows of the picture, or of the image in an overlay */
	Status		status;			/* of drawing and encoding */

	const OverlayParts *parts;	/* an overlay's */
	Overlay		overlay;
	Image		strip;			/* the legend; without pixels: none */

	const Image *masks[2];		/* a panel's */
	SideBySide	side;
} Drawing;

/* Start the picture's file. */
static Status
start_file(Drawing *drawing, int width, int height)
{
	void	   *memory;

	TRY(call_alloc_array(drawing->call, (size_t) width, 3, &memory));
	drawing->line = memory;
	return png_writer_create(drawing->call, width, height, 3, false, &drawing->writer);
}

static Status
overlay_begin(Drawing *drawing, int width, int height)
{
	const Call *call = drawing->call;
	const OverlayParts *parts = drawing->parts;

	TRY(overlay_start(&drawing->overlay, call, parts->mask, parts->truth, width, height));
	if (parts->legend)
		TRY(legend_overlay(call, width, height, parts->truth != NULL, parts->mm_per_pixel, &drawing->strip));
	TRY(image_check_size(call, width, height + drawing->strip.height));
	return start_file(drawing, width, height + drawing->strip.height);
}

static Status
overlay_next(Drawing *drawing, const uint8_t *pixels)
{
	memcpy(drawing->line, pixels, 3 * (size_t) drawing->overlay.width);
	overlay_row(&drawing->overlay, drawing->drawn++, drawing->line);
	return png_writer_rows(drawing->writer, drawing->line, 1);
}

static Status
overlay_end(Drawing *drawing)
{
	return png_writer_rows(drawing->writer, drawing->strip.pixels, drawing->strip.height);
}

/* Write the next row of a panel. */
static Status
panel_next(Drawing *drawing, const uint8_t *pixels)
{
	side_by_side_row(&drawing->side, drawing->drawn++, pixels, drawing->line);
	return png_writer_rows(drawing->writer, drawing->line, 1);
}

static Status
panel_begin(Drawing *drawing, int width, int height)
{
	const Image *pictures[] = {NULL, drawing->masks[0], drawing->masks[1]};
	SideBySide *side = &drawing->side;

	TRY(panel_check(width, height, drawing->masks[0], drawing->masks[1]));
	TRY(side_by_side_start(side, drawing->call, pictures, panel_names, 3, width, height));
	TRY(start_file(drawing, side->width, side->height));
	while (drawing->drawn < side->head.height)
		TRY(panel_next(drawing, NULL));
	return status_ok();
}

static Status
panel_end(Drawing *drawing)
{
	while (drawing->drawn < drawing->side.height)
		TRY(panel_next(drawing, NULL));
	return status_ok();
}

static Status
drawing_begin(void *user, int width, int height)
{
	Drawing    *drawing = user;

	drawing->status = drawing->begin(drawing, width, height);
	return drawing->status;
}

static Status
drawing_row(void *user, const uint8_t *pixels)
{
	Drawing    *drawing = user;

	drawing->status = drawing->row(drawing, pixels);
	return drawing->status;
}

/* Decode, draw and encode; release what the drawing holds. */
static Status
drawing_run(Drawing *drawing, const void *bytes, size_t size, EncodedImage *png, bool *of_image)
{
	const Call *call = drawing->call;
	const RowSink sink = {drawing_begin, drawing_row, drawing};
	Status		status;

	memset(png, 0, sizeof *png);
	status = image_decode_rows(call, bytes, size, DECODE_RGB, TURN_UPRIGHT, 0, 0, &sink);
	*of_image = status.code != LS_OK && drawing->status.code == LS_OK;
	if (status.code == LS_OK)
		status = drawing->end(drawing);
	if (status.code == LS_OK)
		status = png_writer_finish(drawing->writer, png);
	png_writer_free(drawing->writer);
	call_free(call, drawing->line);
	image_free(call, &drawing->strip);
	if (drawing->overlay.call != NULL)
		overlay_free(&drawing->overlay);
	side_by_side_free(&drawing->side);
	return status;
}

Status
overlay_png(const Call *call, const void *bytes, size_t size, const OverlayParts *parts, EncodedImage *png,
			bool *of_image)
{
	Drawing		drawing = {.call = call, .begin = overlay_begin, .row = overlay_next, .end = overlay_end,
		.status = status_ok(), .parts = parts};

	return drawing_run(&drawing, bytes, size, png, of_image);
}

Status
panel_png(const Call *call, const void *bytes, size_t size, const Image *truth, const Image *predicted,
		  EncodedImage *png, bool *of_image)
{
	Drawing		drawing = {.call = call, .begin = panel_begin, .row = panel_next, .end = panel_end,
		.status = status_ok(), .masks = {truth, predicted}};

	return drawing_run(&drawing, bytes, size, png, of_image);
}

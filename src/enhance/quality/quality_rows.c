/*
 * quality_rows.c: see quality_rows.h.
 */
#include "enhance/quality/quality_rows.h"

#include <string.h>

#include "enhance/quality/quality_parts.h"

#define CHANNELS 3

Status
quality_rows_begin(QualityRows *rows, const Call *call, int width, int height, bool grey)
{
	int			frame_width;
	int			frame_height;
	void	   *memory;

	rows->call = call;
	rows->width = width;
	rows->height = height;
	rows->grey = grey;
	quality_frame_size(width, height, &frame_width, &frame_height);
	TRY(call_alloc(call, (size_t) width * (size_t) height, &memory));
	rows->green = memory;
	return resize_rows_create(call, width, height, grey ? 1 : CHANNELS, frame_width, frame_height, &rows->frame);
}

void
quality_rows_take(QualityRows *rows, const uint8_t *pixels)
{
	uint8_t    *green = rows->green + (size_t) rows->taken++ * (size_t) rows->width;

	for (int x = 0; x < rows->width; x++)
		green[x] = pixels[CHANNELS * x + 1];
	resize_rows_take(rows->frame, rows->grey ? green : pixels);
}

Status
quality_rows_measure(QualityRows *rows, Quality *quality)
{
	Image		frame = resize_rows_result(rows->frame);
	Image		green = {rows->width, rows->height, 1, rows->green};
	Status		status = quality_measure_parts(rows->call, &green, &frame, quality);

	image_free(rows->call, &frame);
	return status;
}

void
quality_rows_free(QualityRows *rows)
{
	if (rows->call == NULL)
		return;
	call_free(rows->call, rows->green);
	resize_rows_free(rows->call, rows->frame);
	memset(rows, 0, sizeof *rows);
}

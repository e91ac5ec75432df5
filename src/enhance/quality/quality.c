/*
 * quality.c: reduce the frame, take every measure, judge.
 */
#include "enhance/quality/quality.h"

#include <string.h>

#include "enhance/quality/quality_parts.h"

#define FRAME_SIDE 256			/* shorter side of the reduced frame */
#define FRAME_LONGEST 2048

void
quality_frame_size(int width, int height, int *frame_width, int *frame_height)
{
	int			shorter = width < height ? width : height;
	int64_t		across = width;
	int64_t		down = height;

	if (shorter > FRAME_SIDE)
	{
		across = (across * FRAME_SIDE + shorter / 2) / shorter;
		down = (down * FRAME_SIDE + shorter / 2) / shorter;
	}
	*frame_width = (int) (across > FRAME_LONGEST ? FRAME_LONGEST : across);
	*frame_height = (int) (down > FRAME_LONGEST ? FRAME_LONGEST : down);
}

Status
quality_frame(const Call *call, const Image *image, Image *frame)
{
	int			width;
	int			height;

	quality_frame_size(image->width, image->height, &width, &height);
	return image_resize(call, image, width, height, frame);
}

Status
quality_measure_parts(const Call *call, const Image *image, const Image *frame, Quality *quality)
{
	memset(quality, 0, sizeof *quality);
	TRY(quality_detail(call, image, frame, quality));
	TRY(quality_light(call, frame, quality));
	TRY(quality_objects(call, frame, quality));
	quality_judge(image->width, image->height, frame->channels, quality);
	return status_ok();
}

Status
quality_measure(const Call *call, const Image *image, Quality *quality)
{
	Image		frame;
	Status		status;

	TRY(quality_frame(call, image, &frame));
	status = quality_measure_parts(call, image, &frame, quality);
	image_free(call, &frame);
	return status;
}

/*
 * quality.c: reduce the frame, take every measure, judge.
 */
#include "enhance/quality/quality.h"

#include <string.h>

#include "enhance/quality/quality_parts.h"

#define FRAME_SIDE 256			/* shorter side of the reduced frame */
#define FRAME_LONGEST 2048

Status
quality_frame(const Call *call, const Image *image, Image *frame)
{
	int			shorter = image->width < image->height ? image->width : image->height;
	int64_t		width = image->width;
	int64_t		height = image->height;

	if (shorter > FRAME_SIDE)
	{
		width = (width * FRAME_SIDE + shorter / 2) / shorter;
		height = (height * FRAME_SIDE + shorter / 2) / shorter;
	}
	width = width > FRAME_LONGEST ? FRAME_LONGEST : width;
	height = height > FRAME_LONGEST ? FRAME_LONGEST : height;
	return image_resize(call, image, (int) width, (int) height, frame);
}

Status
quality_measure(const Call *call, const Image *image, Quality *quality)
{
	Image		frame;
	Status		status;

	memset(quality, 0, sizeof *quality);
	TRY(quality_frame(call, image, &frame));
	status = quality_detail(call, image, &frame, quality);
	if (status.code == LS_OK)
		status = quality_light(call, &frame, quality);
	if (status.code == LS_OK)
		status = quality_objects(call, &frame, quality);
	image_free(call, &frame);
	if (status.code == LS_OK)
		quality_judge(image, quality);
	return status;
}

/*
 * quality_objects.c: hair, glare and ink: small things darker, brighter or
 * bluer than what is around them.
 */
#include "enhance/quality/hair.h"
#include "enhance/quality/morphology.h"
#include "enhance/quality/quality_parts.h"

#define REACH 3					/* of the opening */
#define PLANES 4

/* Count what an opening takes away from the first plane. */
static Status
count_glare(const Call *call, const Image *frame, uint8_t *planes[PLANES], Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	size_t		bright = 0;

	TRY(morphology_erode(call, planes[0], frame->width, frame->height, REACH, planes[1], planes[2]));
	TRY(morphology_dilate(call, planes[2], frame->width, frame->height, REACH, planes[1], planes[3]));
	for (size_t i = 0; i < count; i++)
		bright += planes[0][i] > 215 && planes[0][i] - planes[3][i] > 40;
	quality->glare = (double) bright / (double) count;
	return status_ok();
}

/* Count what hairs cover. */
static Status
count_hair(const Call *call, const Image *frame, uint8_t *mask, Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	size_t		covered = 0;

	TRY(hair_detect(call, frame, mask));
	for (size_t i = 0; i < count; i++)
		covered += mask[i];
	quality->hair = (double) covered / (double) count;
	return status_ok();
}

/* Count pixels whose blue is high against red and green, both as shares of
 * the frame's means: blue or violet ink under any light. */
static void
count_ink(const Image *frame, Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	double		sums[3] = {1, 1, 1};
	double		over_red;
	double		over_green;
	size_t		ink = 0;

	for (size_t i = 0; i < count; i++)
		for (int c = 0; c < 3; c++)
			sums[c] += frame->pixels[3 * i + (size_t) c];
	over_red = 1.25 * sums[2] / sums[0];
	over_green = 1.25 * sums[2] / sums[1];
	for (size_t i = 0; i < count; i++)
	{
		const uint8_t *pixel = frame->pixels + 3 * i;

		ink += pixel[2] > over_red * pixel[0] && pixel[2] > over_green * pixel[1] && pixel[2] > 30;
	}
	quality->ink = (double) ink / (double) count;
}

Status
quality_objects(const Call *call, const Image *frame, Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	uint8_t    *planes[PLANES];
	void	   *memory;
	Status		status;

	TRY(call_poll(call));
	TRY(call_alloc_array(call, count, PLANES, &memory));
	for (size_t p = 0; p < PLANES; p++)
		planes[p] = (uint8_t *) memory + p * count;
	for (size_t i = 0; i < count; i++)
		planes[0][i] = frame->channels == 1 ? frame->pixels[i] : (uint8_t) luma_of(frame->pixels + 3 * i);
	status = count_glare(call, frame, planes, quality);
	if (frame->channels == 3)
		count_ink(frame, quality);
	if (status.code == LS_OK)
		status = count_hair(call, frame, planes[1], quality);
	call_free(call, memory);
	return status;
}

/*
 * quality_objects.c: hair, glare and ink: small objects that are darker,
 * brighter or bluer than their surroundings.
 */
#include <string.h>

#include "enhance/quality/hair.h"
#include "enhance/quality/morphology.h"
#include "enhance/quality/quality_parts.h"

#define REACH 3					/* reach of the opening */
#define PLANES 4
#define INK_BLUE 30				/* ink is bluer than this */

/* Mark what an opening removes from luma. The other planes are scratch. */
static Status
mark_glare(const Call *call, const Image *frame, uint8_t *glare, uint8_t *luma, uint8_t *other, uint8_t *between)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;

	for (size_t i = 0; i < count; i++)
		luma[i] = frame->channels == 1 ? frame->pixels[i] : (uint8_t) luma_of(frame->pixels + 3 * i);
	TRY(morphology_erode(call, luma, frame->width, frame->height, REACH, between, other));
	TRY(morphology_dilate(call, other, frame->width, frame->height, REACH, between, other));
	for (size_t i = 0; i < count; i++)
		glare[i] = luma[i] > 215 && luma[i] - other[i] > 40;
	return status_ok();
}

/* The least blue, above INK_BLUE, that is over ratio times each value of another channel; 256 if none is. */
static void
least_blues(double ratio, uint16_t least[256])
{
	int			blue = INK_BLUE + 1;

	for (int v = 0; v < 256; v++)
	{
		while (blue < 256 && !(blue > ratio * v))
			blue++;
		least[v] = (uint16_t) blue;
	}
}

/* Mark pixels whose blue is high relative to red and to green, each divided by
 * the frame's mean: blue or violet ink under any light. */
static void
mark_ink(const Image *frame, uint8_t *marked)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	uint64_t	sums[3] = {1, 1, 1};
	uint16_t	over_red[256];
	uint16_t	over_green[256];

	for (size_t i = 0; i < count; i++)
		for (int c = 0; c < 3; c++)
			sums[c] += frame->pixels[3 * i + (size_t) c];
	least_blues(1.25 * (double) sums[2] / (double) sums[0], over_red);
	least_blues(1.25 * (double) sums[2] / (double) sums[1], over_green);
	for (size_t i = 0; i < count; i++)
	{
		const uint8_t *pixel = frame->pixels + 3 * i;

		marked[i] = pixel[2] >= over_red[pixel[0]] && pixel[2] >= over_green[pixel[1]];
	}
}

Status
quality_objects_mark(const Call *call, const Image *frame, QualityObjects *objects)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	uint8_t    *between;
	Status		status;

	memset(objects, 0, sizeof *objects);
	TRY(call_poll(call));
	TRY(call_alloc_array(call, count, PLANES, &objects->memory));
	objects->hair = objects->memory;
	objects->glare = objects->hair + count;
	objects->ink = objects->glare + count;
	between = objects->ink + count;
	status = mark_glare(call, frame, objects->glare, objects->hair, objects->ink, between);
	memset(objects->ink, 0, count);
	if (frame->channels == 3)
		mark_ink(frame, objects->ink);
	if (status.code == LS_OK)
		status = hair_detect(call, frame, objects->hair);
	if (status.code != LS_OK)
		quality_objects_free(call, objects);
	return status;
}

void
quality_objects_free(const Call *call, QualityObjects *objects)
{
	call_free(call, objects->memory);
	memset(objects, 0, sizeof *objects);
}

/* The share of a plane that is marked. */
static double
share_of(const uint8_t *marked, size_t count)
{
	size_t		sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += marked[i];
	return (double) sum / (double) count;
}

Status
quality_objects(const Call *call, const Image *frame, Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	QualityObjects objects;

	TRY(quality_objects_mark(call, frame, &objects));
	quality->glare = share_of(objects.glare, count);
	quality->ink = share_of(objects.ink, count);
	quality->hair = share_of(objects.hair, count);
	quality_objects_free(call, &objects);
	return status_ok();
}

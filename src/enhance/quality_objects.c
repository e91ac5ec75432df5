/*
 * quality_objects.c: hair, glare and ink: small things darker, brighter or
 * bluer than what is around them.
 *
 * The opening is by a square, as running maxima and minima along rows and
 * columns.
 */
#include <string.h>

#include "enhance/hair.h"
#include "enhance/quality_parts.h"

#define REACH 3					/* the square has 2 REACH + 1 pixels a side */

/* The largest (or smallest) of count lines that start `step` apart. */
static void
take_extremes(const uint8_t *lines, size_t step, int count, size_t width, bool largest, uint8_t *out)
{
	memcpy(out, lines, width);
	for (int l = 1; l < count; l++)
	{
		const uint8_t *line = lines + (size_t) l * step;

		if (largest)
		{
#pragma omp simd
			for (size_t x = 0; x < width; x++)
				out[x] = line[x] > out[x] ? line[x] : out[x];
		}
		else
		{
#pragma omp simd
			for (size_t x = 0; x < width; x++)
				out[x] = line[x] < out[x] ? line[x] : out[x];
		}
	}
}

/* Dilate (largest) or erode a plane by the square, through between. Row by
 * row: first across, in a line that repeats its ends, then of whole rows. */
static void
spread(const uint8_t *in, int width, int height, bool largest, uint8_t *line, uint8_t *between, uint8_t *out)
{
	size_t		stride = (size_t) width;

	for (int y = 0; y < height; y++)
	{
		const uint8_t *row = in + (size_t) y * stride;

		memset(line, row[0], REACH);
		memcpy(line + REACH, row, stride);
		memset(line + REACH + width, row[width - 1], REACH);
		take_extremes(line, 1, 2 * REACH + 1, stride, largest, between + (size_t) y * stride);
	}
	for (int y = 0; y < height; y++)
	{
		int			first = y < REACH ? 0 : y - REACH;
		int			last = y + REACH >= height ? height - 1 : y + REACH;

		take_extremes(between + (size_t) first * stride, stride, last - first + 1, stride, largest,
					  out + (size_t) y * stride);
	}
}

/* Count what an opening takes away. */
static void
count_glare(const Image *frame, uint8_t *planes[5], Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	size_t		bright = 0;

	spread(planes[0], frame->width, frame->height, false, planes[4], planes[1], planes[2]);
	spread(planes[2], frame->width, frame->height, true, planes[4], planes[1], planes[3]);
	for (size_t i = 0; i < count; i++)
		bright += planes[0][i] > 215 && planes[0][i] - planes[3][i] > 40;
	quality->glare = (double) bright / (double) count;
}

/* Count what hairs cover. */
static Status
count_hair(const HostContext *host, const Image *frame, uint8_t *mask, Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	size_t		covered = 0;

	TRY(hair_detect(host, frame, mask));
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
quality_objects(const HostContext *host, const Image *frame, Quality *quality)
{
	size_t		count = (size_t) frame->width * (size_t) frame->height;
	uint8_t    *planes[5];
	void	   *memory;
	Status		status;

	TRY(host_poll(host));
	TRY(host_alloc_array(host, count, 4 + 1 + 2 * REACH, &memory));
	for (size_t p = 0; p < 5; p++)
		planes[p] = (uint8_t *) memory + p * count;
	for (size_t i = 0; i < count; i++)
		planes[0][i] = frame->channels == 1 ? frame->pixels[i] : (uint8_t) luma_of(frame->pixels + 3 * i);
	count_glare(frame, planes, quality);
	if (frame->channels == 3)
		count_ink(frame, quality);
	status = count_hair(host, frame, planes[1], quality);
	host_free(host, memory);
	return status;
}

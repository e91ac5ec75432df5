/*
 * degrade_objects.c: objects between lens and skin: hairs, a ruler's marks and
 * pen strokes, bubbles in the gel.
 *
 * Hairs and marks are strokes of one colour, mixed in by how much of a pixel
 * they cover. A bubble is drawn directly into the image: a bright and a dark
 * half of its rim, some haze inside and a reflection of the lamp.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "enhance/degrade/degrade_kinds.h"
#include "enhance/quality/strokes.h"

#define MARKS_BETWEEN_POLLS 1000	/* marks of a ruler; a mark is at most a fifth of the shorter side long */

/* Mix colour into the image by cover; opacity out of 255. */
static void
lay_on(const Cover *cover, const int colour[3], int opacity, Image *image)
{
	size_t		count = (size_t) image->width * (size_t) image->height;
	size_t		channels = (size_t) image->channels;
	int			grey[1] = {(299 * colour[0] + 587 * colour[1] + 114 * colour[2]) / 1000};
	const int  *ink = channels == 1 ? grey : colour;

	for (size_t i = 0; i < count; i++)
	{
		int			share = cover->pixels[i] * opacity;

		if (share == 0)
			continue;
		for (size_t c = 0; c < channels; c++)
		{
			uint8_t    *sample = image->pixels + i * channels + c;

			*sample = (uint8_t) ((*sample * (65025 - share) + ink[c] * share + 32512) / 65025);
		}
	}
}

/* An empty cover of the image's size. */
static Status
cover_create(const Call *call, const Image *image, Cover *cover)
{
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) image->width, (size_t) image->height, &memory));
	*cover = (Cover) {image->width, image->height, memory};
	return status_ok();
}

/* A point anywhere in the image. */
static StrokePoint
draw_point(Rng *rng, const Image *image)
{
	StrokePoint point;

	point.x = (int64_t) rng_below(rng, (uint64_t) image->width * 256);
	point.y = (int64_t) rng_below(rng, (uint64_t) image->height * 256);
	return point;
}

/* ---- hair ---- */

Status
degrade_hair(const Call *call, int severity, Rng *rng, Image *image, uint8_t *cover)
{
	static const int counts[DEGRADE_SEVERITY_MAX] = {5, 10, 17, 27, 40};
	int64_t		side = shorter_side(image);
	Cover		hairs = {image->width, image->height, cover};
	int			colour[3];

	colour[0] = draw_between(rng, 20, 70);
	colour[1] = colour[0] - draw_between(rng, 0, 12);
	colour[2] = colour[1] - draw_between(rng, 0, 8);
	memset(cover, 0, (size_t) image->width * (size_t) image->height);
	for (int i = 0; i < counts[severity - 1]; i++)
	{
		StrokePoint points[3];
		int64_t		length = draw_between(rng, 40, 200) * side;	/* 1/256 of the side in 1/256 pixel */
		int			radius = (int) (draw_between(rng, 110, 260) * side / 256);

		TRY(call_poll(call));
		points[0] = draw_point(rng, image);
		points[1].x = points[0].x + length * draw_between(rng, -100, 100) / 200;
		points[1].y = points[0].y + length * draw_between(rng, -100, 100) / 200;
		points[2].x = 2 * points[1].x - points[0].x + length * draw_between(rng, -100, 100) / 400;
		points[2].y = 2 * points[1].y - points[0].y + length * draw_between(rng, -100, 100) / 400;
		stroke_curve(&hairs, points, radius, radius / 2);
	}
	lay_on(&hairs, colour, 235, image);
	return status_ok();
}

Status
degrade_strands(const Call *call, int severity, Rng *rng, Image *image)
{
	Cover		cover;
	Status		status;

	TRY(cover_create(call, image, &cover));
	status = degrade_hair(call, severity, rng, image, cover.pixels);
	call_free(call, cover.pixels);
	return status;
}

/* ---- ruler and ink ---- */

/* Cover the marks of a ruler along one of the four edges, at most one mark per
 * pixel. */
static Status
cover_ruler(const Call *call, Rng *rng, int severity, const Image *image, Cover *cover)
{
	static const int longest[DEGRADE_SEVERITY_MAX] = {14, 20, 28, 38, 52};	/* 1/256 of the side */
	int64_t		side = (int64_t) shorter_side(image) * 256;
	int			edge = draw_between(rng, 0, 3);
	bool		along_x = edge < 2;
	int64_t		across_end = (int64_t) (along_x ? image->height : image->width) * 256;
	int64_t		along_end = (int64_t) (along_x ? image->width : image->height) * 256;
	int64_t		base = side * draw_between(rng, 6, 30) / 256;
	int64_t		drawn = side * draw_between(rng, 6, 12) / 256 + 1;
	int64_t		pitch = drawn < 256 ? 256 : drawn;
	int			radius = (int) (side * draw_between(rng, 3, 5) / 2560);
	int			mark = 0;

	for (int64_t at = pitch / 2; at < along_end; at += pitch, mark++)
	{
		int64_t		length = side * longest[severity - 1] / 256 * (mark % 10 == 0 ? 4 : mark % 5 == 0 ? 3 : 2) / 4;
		int64_t		near = edge % 2 == 0 ? base : across_end - base;
		int64_t		far = edge % 2 == 0 ? base + length : across_end - base - length;

		if (mark % MARKS_BETWEEN_POLLS == 0)
			TRY(call_poll(call));

		if (along_x)
			stroke_line(cover, (StrokePoint) {at, near}, (StrokePoint) {at, far}, radius);
		else
			stroke_line(cover, (StrokePoint) {near, at}, (StrokePoint) {far, at}, radius);
	}
	return status_ok();
}

/* Cover one stroke of a pen. */
static void
cover_pen(Rng *rng, const Image *image, Cover *cover)
{
	int64_t		side = shorter_side(image);
	int64_t		length = draw_between(rng, 40, 130) * side;
	int			radius = (int) (draw_between(rng, 380, 900) * side / 256);
	StrokePoint points[3];

	points[0] = draw_point(rng, image);
	points[1].x = points[0].x + length * draw_between(rng, -100, 100) / 200;
	points[1].y = points[0].y + length * draw_between(rng, -100, 100) / 200;
	points[2].x = points[1].x + length * draw_between(rng, -100, 100) / 200;
	points[2].y = points[1].y + length * draw_between(rng, -100, 100) / 200;
	stroke_curve(cover, points, radius, radius);
}

Status
degrade_ruler_ink(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int strokes[DEGRADE_SEVERITY_MAX] = {3, 7, 12, 18, 26};
	static const int black[3] = {32, 30, 34};
	Cover		cover;
	int			ink[3];
	Status		status;

	TRY(cover_create(call, image, &cover));
	status = cover_ruler(call, rng, severity, image, &cover);
	lay_on(&cover, black, 220, image);

	memset(cover.pixels, 0, (size_t) image->width * (size_t) image->height);
	ink[0] = draw_between(rng, 40, 100);
	ink[1] = draw_between(rng, 30, 70);
	ink[2] = draw_between(rng, 110, 170);
	for (int i = 0; i < strokes[severity - 1] && status.code == LS_OK; i++)
	{
		cover_pen(rng, image, &cover);
		status = call_poll(call);
	}
	lay_on(&cover, ink, 190, image);
	call_free(call, cover.pixels);
	return status;
}

/* ---- bubbles ---- */

/* Move every channel of a pixel towards white (target 255) or black (0) by
 * share / 256. */
static void
shade_pixel(uint8_t *pixel, int channels, int target, int share)
{
	for (int c = 0; c < channels; c++)
		pixel[c] = (uint8_t) (pixel[c] + ((target - pixel[c]) * share + 128) / 256);
}

/* Draw one bubble: centre and radius in 1/256 pixel, the lamp at the upper
 * left. */
static void
draw_bubble(Image *image, StrokePoint centre, int64_t radius)
{
	int64_t		rim = radius / 5 + 160;	/* half of its thickness */
	int64_t		reach = radius + rim;
	int64_t		glare = radius / 3 + 128;
	int			left = (int) ((centre.x - reach) / 256);
	int			right = (int) ((centre.x + reach) / 256 + 1);
	int			top = (int) ((centre.y - reach) / 256);
	int			bottom = (int) ((centre.y + reach) / 256 + 1);

	left = left < 0 ? 0 : left;
	top = top < 0 ? 0 : top;
	right = right > image->width ? image->width : right;
	bottom = bottom > image->height ? image->height : bottom;
	for (int y = top; y < bottom; y++)
	{
		for (int x = left; x < right; x++)
		{
			size_t		place = (size_t) y * (size_t) image->width + (size_t) x;
			uint8_t    *pixel = image->pixels + place * (size_t) image->channels;
			int64_t		dx = 256 * (int64_t) x + 128 - centre.x;
			int64_t		dy = 256 * (int64_t) y + 128 - centre.y;
			int64_t		away = (int64_t) sqrt((double) (dx * dx + dy * dy));
			int64_t		from_rim = away > radius ? away - radius : radius - away;
			int64_t		to_lamp_x = dx + radius * 2 / 5;
			int64_t		to_lamp_y = dy + radius * 2 / 5;
			int64_t		from_glare = (int64_t) sqrt((double) (to_lamp_x * to_lamp_x + to_lamp_y * to_lamp_y));

			if (away < radius)
				shade_pixel(pixel, image->channels, 255, 24);
			if (from_rim < rim)
			{
				/* -256 away from the lamp .. 256 towards it */
				int			facing = (int) (-(dx + dy) * 181 / (away + 1));

				facing = facing < -256 ? -256 : facing > 256 ? 256 : facing;
				shade_pixel(pixel, image->channels, facing > 0 ? 255 : 0,
							(int) ((facing > 0 ? facing : -facing / 2) * (rim - from_rim) / rim * 3 / 4));
			}
			if (from_glare < glare)
				shade_pixel(pixel, image->channels, 255, (int) (256 * (glare - from_glare) * 2 / glare > 256 ? 256 :
																256 * (glare - from_glare) * 2 / glare));
		}
	}
}

Status
degrade_bubbles(const Call *call, int severity, Rng *rng, Image *image)
{
	static const int counts[DEGRADE_SEVERITY_MAX] = {20, 45, 80, 130, 200};
	int64_t		side = shorter_side(image);

	for (int i = 0; i < counts[severity - 1]; i++)
	{
		/* mostly small ones */
		int			size = draw_between(rng, 20, 60) * draw_between(rng, 20, 60);	/* 400 .. 3600 */
		StrokePoint centre = draw_point(rng, image);

		TRY(call_poll(call));
		draw_bubble(image, centre, size * side / 256);
	}
	return status_ok();
}

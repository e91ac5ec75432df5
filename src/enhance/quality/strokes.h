/*
 * strokes.h: lines with soft edges, drawn as cover: how much of each pixel they
 * hide. Private to src/enhance.
 *
 * Positions are in 1/256 pixel from the top left corner. Arithmetic is in
 * integers, with one rounded square root per pixel, so every machine draws the
 * same.
 */
#ifndef LESIONSEG_ENHANCE_STROKES_H
#define LESIONSEG_ENHANCE_STROKES_H

#include <stdint.h>

typedef struct StrokePoint
{
	int64_t		x;
	int64_t		y;
} StrokePoint;

/* A picture of covers, 0..255. */
typedef struct Cover
{
	int			width;
	int			height;
	uint8_t    *pixels;			/* (height, width) */
} Cover;

/* Cover a straight line with round ends of this radius; larger covers are
 * kept. */
void		stroke_line(Cover *cover, StrokePoint from, StrokePoint to, int radius);

/* Cover a quadratic Bezier curve; its radius changes linearly from the first
 * to the last. */
void		stroke_curve(Cover *cover, const StrokePoint points[3], int first_radius, int last_radius);

#endif

/*
 * quality.h: measures of a photograph's quality.
 *
 * Noise, resolution and blocking are measured on the original pixels, on green,
 * which carries most of the light. All else is measured on the frame reduced to
 * a shorter side of 256, so that a figure means the same at every size.
 *
 * noise: Immerkaer's operator (Computer Vision and Image Understanding 64(2),
 *   1996), the difference of two Laplacians, which is blind to edges and
 *   slopes. Its scale comes from the median absolute value (Rousseeuw and Croux
 *   1993), because texture would raise the mean.
 * sharpness, resolution: the growth of the mean square of second differences
 *   with their distance d. It grows as d^4 where the image is smooth at that
 *   distance, and as about d^1.5 in a sharp photograph, whose spectrum falls as
 *   1/f^2 (Field, JOSA A 4(12), 1987). The smoothest of four directions is
 *   used, which finds motion blur.
 * detail, direction: the mean square of second differences at distance 2 of
 *   the reduced frame, the least of four directions, and how much directions
 *   differ that are perpendicular.
 * contrast: 95th minus 5th percentile of luma (ITU-R BT.601).
 * brightness: mean luma.
 * unevenness: a quadratic surface fitted to the light (luma of 16 x 16 cells)
 *   by least squares; its range over its maximum. Cells darker than the surface
 *   (lesions) get less weight, so that they do not pull it down.
 * colour cast: grey world (Buchsbaum 1980): the distance of the mean colour's
 *   log R/G and log B/G from those of skin in white light.
 * colour, skin colour: these two of the mean colour, and of the brighter half
 *   of the frame.
 * black, white: 1st percentile of a pixel's least channel, 99th of its
 *   greatest.
 * hair: the share of the frame that lines of the black top-hat cover (hair.c,
 *   after Lee et al., DullRazor, 1997).
 * glare: white top-hat (Serra, Image Analysis and Mathematical Morphology,
 *   1982): the share of the frame's pixels above 215 that an opening by 7 x 7
 *   pixels lowers by more than 40 levels.
 * ink: the share of the frame's pixels whose blue, relative to red and to
 *   green, is a quarter above that of the mean colour. This is our own rule;
 *   coloured light does not change it.
 * blocking: steps across the borders of JPEG's 8 x 8 blocks, divided by steps
 *   within them (Wang, Bovik and Evans, ICIP 2000).
 */
#ifndef LESIONSEG_ENHANCE_QUALITY_H
#define LESIONSEG_ENHANCE_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

typedef enum QualityIssue
{
	ISSUE_BLURRED,
	ISSUE_NOISY,
	ISSUE_LOW_CONTRAST,
	ISSUE_DARK,
	ISSUE_BRIGHT,
	ISSUE_UNEVEN,
	ISSUE_COLOUR_CAST,
	ISSUE_HAIR,
	ISSUE_GLARE,
	ISSUE_INK,
	ISSUE_BLOCKING,
	ISSUE_LOW_RESOLUTION,
	ISSUES						/* how many there are */
} QualityIssue;

/* A colour without its brightness. */
typedef struct ColourRatios
{
	double		red;			/* log R/G */
	double		blue;			/* log B/G */
} ColourRatios;

typedef struct Quality
{
	double		sharpness;		/* 0 (nothing but slopes) .. 1 */
	double		noise;			/* standard deviation, grey levels of 255 */
	double		contrast;		/* 0..1 */
	double		brightness;		/* 0..1 */
	double		unevenness;		/* 0 (even) .. 1 */
	double		colour_cast;	/* 0 (skin in white light); 0.3 is plain to see; grey images 0 */
	double		hair;			/* share of the frame, 0..1 */
	double		glare;			/* likewise */
	double		ink;			/* share of the frame that is bluer than skin and vessels */
	double		blocking;		/* 0 (none); 1: steps at block borders are twice those within */
	double		resolution;		/* pixels along the shorter side that carry detail */
	double		saturation;		/* mean of (max - min) / max of a pixel's channels */
	double		luma_stddev;	/* standard deviation of luma, grey levels, without the lens's black rim */
	double		slope;			/* the straight part of unevenness */
	double		black;			/* 0..1: the darkest hundredth of the frame */
	double		white;			/* 0..1: the brightest */
	ColourRatios colour;		/* of the mean colour; grey images 0 */
	ColourRatios skin_colour;	/* of the brighter half of the frame */
	double		detail;			/* doublings of the mean square of second differences, where it is least */
	double		direction;		/* doublings by which detail along a direction and across it differ */
	double		score;			/* 0 (unusable) .. 1 (nothing to complain of) */
	bool		issues[ISSUES];
} Quality;

/* Measure image (grey or RGB) on call->threads threads. A constant image has
 * sharpness 0 and resolution 1. */
Status		quality_measure(const Call *call, const Image *image, Quality *quality);

/* Reduce image to the frame on which light, colour and objects are measured: a
 * shorter side of at most 256. The caller frees it. */
Status		quality_frame(const Call *call, const Image *image, Image *frame);

/*
 * The objects that hide skin in a frame (grey or RGB, made by quality_frame):
 * each plane is (height, width), 1 where hair, glare or ink covers a pixel. A
 * grey frame has no ink.
 */
typedef struct QualityObjects
{
	uint8_t    *hair;
	uint8_t    *glare;
	uint8_t    *ink;
	void	   *memory;			/* of all three planes */
} QualityObjects;

/* Mark the objects in a frame. On success free them with
 * quality_objects_free. */
Status		quality_objects_mark(const Call *call, const Image *frame, QualityObjects *objects);
void		quality_objects_free(const Call *call, QualityObjects *objects);

/* "blurred", "noisy", ... */
const char *quality_issue_name(QualityIssue issue);

#endif

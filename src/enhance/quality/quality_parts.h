/*
 * quality_parts.h: the measures behind quality.h, a file each. Private to this
 * folder.
 */
#ifndef LESIONSEG_ENHANCE_QUALITY_PARTS_H
#define LESIONSEG_ENHANCE_QUALITY_PARTS_H

#include "enhance/pixels.h"
#include "enhance/quality/quality.h"

/* Skin in good white light: means over dermoscopic photographs (the training
 * part of the ISIC 2017 challenge) of log R/G and log B/G, luma's mean and
 * standard deviation, and saturation. */
#define SKIN_RED 0.18
#define SKIN_BLUE -0.08
#define SKIN_LUMA 150.0
#define SKIN_LUMA_STDDEV 24.0
#define SKIN_SATURATION 0.25

/* Immerkaer's operator has responses of -8 * 255 .. 8 * 255, so absolute ones 0 .. RESPONSES - 1. */
#define RESPONSES 2048

/* The absolute response of a pixel to Immerkaer's operator for noise, 1 -2 1 -2 4 -2 1 -2 1 ("Fast Noise Variance
 * Estimation", 1996); the pointers lead to it and to the pixels above and below. */
static inline uint16_t
quality_response(const uint8_t *above, const uint8_t *pixel, const uint8_t *below)
{
	int16_t		response = (int16_t) (above[-1] - 2 * above[0] + above[1] -
									  2 * (pixel[-1] - 2 * pixel[0] + pixel[1]) +
									  below[-1] - 2 * below[0] + below[1]);

	return (uint16_t) (response < 0 ? -response : response);
}

/* Mean and standard deviation of a frame's luma, without pixels as black as
 * the lens's rim; 0 and 0 if all are. */
void		quality_luma_moments(const Image *frame, double *mean, double *stddev);

/* Mean of each channel over the pixels of an RGB frame that are neither black
 * nor burnt out; 0 if there are none. */
void		quality_mean_colour(const Image *frame, double colour[3]);

/* Measure noise, resolution and blocking on the image, and sharpness on the
 * reduced frame (quality_detail.c). A frame of the image's size is the image. */
Status		quality_detail(const Call *call, const Image *image, const Image *frame, Quality *quality);

/* Measure light and colour on the reduced frame (quality_light.c). */
Status		quality_light(const Call *call, const Image *frame, Quality *quality);

/* Measure the shares of hair, glare and ink on the reduced frame
 * (quality_objects.c). */
Status		quality_objects(const Call *call, const Image *frame, Quality *quality);

/* Score and issues from the measures (quality_score.c). */
void		quality_judge(int width, int height, int channels, Quality *quality);

/* The size of the frame of an image (quality.c). */
void		quality_frame_size(int width, int height, int *frame_width, int *frame_height);

/* Measure all of an image, of which its green is enough, and of its frame (quality.c). */
Status		quality_measure_parts(const Call *call, const Image *image, const Image *frame, Quality *quality);

#endif

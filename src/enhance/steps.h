/*
 * steps.h: the steps behind enhance.h, a file each. Private to this folder.
 */
#ifndef LESIONSEG_ENHANCE_STEPS_H
#define LESIONSEG_ENHANCE_STEPS_H

#include <stdint.h>

#include "enhance/enhance.h"
#include "enhance/quality_parts.h"

Status		step_denoise(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_hair(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_illumination(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_exposure(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_levels(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_colour_constancy(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_white_balance(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_contrast(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_sharpen(const HostContext *host, const EnhanceOptions *options, Image *image);
Status		step_upscale(const HostContext *host, const EnhanceOptions *options, Image *image);

#define BLOCK_ROWS 64			/* rewritten between two polls */

/* Samples in a row. */
static inline size_t
samples_in_row(const Image *image)
{
	return (size_t) image->width * (size_t) image->channels;
}

static inline uint8_t *
image_row(const Image *image, long y)
{
	return image->pixels + (size_t) y * samples_in_row(image);
}

/* Luma of a pixel of 1 or 3 channels. */
static inline int
pixel_luma(const uint8_t *pixel, int channels)
{
	return channels == 1 ? pixel[0] : luma_of(pixel);
}

static inline uint8_t
to_byte(int value)
{
	return (uint8_t) (value < 0 ? 0 : value > 255 ? 255 : value);
}

#endif

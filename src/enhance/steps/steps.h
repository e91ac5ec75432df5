/*
 * steps.h: the steps behind enhance.h, a file each. Private to this folder.
 */
#ifndef LESIONSEG_ENHANCE_STEPS_H
#define LESIONSEG_ENHANCE_STEPS_H

#include <stdint.h>

#include "enhance/enhance.h"
#include "enhance/pixels.h"
#include "enhance/quality/quality_parts.h"

Status		step_denoise(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_hair(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_illumination(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_exposure(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_levels(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_colour_constancy(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_white_balance(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_contrast(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_sharpen(const Call *call, const EnhanceOptions *options, Image *image);
Status		step_upscale(const Call *call, const EnhanceOptions *options, Image *image);

#define BLOCK_ROWS 64			/* of a window that keeps copies of rows */

#endif

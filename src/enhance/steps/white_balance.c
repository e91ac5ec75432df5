/*
 * white_balance.c: gains that give skin the colour that it has in white light.
 *
 * Shades of grey assume nothing about the image. Here most of the frame is
 * skin, whose mean colour in white light is known; the difference from it is
 * the light's colour. Mean luma does not change.
 */
#include <math.h>

#include "enhance/steps/steps.h"
#include "enhance/steps/value_tables.h"

#define GAIN_MOST 4.0

Status
step_white_balance(const Call *call, const EnhanceOptions *options, Image *image)
{
	static const double skin[3] = {SKIN_RED, 0, SKIN_BLUE};
	uint8_t		tables[3][256];
	double		colour[3];
	double		gains[3];
	double		before;
	double		after;
	Image		frame;

	(void) options;
	if (image->channels == 1)
		return status_ok();
	TRY(quality_frame(call, image, &frame));
	quality_mean_colour(&frame, colour);
	image_free(call, &frame);
	if (colour[0] + colour[1] + colour[2] <= 0)
		return status_ok();
	for (int c = 0; c < 3; c++)
		gains[c] = exp(skin[c]) / (colour[c] + 1);
	before = 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2];
	after = 0.299 * colour[0] * gains[0] + 0.587 * colour[1] * gains[1] + 0.114 * colour[2] * gains[2];
	for (int c = 0; c < 3; c++)
		gains[c] = fmin(GAIN_MOST, fmax(1 / GAIN_MOST, gains[c] * before / after));
	value_tables_gains(gains, tables);
	return value_tables_apply(call, tables, image);
}

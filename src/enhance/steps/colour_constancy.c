/*
 * colour_constancy.c: shades of grey. The Minkowski mean of the channels, norm
 * 6, is taken as the light's colour; gains make it grey without changing the
 * luma of grey.
 */
#include <math.h>

#include "enhance/steps/steps.h"
#include "enhance/steps/value_tables.h"

#define NORM 6
#define GAIN_MOST 3.0

Status
step_colour_constancy(const Call *call, const EnhanceOptions *options, Image *image)
{
	uint8_t		tables[3][256];
	double		sums[3] = {0};
	double		gains[3];
	double		luma;
	size_t		count;
	Image		frame;

	(void) options;
	if (image->channels == 1)
		return status_ok();
	TRY(quality_frame(call, image, &frame));
	count = (size_t) frame.width * (size_t) frame.height;
	for (size_t i = 0; i < count; i++)
	{
		const uint8_t *pixel = frame.pixels + 3 * i;

		if (pixel[0] == 255 || pixel[1] == 255 || pixel[2] == 255)
			continue;			/* burnt out: its colour is not the light's */
		for (int c = 0; c < 3; c++)
			sums[c] += pow(pixel[c] / 255.0, NORM);
	}
	image_free(call, &frame);
	for (int c = 0; c < 3; c++)
	{
		if (sums[c] <= 0)
			return status_ok();
		gains[c] = pow(sums[c], -1.0 / NORM);
	}
	luma = 0.299 / gains[0] + 0.587 / gains[1] + 0.114 / gains[2];
	for (int c = 0; c < 3; c++)
		gains[c] = fmin(GAIN_MOST, fmax(1 / GAIN_MOST, gains[c] * luma));
	value_tables_gains(gains, tables);
	return value_tables_apply(call, tables, image);
}

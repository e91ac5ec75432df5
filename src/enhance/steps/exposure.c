/*
 * exposure.c: one gain for all channels gives the image the usual light of
 * photographs of skin. The rim of the lens, which is black in any light, does
 * not count.
 */
#include <math.h>

#include "enhance/steps/steps.h"
#include "enhance/steps/value_tables.h"

#define GAIN_MOST 12.0

Status
step_exposure(const Call *call, const EnhanceOptions *options, Image *image)
{
	uint8_t		tables[3][256];
	double		gains[3];
	double		mean;
	double		stddev;
	Image		frame;

	(void) options;
	TRY(quality_frame(call, image, &frame));
	quality_luma_moments(&frame, &mean, &stddev);
	image_free(call, &frame);
	if (mean <= 0)
		return status_ok();
	gains[0] = gains[1] = gains[2] = fmin(GAIN_MOST, SKIN_LUMA / mean);
	value_tables_gains(gains, tables);
	return value_tables_apply(call, tables, image);
}

/*
 * levels.c: remove a grey veil by one linear map for all channels.
 *
 * A veil mixes every colour with grey, which divides both the spread of luma
 * and the saturation by the same factor. Their values without the veil are not
 * known, but are close to those of other skin, so each gives an estimate of the
 * factor. The geometric mean of the two is taken, drawn towards 1 because skin
 * varies. Mean luma becomes that of good light.
 */
#include <math.h>

#include "enhance/steps/steps.h"
#include "enhance/steps/value_tables.h"

#define GAIN_MOST 8.0
#define TRUST 0.4				/* exponent of each of the two estimates */

Status
step_levels(const Call *call, const EnhanceOptions *options, Image *image)
{
	uint8_t		tables[3][256];
	double		mean;
	double		stddev;
	double		gain;
	Quality		light = {0};
	Status		status;
	Image		frame;

	(void) options;
	TRY(quality_frame(call, image, &frame));
	status = quality_light(call, &frame, &light);
	quality_luma_moments(&frame, &mean, &stddev);
	image_free(call, &frame);
	if (status.code != LS_OK || stddev <= 0)
		return status;
	gain = pow(fmax(1, SKIN_LUMA_STDDEV / stddev), image->channels == 1 ? 2 * TRUST : TRUST);
	if (image->channels == 3)
		gain *= pow(fmax(1, SKIN_SATURATION / fmax(0.01, light.saturation)), TRUST);
	gain = fmin(GAIN_MOST, gain);
	for (int v = 0; v < 256; v++)
		tables[0][v] = tables[1][v] = tables[2][v] = to_byte((int) floor((v - mean) * gain + SKIN_LUMA + 0.5));
	return value_tables_apply(call, tables, image);
}

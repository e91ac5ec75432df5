/*
 * skin_tone.h: how light the skin around a lesion is.
 *
 * The individual typology angle of skin (Chardon, Cretois and Hourseau, Int. J.
 * Cosmetic Science 13(4), 1991), ITA = atan((L - 50) / b) in degrees, from
 * CIELAB under D65: above 55 very light, 41 light, 28 intermediate, 10 tan,
 * -30 brown, else dark (categories after Del Bino et al., Pigment Cell Research
 * 19(6), 2006).
 *
 * Skin is what is farther from the lesion than a tenth of its equivalent
 * diameter, is not hidden, and is not as black as the lens's rim. Of this,
 * pixels are left out whose L or b is more than 2.5 robust standard deviations
 * (1.4826 times the median deviation) from the median: scales, other lesions. A
 * lens that darkens smoothly is not corrected.
 *
 * The camera changes colours: a wrong white balance shifts b, and exposure
 * shifts L. The angle can compare photographs of one camera and setting; it
 * does not measure skin itself.
 */
#ifndef LESIONSEG_MEASURE_SKIN_TONE_H
#define LESIONSEG_MEASURE_SKIN_TONE_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* The least share of the image that must be skin. */
#define SKIN_LEAST_SHARE 0.01

typedef struct SkinTone
{
	int64_t		pixels;			/* number of pixels used */
	double		lightness;		/* mean L; NAN where there are too few pixels, as what follows */
	double		b;				/* mean b */
	double		ita;			/* degrees; NAN also where b is below 1: no colour of skin */
	const char *category;		/* "very light" .. "dark"; NULL where ita is NAN */
} SkinTone;

/* Measure an RGB image. mask (1 channel, 0/255) and hidden ((height, width),
 * not 0 where something covers the skin) have its size. */
Status		skin_tone(const Call *call, const Image *image, const Image *mask, const uint8_t *hidden, SkinTone *tone);

#endif

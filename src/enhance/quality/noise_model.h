/*
 * noise_model.h: the strength of an image's noise at each brightness. Private
 * to this folder.
 *
 * Sensors add noise of two kinds: one the same everywhere and one of the
 * light itself, whose variance grows with brightness (Foi et al., "Practical
 * Poissonian-Gaussian noise modeling and fitting for single-image raw-data",
 * IEEE TIP 17(10), 2008): variance(v) = constant + slope * v.
 */
#ifndef LESIONSEG_ENHANCE_NOISE_MODEL_H
#define LESIONSEG_ENHANCE_NOISE_MODEL_H

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* The noise of luma v in 0..255, in grey levels. */
typedef struct NoiseModel
{
	double		constant;		/* variance at black, >= 0 */
	double		slope;			/* and its growth with v, >= 0 */
} NoiseModel;

/* Estimate the noise of luma: Immerkaer's operator (see quality.h), its scaled
 * median in bins of local mean, and a line through these. */
Status		noise_model_estimate(const Call *call, const Image *image, NoiseModel *model);

/* Standard deviation at luma v. */
double		noise_model_sigma(const NoiseModel *model, double v);

/*
 * A table that makes noise equal at every brightness, with a sigma of `unit`
 * (Anscombe's square-root transform, generalised: the integral of unit /
 * sigma). sigma counts as at least `least`.
 */
void		noise_model_stabilise(const NoiseModel *model, double unit, double least, uint16_t table[256]);

#endif

/*
 * detection_loss.c: see detection_loss.h.
 */
#include "nn/detection_loss.h"

#include <math.h>

float
logit_loss(float logit, float target, float *slope)
{
	float		e = expf(-fabsf(logit));	/* never overflows */

	*slope = (logit >= 0 ? 1 : e) / (1 + e) - target;
	return fmaxf(logit, 0) - logit * target + log1pf(e);
}

float
smooth_l1(float difference, float *slope)
{
	float		size = fabsf(difference);

	if (size < SMOOTH_L1_BETA)
	{
		*slope = difference / SMOOTH_L1_BETA;
		return difference * difference / (2 * SMOOTH_L1_BETA);
	}
	*slope = difference > 0 ? 1 : -1;
	return size - SMOOTH_L1_BETA / 2;
}

/*
 * detection_loss.h: the terms of detection losses, each with its derivative.
 */
#ifndef LESIONSEG_NN_DETECTION_LOSS_H
#define LESIONSEG_NN_DETECTION_LOSS_H

/* Binary cross-entropy of a logit against a target in 0..1; *slope is the
 * derivative with respect to the logit. */
float		logit_loss(float logit, float target, float *slope);

/*
 * Smooth L1 (Girshick, arXiv:1504.08083) of a difference: quadratic within
 * SMOOTH_L1_BETA of 0, linear beyond; *slope is its derivative.
 */
#define SMOOTH_L1_BETA (1.0f / 9)
float		smooth_l1(float difference, float *slope);

#endif

/*
 * loss.h: what training minimises: binary cross-entropy plus soft Dice.
 *
 *   BCE  = mean over all pixels of -(t log p + (1 - t) log(1 - p))
 *   Dice = mean over images of 1 - (2 sum(p t) + 1) / (sum(p) + sum(t) + 1)
 *
 * with p the probability and t the truth (1 = lesion). Soft Dice: Milletari et
 * al., arXiv:1606.04797, here with a smoothing of 1 in numerator and
 * denominator, so that two empty masks have loss 0.
 */
#ifndef LESIONSEG_NN_LOSS_H
#define LESIONSEG_NN_LOSS_H

#include <stdint.h>

/*
 * The loss of n images of `pixels` pixels each: probabilities (n, pixels) in
 * 0..1 against masks (n, pixels), lesion where > 128. dlogits (n, pixels)
 * receives the gradient with respect to the logits; NULL = not wanted. Images
 * are divided between threads; the result does not depend on the number of
 * threads.
 */
double		loss_bce_dice(int threads, int n, long pixels, const float *probabilities,
						  const uint8_t *masks, float *dlogits);

#endif

/*
 * calibration.h: probabilities that mean what they say, and how good a mask
 * is likely to be.
 *
 * A network's probabilities are often too sure or not sure enough. One
 * number, the temperature, mends most of that: p becomes
 * sigmoid(logit(p) / temperature), with the temperature that makes the masks of
 * the validation images likeliest (Guo et al., On Calibration of Modern Neural
 * Networks, ICML 2017).
 *
 * From calibrated probabilities follows what Dice a mask may expect:
 * 2 sum(p over the mask) / (pixels of the mask + sum(p over all)), which ranks
 * masks about as well as anything that sees the probabilities alone (Borges
 * et al., Soft Dice Confidence, arXiv:2402.10665).
 *
 * Probabilities are 8-bit here, 255 p, as in the maps that users see. 0 and
 * 255 stay 0 and 1 at any temperature.
 */
#ifndef LESIONSEG_LEARN_CALIBRATION_H
#define LESIONSEG_LEARN_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

/* Without calibration: probabilities as they are, and a review threshold: below
 * it someone should look at the mask. */
#define CALIBRATION_TEMPERATURE 1.0
#define CALIBRATION_REVIEW_BELOW 0.85

/* With fewer images there is no calibration. */
#define CALIBRATION_MIN_IMAGES 20

/* The share of the validation images' masks that are to be looked at. */
#define CALIBRATION_REVIEW_SHARE 0.22

/* Pixels by their 8-bit probability and whether they are lesion. */
typedef struct CalibrationCounts
{
	int64_t		pixels[256][2];
} CalibrationCounts;

/* Add an image's map and its true mask of 0/255. */
void		calibration_add(CalibrationCounts *counts, size_t pixels, const uint8_t *map, const uint8_t *truth);

/* The temperature that fits, between 0.2 and 5; 1 where no pixel tells. */
double		calibration_temperature(const CalibrationCounts *counts);

/* The calibrated probability of each 8-bit probability. */
void		calibration_table(double temperature, double table[256]);

/* The Dice that a mask of 0/255 may expect; 0 for an empty one. */
double		calibration_expected_dice(size_t pixels, const uint8_t *map, const uint8_t *mask, const double table[256]);

/* The review threshold: CALIBRATION_REVIEW_SHARE of expected Dice lie below; sorts them. */
double		calibration_review_below(double *expected, long images);

#endif

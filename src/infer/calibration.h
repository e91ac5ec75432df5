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
 * Calibrated probabilities give the expected Dice of a mask: 2 sum(p over the
 * mask) / (pixels of the mask + sum(p over all)). It ranks masks about as well
 * as any other measure of the probabilities (Borges et al., Soft Dice
 * Confidence, arXiv:2402.10665).
 *
 * Probabilities are 8-bit here, 255 p, as in the maps that users see. 0 and
 * 255 stay 0 and 1 at any temperature.
 */
#ifndef LESIONSEG_INFER_CALIBRATION_H
#define LESIONSEG_INFER_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

/* Values without calibration: a temperature that changes nothing, and a review
 * threshold: below it someone should look at the mask. */
#define CALIBRATION_TEMPERATURE 1.0
#define CALIBRATION_REVIEW_BELOW 0.85

/* The least that a review threshold can be; 0 stands for none. */
#define CALIBRATION_REVIEW_LEAST 0.0001

/* Fewer images than this are not enough to calibrate. */
#define CALIBRATION_MIN_IMAGES 20

/* The share of validation masks that fall below the review threshold. */
#define CALIBRATION_REVIEW_SHARE 0.22

/* Pixels by their 8-bit probability and whether they are lesion. */
typedef struct CalibrationCounts
{
	int64_t		pixels[256][2];
} CalibrationCounts;

/* Add an image's map and its true mask of 0/255. */
void		calibration_add(CalibrationCounts *counts, size_t pixels, const uint8_t *map, const uint8_t *truth);

/* The best temperature, between 0.2 and 5; 1 if every probability is 0 or
 * 255. */
double		calibration_temperature(const CalibrationCounts *counts);

/* The calibrated probability of each 8-bit probability. */
void		calibration_table(double temperature, double table[256]);

/* The expected Dice of a mask of 0/255; 0 for an empty mask. */
double		calibration_expected_dice(size_t pixels, const uint8_t *map, const uint8_t *mask, const double table[256]);

/* The review threshold: CALIBRATION_REVIEW_SHARE of the values lie below it;
 * sorts `expected`. */
double		calibration_review_below(double *expected, long images);

#endif

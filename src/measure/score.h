/*
 * score.h: scores of masks. Formulas: docs/metrics.md.
 *
 * Counts are integers and a data-set score is a sum of per-image terms. So
 * partial scores add exactly, and the result does not depend on the number of
 * workers.
 */
#ifndef LESIONSEG_MEASURE_SCORE_H
#define LESIONSEG_MEASURE_SCORE_H

#include <stdint.h>

#include "core/call.h"
#include "core/status.h"
#include "image/image.h"

/* Pixels of one image, predicted against truth. */
typedef struct ConfusionCounts
{
	int64_t		true_positive;
	int64_t		false_positive;
	int64_t		false_negative;
	int64_t		true_negative;
} ConfusionCounts;

/* Scores of one image, each in 0..1. dice == f1 and iou == jaccard. */
typedef struct ImageScore
{
	double		dice;
	double		jaccard;
	double		threshold_jaccard;	/* jaccard, or 0 below 0.65 */
	double		sensitivity;
	double		specificity;
	double		precision;
	double		accuracy;
} ImageScore;

/*
 * Give a predicted mask at the truth's size: the mask itself, or `resized`,
 * made by nearest neighbour. The caller frees `resized` in any case
 * (image_free). Another shape, or more than 1 channel, is LS_INVALID_ARGUMENT.
 */
Status		mask_at_size_of(const Call *call, const Image *predicted, const Image *truth, Image *resized,
							const Image **mask);

/* Count predicted against truth (1-channel 0/255 masks) at the truth's size;
 * errors as above. */
Status		confusion_count(const Call *call, const Image *predicted, const Image *truth,
							ConfusionCounts *counts);

/* The scores that follow from one image's counts. */
ImageScore	image_score(const ConfusionCounts *counts);

/*
 * A sum of scores, whole + fraction / 2^62 with 0 <= fraction < 2^62. A
 * double of 0..1 fits nearly without loss and integers add exactly.
 */
typedef struct ScoreSum
{
	int64_t		whole;
	int64_t		fraction;
} ScoreSum;

#define SCORE_FRACTION_BITS 62

/* The state of a data-set score: plain integers, so it adds exactly. */
typedef struct ScoreState
{
	int64_t		n;				/* images */
	ConfusionCounts pooled;		/* summed over images */
	ScoreSum	dice;			/* sums of the images' scores */
	ScoreSum	jaccard;
	ScoreSum	threshold_jaccard;
	ScoreSum	sensitivity;
	ScoreSum	specificity;
	ScoreSum	precision;
	ScoreSum	accuracy;
	int64_t		skipped;		/* rows without one of the masks; not in n */
} ScoreState;

/* The figures of a data set: dice, jaccard and the others are means over
 * images, iou and f1 are pooled over all pixels. */
typedef struct DatasetScore
{
	int64_t		n;
	double		dice;
	double		iou;
	double		jaccard;
	double		f1;
	double		threshold_jaccard;
	double		sensitivity;
	double		specificity;
	double		precision;
	double		accuracy;
} DatasetScore;

/* LS_INVALID_ARGUMENT unless state could have come from score_add and
 * score_combine: for states that a caller may have made by hand. */
Status		score_check(const ScoreState *state);

/* Add one image (of at least one pixel) to a state that starts all zero.
 * LS_LIMIT_EXCEEDED, with state unchanged, above 2^63 pixels. */
Status		score_add(ScoreState *state, const ConfusionCounts *counts);

/* Count a row that lacks one of the masks; errors as score_add. */
Status		score_skip(ScoreState *state);

/* Add other's images to state; errors as score_add. */
Status		score_combine(ScoreState *state, const ScoreState *other);

/* The figures; n = 0 gives NaN everywhere. */
DatasetScore score_final(const ScoreState *state);

/* The mean of n scores of 0..1, to the last bit what score_final() gives of
 * these images; n = 0 gives NaN. */
double		score_mean(const double *scores, int64_t n);

#endif

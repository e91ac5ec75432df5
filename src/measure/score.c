/*
 * score.c: see score.h.
 *
 * One image is a state like any other, so score_combine is the only place
 * where states are added, and every addition there is checked.
 */
#include "measure/score.h"

#include <math.h>
#include <stdbool.h>

/* Jaccard below this counts as a failed segmentation (ISIC 2018, Task 1). */
#define JACCARD_THRESHOLD 0.65

/* Pixels counted between two polls: well below a millisecond of work. */
#define POLL_PIXELS (1 << 20)

#define FRACTION_ONE (INT64_C(1) << SCORE_FRACTION_BITS)

/* Count lesion pixels of a, of b, and of both, among n (at most POLL_PIXELS). */
static void
count_lesion(const uint8_t *a, const uint8_t *b, size_t n, int64_t *in_a, int64_t *in_b, int64_t *in_both)
{
	uint32_t	sum_a = 0;
	uint32_t	sum_b = 0;
	uint32_t	sum_both = 0;

	/* Masks are 0 or 255, so the top bit is the answer. */
#pragma omp simd reduction(+:sum_a, sum_b, sum_both)
	for (size_t i = 0; i < n; i++)
	{
		sum_a += a[i] >> 7;
		sum_b += b[i] >> 7;
		sum_both += (a[i] & b[i]) >> 7;
	}
	*in_a += sum_a;
	*in_b += sum_b;
	*in_both += sum_both;
}

/* Count two masks of one size. */
static Status
count_same_size(const Call *call, const Image *predicted, const Image *truth, ConfusionCounts *counts)
{
	size_t		pixels = (size_t) truth->width * truth->height;
	int64_t		in_predicted = 0;
	int64_t		in_truth = 0;
	int64_t		in_both = 0;

	for (size_t done = 0; done < pixels; done += POLL_PIXELS)
	{
		size_t		n = pixels - done < POLL_PIXELS ? pixels - done : POLL_PIXELS;

		TRY(call_poll(call));
		count_lesion(predicted->pixels + done, truth->pixels + done, n, &in_predicted, &in_truth, &in_both);
	}
	counts->true_positive = in_both;
	counts->false_positive = in_predicted - in_both;
	counts->false_negative = in_truth - in_both;
	counts->true_negative = (int64_t) pixels - in_predicted - in_truth + in_both;
	return status_ok();
}

Status
mask_at_size_of(const Call *call, const Image *predicted, const Image *truth, Image *resized, const Image **mask)
{
	*resized = (Image) {0};
	*mask = predicted;
	if (predicted->channels != 1 || truth->channels != 1)
		return status_error(LS_INVALID_ARGUMENT, "masks have 1 channel, not %d and %d",
							predicted->channels, truth->channels);
	if (predicted->width == truth->width && predicted->height == truth->height)
		return status_ok();
	if (!image_shapes_match(predicted->width, predicted->height, truth->width, truth->height))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT,
											 "the predicted mask is %d x %d pixels, the truth %d x %d: another shape",
											 predicted->width, predicted->height, truth->width, truth->height),
								"Masks of one image may differ in size, not in aspect ratio: is one of them turned, "
								"cropped or squashed?");
	*mask = resized;
	return image_resize_nearest(call, predicted, truth->width, truth->height, resized);
}

Status
confusion_count(const Call *call, const Image *predicted, const Image *truth, ConfusionCounts *counts)
{
	const Image *mask;
	Image		resized;
	Status		status;

	TRY(mask_at_size_of(call, predicted, truth, &resized, &mask));
	status = count_same_size(call, mask, truth, counts);
	image_free(call, &resized);
	return status;
}

/* part / whole, and 1 if whole is 0: nothing could be wrong. */
static double
ratio(int64_t part, int64_t whole)
{
	return whole == 0 ? 1.0 : (double) part / (double) whole;
}

/* 2TP / (2TP + FP + FN), summed as double since 2TP may not fit an integer. */
static double
dice_of(const ConfusionCounts *c)
{
	double		errors = (double) c->false_positive + (double) c->false_negative;
	double		twice = 2.0 * (double) c->true_positive;

	return twice + errors == 0 ? 1.0 : twice / (twice + errors);
}

static double
jaccard_of(const ConfusionCounts *c)
{
	return ratio(c->true_positive, c->true_positive + c->false_positive + c->false_negative);
}

/* The scores that follow from one image's counts. */
ImageScore
image_score(const ConfusionCounts *counts)
{
	const ConfusionCounts c = *counts;
	ImageScore	score;

	score.dice = dice_of(&c);
	score.jaccard = jaccard_of(&c);

	/* Division rounds correctly, so a Jaccard of 13/20 is not below 0.65. */
	score.threshold_jaccard = score.jaccard < JACCARD_THRESHOLD ? 0.0 : score.jaccard;
	score.sensitivity = ratio(c.true_positive, c.true_positive + c.false_negative);
	score.specificity = ratio(c.true_negative, c.true_negative + c.false_positive);
	score.precision = ratio(c.true_positive, c.true_positive + c.false_positive);
	score.accuracy = ratio(c.true_positive + c.true_negative,
						   c.true_positive + c.false_positive + c.false_negative + c.true_negative);
	return score;
}

/* Convert a score of 0..1 to a ScoreSum. */
static ScoreSum
sum_of(double score)
{
	ScoreSum	sum;

	sum.whole = (int64_t) score;
	sum.fraction = (int64_t) ((score - (double) sum.whole) * (double) FRACTION_ONE);
	return sum;
}

/* a + b; both are at most the number of images, so the whole fits. */
static ScoreSum
sum_add(ScoreSum a, ScoreSum b)
{
	ScoreSum	sum;

	sum.fraction = a.fraction + b.fraction;
	sum.whole = a.whole + b.whole + (sum.fraction >> SCORE_FRACTION_BITS);
	sum.fraction &= FRACTION_ONE - 1;
	return sum;
}

/* Can this be a sum of n scores? */
static bool
sum_valid(ScoreSum sum, int64_t n)
{
	return sum.whole >= 0 && sum.fraction >= 0 && sum.fraction < FRACTION_ONE &&
		(sum.whole < n || (sum.whole == n && sum.fraction == 0));
}

/* The mean of n scores; 0/0 = NaN for none. */
static double
sum_mean(ScoreSum sum, int64_t n)
{
	return ((double) sum.whole + (double) sum.fraction / (double) FRACTION_ONE) / (double) n;
}

/* sum = a + b, or false where it does not fit. */
static bool
add_checked(int64_t a, int64_t b, int64_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

/* LS_INVALID_ARGUMENT unless state could have come from score_add and
 * score_combine. */
Status
score_check(const ScoreState *state)
{
	const ConfusionCounts *pooled = &state->pooled;
	const int64_t counts[] = {pooled->true_positive, pooled->false_positive,
	pooled->false_negative, pooled->true_negative};
	const ScoreSum sums[] = {state->dice, state->jaccard, state->threshold_jaccard, state->sensitivity,
	state->specificity, state->precision, state->accuracy};
	int64_t		pixels = 0;
	bool		valid = state->n >= 0 && state->skipped >= 0;

	for (size_t i = 0; valid && i < sizeof counts / sizeof *counts; i++)
		valid = counts[i] >= 0 && add_checked(pixels, counts[i], &pixels);
	valid = valid && pixels >= state->n && (state->n > 0 || pixels == 0);
	for (size_t i = 0; valid && i < sizeof sums / sizeof *sums; i++)
		valid = sum_valid(sums[i], state->n);
	if (!valid)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "not a state of the score"),
								"Only combine states that come from scoring images.");
	return status_ok();
}

/* Add other's images to state. */
Status
score_combine(ScoreState *state, const ScoreState *other)
{
	ScoreState	sum;
	ConfusionCounts *p = &sum.pooled;
	const ConfusionCounts *a = &state->pooled;
	const ConfusionCounts *b = &other->pooled;
	int64_t		pixels;
	bool		fits;

	fits = add_checked(state->n, other->n, &sum.n) &&
		add_checked(a->true_positive, b->true_positive, &p->true_positive) &&
		add_checked(a->false_positive, b->false_positive, &p->false_positive) &&
		add_checked(a->false_negative, b->false_negative, &p->false_negative) &&
		add_checked(a->true_negative, b->true_negative, &p->true_negative) &&
		add_checked(p->true_positive, p->false_positive, &pixels) &&
		add_checked(pixels, p->false_negative, &pixels) &&
		add_checked(pixels, p->true_negative, &pixels) &&
		add_checked(state->skipped, other->skipped, &sum.skipped);
	if (!fits)
		return status_with_hint(status_error(LS_LIMIT_EXCEEDED, "a score is over at most 2^63 pixels"),
								"Score the images in groups.");
	sum.dice = sum_add(state->dice, other->dice);
	sum.jaccard = sum_add(state->jaccard, other->jaccard);
	sum.threshold_jaccard = sum_add(state->threshold_jaccard, other->threshold_jaccard);
	sum.sensitivity = sum_add(state->sensitivity, other->sensitivity);
	sum.specificity = sum_add(state->specificity, other->specificity);
	sum.precision = sum_add(state->precision, other->precision);
	sum.accuracy = sum_add(state->accuracy, other->accuracy);
	*state = sum;
	return status_ok();
}

/* Add one image to a state. */
Status
score_add(ScoreState *state, const ConfusionCounts *counts)
{
	const ImageScore score = image_score(counts);
	ScoreState	one;

	one.n = 1;
	one.pooled = *counts;
	one.dice = sum_of(score.dice);
	one.jaccard = sum_of(score.jaccard);
	one.threshold_jaccard = sum_of(score.threshold_jaccard);
	one.sensitivity = sum_of(score.sensitivity);
	one.specificity = sum_of(score.specificity);
	one.precision = sum_of(score.precision);
	one.accuracy = sum_of(score.accuracy);
	one.skipped = 0;
	return score_combine(state, &one);
}

/* Count a row that lacks one of the masks. */
Status
score_skip(ScoreState *state)
{
	const ScoreState one = {.skipped = 1};

	return score_combine(state, &one);
}

/* The figures of a state. */
DatasetScore
score_final(const ScoreState *state)
{
	DatasetScore score;

	score.n = state->n;
	score.dice = sum_mean(state->dice, state->n);
	score.iou = state->n == 0 ? NAN : jaccard_of(&state->pooled);
	score.jaccard = sum_mean(state->jaccard, state->n);
	score.f1 = state->n == 0 ? NAN : dice_of(&state->pooled);
	score.threshold_jaccard = sum_mean(state->threshold_jaccard, state->n);
	score.sensitivity = sum_mean(state->sensitivity, state->n);
	score.specificity = sum_mean(state->specificity, state->n);
	score.precision = sum_mean(state->precision, state->n);
	score.accuracy = sum_mean(state->accuracy, state->n);
	return score;
}

/* The mean of n scores of 0..1. */
double
score_mean(const double *scores, int64_t n)
{
	ScoreSum	sum = {0};

	for (int64_t i = 0; i < n; i++)
		sum = sum_add(sum, sum_of(scores[i]));
	return sum_mean(sum, n);
}

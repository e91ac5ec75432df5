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

#define FIXED_ONE (INT64_C(1) << SCORE_FRACTION_BITS)

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
count_same_size(const HostContext *host, const Image *predicted, const Image *truth, ConfusionCounts *counts)
{
	size_t		pixels = (size_t) truth->width * truth->height;
	int64_t		in_predicted = 0;
	int64_t		in_truth = 0;
	int64_t		in_both = 0;

	for (size_t done = 0; done < pixels; done += POLL_PIXELS)
	{
		size_t		n = pixels - done < POLL_PIXELS ? pixels - done : POLL_PIXELS;

		TRY(host_poll(host));
		count_lesion(predicted->pixels + done, truth->pixels + done, n, &in_predicted, &in_truth, &in_both);
	}
	counts->true_positive = in_both;
	counts->false_positive = in_predicted - in_both;
	counts->false_negative = in_truth - in_both;
	counts->true_negative = (int64_t) pixels - in_predicted - in_truth + in_both;
	return status_ok();
}

/* Count predicted against truth at the truth's size. */
Status
confusion_count(const HostContext *host, const Image *predicted, const Image *truth, ConfusionCounts *counts)
{
	Image		resized;
	Status		status;

	if (predicted->channels != 1 || truth->channels != 1)
		return status_error(LS_INVALID_ARGUMENT, "masks have 1 channel, not %d and %d",
							predicted->channels, truth->channels);
	if (predicted->width == truth->width && predicted->height == truth->height)
		return count_same_size(host, predicted, truth, counts);

	TRY(image_resize_nearest(host, predicted, truth->width, truth->height, &resized));
	status = count_same_size(host, &resized, truth, counts);
	image_free(host, &resized);
	return status;
}

/* part / whole, and 1 where there was nothing to get wrong. */
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

/* A score of 0..1 as fixed point, to the nearest. */
static int64_t
fixed(double score)
{
	return (int64_t) (score * (double) FIXED_ONE + 0.5);
}

/* sum = a + b, or false where it does not fit. */
static bool
add(int64_t a, int64_t b, int64_t *sum)
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
	const int64_t sums[] = {state->dice, state->jaccard, state->threshold_jaccard, state->sensitivity,
	state->specificity, state->precision, state->accuracy};
	int64_t		pixels = 0;
	bool		valid = state->n >= 0 && state->n <= SCORE_MAX_IMAGES && state->skipped >= 0;

	for (size_t i = 0; valid && i < sizeof counts / sizeof *counts; i++)
		valid = counts[i] >= 0 && add(pixels, counts[i], &pixels);
	valid = valid && pixels >= state->n && (state->n > 0 || pixels == 0);
	for (size_t i = 0; valid && i < sizeof sums / sizeof *sums; i++)
		valid = sums[i] >= 0 && sums[i] <= state->n * FIXED_ONE;
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

	sum.n = state->n + other->n;
	fits = sum.n <= SCORE_MAX_IMAGES &&
		add(a->true_positive, b->true_positive, &p->true_positive) &&
		add(a->false_positive, b->false_positive, &p->false_positive) &&
		add(a->false_negative, b->false_negative, &p->false_negative) &&
		add(a->true_negative, b->true_negative, &p->true_negative) &&
		add(p->true_positive, p->false_positive, &pixels) &&
		add(pixels, p->false_negative, &pixels) &&
		add(pixels, p->true_negative, &pixels) &&
		add(state->skipped, other->skipped, &sum.skipped);
	if (!fits)
		return status_with_hint(
								status_error(LS_LIMIT_EXCEEDED,
											 "a score is over at most %lld images and 2^63 pixels",
											 (long long) SCORE_MAX_IMAGES),
								"Score the images in groups.");

	/* Each sum is at most n * FIXED_ONE, which fits. */
	sum.dice = state->dice + other->dice;
	sum.jaccard = state->jaccard + other->jaccard;
	sum.threshold_jaccard = state->threshold_jaccard + other->threshold_jaccard;
	sum.sensitivity = state->sensitivity + other->sensitivity;
	sum.specificity = state->specificity + other->specificity;
	sum.precision = state->precision + other->precision;
	sum.accuracy = state->accuracy + other->accuracy;
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
	one.dice = fixed(score.dice);
	one.jaccard = fixed(score.jaccard);
	one.threshold_jaccard = fixed(score.threshold_jaccard);
	one.sensitivity = fixed(score.sensitivity);
	one.specificity = fixed(score.specificity);
	one.precision = fixed(score.precision);
	one.accuracy = fixed(score.accuracy);
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

/* The mean of n fixed-point scores; 0/0 = NaN for none. */
static double
mean(int64_t sum, int64_t n)
{
	return (double) sum / (double) FIXED_ONE / (double) n;
}

/* The figures of a state. */
DatasetScore
score_final(const ScoreState *state)
{
	DatasetScore score;

	score.n = state->n;
	score.dice = mean(state->dice, state->n);
	score.iou = state->n == 0 ? NAN : jaccard_of(&state->pooled);
	score.jaccard = mean(state->jaccard, state->n);
	score.f1 = state->n == 0 ? NAN : dice_of(&state->pooled);
	score.threshold_jaccard = mean(state->threshold_jaccard, state->n);
	score.sensitivity = mean(state->sensitivity, state->n);
	score.specificity = mean(state->specificity, state->n);
	score.precision = mean(state->precision, state->n);
	score.accuracy = mean(state->accuracy, state->n);
	return score;
}

/*
 * quality_score.c: from measures to a score and to words.
 *
 * An image is good, or one thing is wrong with it: which one is not known, so
 * the odds against it are the mean of the odds of each issue, and the score is
 * the probability that it is good. The odds of an issue are exponential in a
 * few measures. Its coefficients are those of a logistic regression, with a
 * ridge and both classes of equal weight, that tells dermoscopic photographs of
 * the ISIC 2017 challenge from the same ones degraded in that way at severities
 * 3 to 5 (test/tools/quality fits and judges), on images that nothing is judged
 * on; blur, motion blur, low resolution and JPEG were stronger at the time
 * (docs/enhancement.md). Those of overexposure, which is no degradation, are set
 * by hand.
 */
#include <math.h>

#include "enhance/quality/quality_parts.h"

static const char *const issue_names[ISSUES] = {
	[ISSUE_BLURRED] = "blurred",
	[ISSUE_NOISY] = "noisy",
	[ISSUE_LOW_CONTRAST] = "low contrast",
	[ISSUE_DARK] = "dark",
	[ISSUE_BRIGHT] = "overexposed",
	[ISSUE_UNEVEN] = "uneven light",
	[ISSUE_COLOUR_CAST] = "colour cast",
	[ISSUE_HAIR] = "hair",
	[ISSUE_GLARE] = "glare",
	[ISSUE_INK] = "ink",
	[ISSUE_BLOCKING] = "compression artefacts",
	[ISSUE_LOW_RESOLUTION] = "low resolution",
};

const char *
quality_issue_name(QualityIssue issue)
{
	return issue_names[issue];
}

/* What the odds are made of; what is a ratio counts in doublings. */
typedef enum Evidence
{
	NOISE,
	LUMA_STDDEV,
	SATURATION,
	CONTRAST,
	BRIGHTNESS,
	SLOPE,
	UNEVENNESS,
	CAST,
	HAIR,
	GLARE,
	INK,
	BLOCKING,
	RESOLUTION,					/* of a frame of 256 */
	SHARPNESS,
	EVIDENCES
} Evidence;

/* Log odds of one issue: constant plus weighted evidence. */
typedef struct IssueOdds
{
	double		constant;
	double		weights[EVIDENCES];
} IssueOdds;

static const IssueOdds odds_of[ISSUES] = {
	[ISSUE_BLURRED] = {22.70, {[SHARPNESS] = -1.134, [RESOLUTION] = -2.420}},
	[ISSUE_NOISY] = {-6.20, {[NOISE] = 4.533}},
	[ISSUE_LOW_CONTRAST] = {32.80, {[LUMA_STDDEV] = -6.109, [SATURATION] = -2.884, [BRIGHTNESS] = -2.185,
									[CONTRAST] = 4.344}},
	[ISSUE_DARK] = {18.16, {[BRIGHTNESS] = -10.319}},
	[ISSUE_BRIGHT] = {-37, {[BRIGHTNESS] = 10}},
	[ISSUE_UNEVEN] = {5.33, {[SLOPE] = 1.995, [UNEVENNESS] = -0.317, [BRIGHTNESS] = -7.245}},
	[ISSUE_COLOUR_CAST] = {-4.71, {[CAST] = 1.561}},
	[ISSUE_HAIR] = {9.89, {[HAIR] = 1.602}},
	[ISSUE_GLARE] = {20.67, {[GLARE] = 2.794}},
	[ISSUE_INK] = {23.91, {[INK] = 2.006, [HAIR] = 1.894}},
	[ISSUE_BLOCKING] = {-5.71, {[BLOCKING] = 0.734}},
	[ISSUE_LOW_RESOLUTION] = {34.63, {[RESOLUTION] = -5.129}},
};

#define NAMED 1.0				/* log odds from which an issue is named */
#define LOG_ODDS_MOST 50.0

/* The evidence of an image. Small addends keep the logarithms of nothing in
 * place. */
static void
gather(const Image *image, const Quality *quality, double evidence[EVIDENCES])
{
	double		shorter = image->width < image->height ? image->width : image->height;

	evidence[NOISE] = log2(quality->noise + 0.1);
	evidence[LUMA_STDDEV] = log2(quality->luma_stddev + 0.3);
	/* grey images say nothing of saturation: it is as usual */
	evidence[SATURATION] = log2((image->channels == 3 ? quality->saturation : SKIN_SATURATION) + 0.01);
	evidence[CONTRAST] = log2(quality->contrast + 0.01);
	evidence[BRIGHTNESS] = 4 * quality->brightness;
	evidence[SLOPE] = 10 * quality->slope;
	evidence[UNEVENNESS] = 4 * quality->unevenness;
	evidence[CAST] = 10 * quality->colour_cast;
	evidence[HAIR] = log2(quality->hair + 0.0005);
	evidence[GLARE] = log2(quality->glare + 0.0002);
	evidence[INK] = log2(quality->ink + 0.002);
	evidence[BLOCKING] = 4 * quality->blocking;
	evidence[RESOLUTION] = log2(256 * fmin(1, quality->resolution / fmin(256, shorter)));
	evidence[SHARPNESS] = 8 * quality->sharpness;
}

void
quality_judge(const Image *image, Quality *quality)
{
	double		evidence[EVIDENCES];
	double		odds = 0;

	gather(image, quality, evidence);
	for (int i = 0; i < ISSUES; i++)
	{
		double		log_odds = odds_of[i].constant;

		for (int e = 0; e < EVIDENCES; e++)
			log_odds += odds_of[i].weights[e] * evidence[e];
		quality->issues[i] = log_odds > NAMED;
		odds += exp(fmin(LOG_ODDS_MOST, log_odds)) / ISSUES;
	}
	quality->score = 1 / (1 + odds);
}

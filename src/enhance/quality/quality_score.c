/*
 * quality_score.c: from measures to a score and to words.
 *
 * The model: an image is good, or it has exactly one issue. Which one is not
 * known, so the odds against the image are the mean of the odds of all issues,
 * and the score is the probability that it is good. The log odds of an issue
 * are linear in a few measures. The coefficients come from logistic regressions
 * (with a ridge, both classes of equal weight), one for each issue: they
 * separate dermoscopic photographs of the ISIC 2017 challenge from the same
 * photographs degraded in that way at severities 3 to 5. test/tools/quality fits
 * them, and judges them on other images. Blur, motion blur, low resolution and
 * JPEG were stronger at that time (docs/enhancement.md). Overexposure is no
 * degradation: its coefficients are set by hand.
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

/* The terms of the log odds; ratios are logarithms to base 2. */
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
	RESOLUTION,					/* as a ratio to a frame of 256 */
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

#define NAMED 1.0				/* an issue is named from these log odds on */
#define LOG_ODDS_MOST 50.0

/* The evidence of an image. Small addends keep logarithms of 0 finite. */
static void
gather_evidence(const Image *image, const Quality *quality, double evidence[EVIDENCES])
{
	double		shorter = image->width < image->height ? image->width : image->height;

	evidence[NOISE] = log2(quality->noise + 0.1);
	evidence[LUMA_STDDEV] = log2(quality->luma_stddev + 0.3);
	/* a grey image has no saturation: assume the usual value */
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

	gather_evidence(image, quality, evidence);
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

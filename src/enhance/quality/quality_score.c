/*
 * quality_score.c: from measures to a score and to words.
 *
 * The model: an image is good, or it has exactly one issue. Which one is not
 * known, so the odds against the image are the mean of the odds of all issues,
 * and the score is the probability that it is good. The log odds of an issue
 * are linear in a few measures. The coefficients come from logistic regressions
 * (with a ridge, both classes of equal weight), one for each issue: they
 * separate dermoscopic photographs of the ISIC 2017 challenge from the same
 * photographs degraded in that way at severities 3 and 4, at several sizes
 * together. test/tools/quality fits them, and judges them on other images
 * (docs/enhancement.md). The weight of the share of hair is set by hand, so that
 * detail alone is not called hair; and all of overexposure, which is no
 * degradation.
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
	BRIGHTNESS,
	SLOPE,
	UNEVENNESS,
	COLOUR,						/* how unusual it is for skin */
	BLACK,
	WHITE,
	HAIR,
	GLARE,
	INK,
	BLOCKING,
	RESOLUTION,					/* as a ratio to a frame of 256 */
	SHARPNESS,
	DIRECTION,
	DETAIL,
	EVIDENCES
} Evidence;

/* Log odds of one issue: constant plus weighted evidence. */
typedef struct IssueOdds
{
	double		constant;
	double		weights[EVIDENCES];
} IssueOdds;

static const IssueOdds odds_of[ISSUES] = {
	[ISSUE_BLURRED] = {18.19, {[SHARPNESS] = -1.278, [RESOLUTION] = -2.227, [DIRECTION] = 2.913}},
	[ISSUE_NOISY] = {-4.56, {[NOISE] = 4.061}},
	[ISSUE_LOW_CONTRAST] = {44.63, {[LUMA_STDDEV] = 3.132, [BRIGHTNESS] = -12.218, [BLACK] = 12.091,
									[DETAIL] = -1.556}},
	[ISSUE_DARK] = {1.40, {[BRIGHTNESS] = -7.802, [WHITE] = -16.468}},
	[ISSUE_BRIGHT] = {-37, {[BRIGHTNESS] = 10}},
	[ISSUE_UNEVEN] = {4.23, {[SLOPE] = 2.445, [UNEVENNESS] = 0.946, [BRIGHTNESS] = -9.062}},
	[ISSUE_COLOUR_CAST] = {-8.46, {[COLOUR] = 3.934}},
	[ISSUE_HAIR] = {-2.60, {[HAIR] = 1.3, [DETAIL] = 1.351}},
	[ISSUE_GLARE] = {22.22, {[GLARE] = 2.495}},
	[ISSUE_INK] = {24.89, {[INK] = 2.000, [HAIR] = 1.989}},
	[ISSUE_BLOCKING] = {-6.97, {[BLOCKING] = 1.136}},
	[ISSUE_LOW_RESOLUTION] = {78.68, {[RESOLUTION] = -10.623}},
};

#define NAMED 1.0				/* an issue is named from these log odds on */
#define LOG_ODDS_MOST 50.0

/* Standard deviation of luma below which there is no lesion to be seen, and less is not better. */
#define FLAT 4.0

/* Black and white of photographs over what they are without colours: medians. */
#define BLACK_OF_GREY 0.65
#define WHITE_OF_GREY 1.12

#define COLOURS 4				/* log R/G and log B/G of the mean colour, then of skin */

/* Their means over photographs, and the inverse of their covariance, from all
 * but the tenth of photographs that are farthest away. */
static const double usual_colour[COLOURS] = {0.1731, -0.0806, 0.1270, -0.0563};
static const double colour_precision[COLOURS][COLOURS] = {
	{2883.1, 3412.0, -3037.8, -3818.7},
	{3412.0, 6132.0, -3671.5, -6657.6},
	{-3037.8, -3671.5, 3381.3, 4183.2},
	{-3818.7, -6657.6, 4183.2, 7538.4},
};

/*
 * How far an image's colour is from the usual one, in units of how much
 * photographs differ (Mahalanobis 1936). Skin differs more in how red it is
 * than in how blue, and a lesion moves the mean colour away from that of skin
 * in a way of its own; light of a wrong colour moves both alike.
 */
static double
colour_distance(const Quality *quality)
{
	const double colours[COLOURS] = {quality->colour.red, quality->colour.blue, quality->skin_colour.red,
	quality->skin_colour.blue};
	double		square = 0;

	for (int i = 0; i < COLOURS; i++)
		for (int j = 0; j < COLOURS; j++)
			square += colour_precision[i][j] * (colours[i] - usual_colour[i]) * (colours[j] - usual_colour[j]);
	return sqrt(fmax(0, square));
}

/* The evidence of an image. Small addends keep logarithms of 0 finite. */
static void
gather_evidence(int width, int height, int channels, const Quality *quality, double evidence[EVIDENCES])
{
	double		shorter = width < height ? width : height;
	bool		grey = channels == 1;

	evidence[NOISE] = log2(quality->noise + 0.1);
	evidence[LUMA_STDDEV] = log2(fmax(FLAT, quality->luma_stddev) + 0.3);
	evidence[BRIGHTNESS] = 4 * quality->brightness;
	evidence[SLOPE] = 10 * quality->slope;
	evidence[UNEVENNESS] = 4 * quality->unevenness;
	/* a grey image has no colours: assume the usual ones */
	evidence[COLOUR] = grey ? 0 : log2(colour_distance(quality) + 0.3);
	evidence[BLACK] = log2(quality->black * (grey ? BLACK_OF_GREY : 1) + 0.01);
	evidence[WHITE] = log2(quality->white * (grey ? WHITE_OF_GREY : 1) + 0.01);
	evidence[HAIR] = log2(quality->hair + 0.0005);
	evidence[GLARE] = log2(quality->glare + 0.0002);
	evidence[INK] = log2(quality->ink + 0.002);
	evidence[BLOCKING] = 4 * quality->blocking;
	evidence[RESOLUTION] = log2(256 * fmin(1, quality->resolution / fmin(256, shorter)));
	evidence[SHARPNESS] = 8 * quality->sharpness;
	evidence[DIRECTION] = quality->direction;
	evidence[DETAIL] = quality->detail;
}

void
quality_judge(int width, int height, int channels, Quality *quality)
{
	double		evidence[EVIDENCES];
	double		odds = 0;

	gather_evidence(width, height, channels, quality, evidence);
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

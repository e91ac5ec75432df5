/*
 * quality_score.c: from measures to a score and to words.
 *
 * Each measure has a penalty: 0 as long as it is what good photographs have,
 * then growing. The score is a logistic function of their weighted sum.
 * Weights started from the maximum-likelihood ones (none below 0) for telling
 * dermoscopic photographs of the ISIC 2017 challenge from the same ones
 * degraded at severities 3 and 5, all kinds weighing the same, fitted on one
 * half of a sample of 106 photographs; those of noise, blur and unevenness,
 * which other penalties nearly cover, are set so that the issue gets its name.
 * The bounds from which an issue is named were set by hand.
 */
#include <math.h>

#include "enhance/quality_parts.h"

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

/* How far value is above bound. */
static double
above(double value, double bound)
{
	return value > bound ? value - bound : 0;
}

/* How often value doubles from bound, 4 times at most; least keeps the
 * logarithm of small values in place. */
static double
doublings(double value, double bound, double least)
{
	return fmin(4, fmax(0, log2((value + least) / bound)));
}

#define CLEAN 3.15		/* the sum from which penalties are taken off */

void
quality_judge(const Image *image, Quality *quality)
{
	double		shorter = image->width < image->height ? image->width : image->height;
	double		wanted = fmin(256, shorter);
	double		flat = doublings(0.22, quality->contrast + 0.002, 0);
	double		grey = image->channels == 3 ? doublings(0.15, quality->saturation + 0.002, 0) : 0;
	double		penalty[ISSUES];
	double		sum = CLEAN;

	penalty[ISSUE_BLURRED] = 8.00 * above(0.65, quality->sharpness);
	penalty[ISSUE_NOISY] = 1.00 * doublings(quality->noise, 1, 1e-9);
	penalty[ISSUE_LOW_CONTRAST] = 3.67 * flat + 1.38 * grey;
	penalty[ISSUE_DARK] = 14 * above(0.5, quality->brightness);
	penalty[ISSUE_BRIGHT] = 8.69 * above(quality->brightness, 0.85);
	penalty[ISSUE_UNEVEN] = 5.35 * above(quality->slope, 0.15) + 1.00 * above(quality->unevenness, 0.5);
	penalty[ISSUE_COLOUR_CAST] = 16.58 * above(quality->colour_cast, 0.20);
	penalty[ISSUE_HAIR] = 0.79 * doublings(quality->hair, 0.012, 0.001);
	penalty[ISSUE_GLARE] = 1.03 * doublings(quality->glare, 0.0012, 0.0002);
	penalty[ISSUE_INK] = 1.57 * fmin(3, doublings(quality->ink, 0.012, 0.002));
	penalty[ISSUE_BLOCKING] = 4.57 * doublings(quality->blocking, 1, 0.01);
	penalty[ISSUE_LOW_RESOLUTION] = 7.60 * doublings(wanted, quality->resolution, 0);
	for (int i = 0; i < ISSUES; i++)
	{
		sum -= penalty[i];
		/* what alone takes a clean score half of the way to one half */
		quality->issues[i] = 2 * penalty[i] > CLEAN;
	}
	quality->score = 1 / (1 + exp(-sum));
}

/*
 * loss.c: see loss.h.
 */
#include "nn/loss.h"

#include <math.h>
#include <stddef.h>

#include "core/threads.h"

#define SMOOTHING 1.0
#define MOST_IMAGES 4096		/* most images per call; a batch is far smaller */
#define LEAST_PROBABILITY 1e-7f /* keeps the logarithm finite */
#define FACTORS 16				/* factors per logarithm: their product stays above 1e-112 */

typedef struct LossTask
{
	int			n;
	long		pixels;
	const float *probabilities;
	const uint8_t *masks;
	float	   *dlogits;
	double		losses[MOST_IMAGES];	/* per image */
} LossTask;

static void
image_losses(void *data, int worker, long begin, long end)
{
	LossTask   *task = data;

	(void) worker;
	for (long image = begin; image < end; image++)
	{
		const float *p = task->probabilities + image * task->pixels;
		const uint8_t *mask = task->masks + image * task->pixels;
		double		entropy = 0;
		double		product = 1;
		double		overlap = 0;
		double		total = 0;
		double		numerator;
		double		denominator;

		for (long i = 0; i < task->pixels; i++)
		{
			int			t = mask[i] > 128;
			float		right = t ? p[i] : 1 - p[i];

			product *= right > LEAST_PROBABILITY ? right : LEAST_PROBABILITY;
			if (i % FACTORS == FACTORS - 1 || i == task->pixels - 1)
			{
				entropy -= log(product);
				product = 1;
			}
			overlap += t ? p[i] : 0;
			total += p[i] + t;
		}
		numerator = 2 * overlap + SMOOTHING;
		denominator = total + SMOOTHING;
		task->losses[image] = entropy / ((double) task->n * task->pixels) +
			(1 - numerator / denominator) / task->n;
		if (task->dlogits != NULL)
		{
			float	   *dz = task->dlogits + image * task->pixels;
			float		entropy_slope = (float) (1 / ((double) task->n * task->pixels));
			float		lesion_slope = (float) ((2 * denominator - numerator) /
												(denominator * denominator * task->n));
			float		skin_slope = (float) (-numerator / (denominator * denominator * task->n));

			for (long i = 0; i < task->pixels; i++)
			{
				int			t = mask[i] > 128;

				dz[i] = (p[i] - t) * entropy_slope -
					(t ? lesion_slope : skin_slope) * p[i] * (1 - p[i]);
			}
		}
	}
}

double
loss_bce_dice(int threads, int n, long pixels, const float *probabilities,
			  const uint8_t *masks, float *dlogits)
{
	double		loss = 0;
	LossTask	task = {
		.n = n,.pixels = pixels,.probabilities = probabilities,.masks = masks,.dlogits = dlogits,
	};

	if (n > MOST_IMAGES)
		return NAN;
	threads_run(threads, n, image_losses, &task);
	for (int i = 0; i < n; i++)
		loss += task.losses[i];
	return loss;
}

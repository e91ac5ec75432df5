/*
 * update.c: see update.h.
 */
#include "learn/federated/update.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "learn/federated/own_norms.h"

#define PIECE 4096				/* elements between two polls; even, as noise comes in pairs */

/* ---- noise ---- */

/* A number above 0 and up to 1, of 53 random bits. */
static double
uniform(uint64_t bits)
{
	return ((double) (bits >> 11) + 1) * 0x1p-53;
}

/* Draw PIECE numbers of the standard normal distribution (Box and Muller, 1958). */
static Status
draw_normal(UpdateRandom random, double numbers[PIECE])
{
	uint64_t	bits[PIECE];

	if (!random(bits, sizeof bits))
		return status_with_hint(status_error(LS_HOST_ERROR, "the system gave no random numbers"),
								"Without them there is no noise, and nothing may leave. Try again.");
	for (int i = 0; i < PIECE; i += 2)
	{
		double		radius = sqrt(-2 * log(uniform(bits[i])));
		double		angle = 2 * M_PI * uniform(bits[i + 1]);

		numbers[i] = radius * cos(angle);
		numbers[i + 1] = radius * sin(angle);
	}
	return status_ok();
}

/* ---- updates ---- */

/* How an update is changed. */
typedef struct Change
{
	double		scale;			/* of the update; 1 = it stays */
	double		deviation;		/* of the noise; 0 = none */
	UpdateRandom random;
} Change;

/* Change a piece of at most PIECE elements. */
static Status
change_piece(const Change *change, size_t count, const float *start, float *weights)
{
	double		noise[PIECE] = {0};

	if (change->deviation > 0)
		TRY(draw_normal(change->random, noise));
	for (size_t i = 0; i < count; i++)
	{
		double		from = (double) start[i];
		double		to = (double) weights[i];

		if (change->scale != 1)
			to = from + change->scale * (to - from);
		if (change->deviation > 0)
			to += change->deviation * noise[i];
		weights[i] = (float) to;
	}
	return status_ok();
}

/* Change a network's update. */
static Status
change_update(const Call *call, const Change *change, const Network *start, Network *weights)
{
	for (int p = 0; p < start->graph->param_count; p++)
	{
		const GraphParam *param = &start->graph->params[p];

		if (is_running_statistic(param))
			continue;
		for (size_t done = 0; done < param->count; done += PIECE)
		{
			size_t		count = param->count - done < PIECE ? param->count - done : PIECE;
			size_t		offset = param->offset + done;

			TRY(call_poll(call));
			TRY(change_piece(change, count, start->weights + offset, weights->weights + offset));
		}
	}
	return status_ok();
}

Status
update_norm(const Call *call, const Network *start, const Network *weights, double *norm)
{
	double		sum = 0;

	for (int p = 0; p < start->graph->param_count; p++)
	{
		const GraphParam *param = &start->graph->params[p];

		if (is_running_statistic(param))
			continue;
		for (size_t i = 0; i < param->count; i++)
		{
			size_t		element = param->offset + i;
			double		change = (double) weights->weights[element] - (double) start->weights[element];

			if (i % PIECE == 0)
				TRY(call_poll(call));
			sum += change * change;
		}
	}
	*norm = sqrt(sum);
	return status_ok();
}

Status
update_check_limits(double clip_norm, double noise_multiplier)
{
	if (!(clip_norm >= UPDATE_LEAST_NORM && clip_norm <= UPDATE_MOST_NORM))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "clip_norm is %g, it must be from %g to %g",
											 clip_norm, UPDATE_LEAST_NORM, UPDATE_MOST_NORM),
								"lesion_weights_distance says how large updates are.");
	if (!(noise_multiplier >= 0 && noise_multiplier <= UPDATE_MOST_NOISE))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "noise_multiplier is %g, it must be from 0 to %g",
											 noise_multiplier, UPDATE_MOST_NOISE),
								"The noise's standard deviation is noise_multiplier * clip_norm; 0: no noise.");
	return status_ok();
}

Status
update_clip(const Call *call, const Network *start, Network *weights, double clip_norm, double noise_multiplier,
			UpdateRandom random)
{
	Change		change = {.scale = 1,.random = random};
	double		norm;

	TRY(update_check_limits(clip_norm, noise_multiplier));
	TRY(update_norm(call, start, weights, &norm));
	if (norm > clip_norm)
		change.scale = clip_norm / norm;
	change.deviation = noise_multiplier * clip_norm;
	TRY(change_update(call, &change, start, weights));
	own_norms_copy(start, weights, false);
	weights->traits.threshold = 0;
	weights->traits.temperature = 0;
	weights->traits.review_below = 0;
	memset(weights->traits.dice_coefficients, 0, sizeof weights->traits.dice_coefficients);
	return status_ok();
}

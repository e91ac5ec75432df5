/*
 * chan_vese.c: two even regions with a short border. phi is above 0 in the
 * first region. Its equation is solved by Getreuer's scheme: pixel by pixel,
 * with the neighbours' latest values.
 */
#include <math.h>

#include "infer/classical/methods.h"

#define STEP 0.5f				/* of time */
#define ETA 1e-8f				/* no division by 0 */
#define STILL 1e-3				/* mean square change of phi below which iteration ends */

typedef struct LevelSet
{
	const ClassicalFrame *frame;
	float	   *phi;			/* (height, width) */
	float		first;			/* mean of the values, 0..1, of the first region */
	float		second;			/* mean of the second region */
	float		smoothness;
} LevelSet;

/* Set the means of both regions. */
static void
set_means(LevelSet *set)
{
	double		sums[2] = {0, 0};
	double		counts[2] = {0, 0};

	for (size_t i = 0; i < set->frame->count; i++)
	{
		int			region = set->phi[i] > 0 ? 0 : 1;

		if (set->frame->valid[i] == 0)
			continue;
		sums[region] += set->frame->values[i] / 255.0;
		counts[region]++;
	}
	set->first = (float) (counts[0] > 0 ? sums[0] / counts[0] : 0);
	set->second = (float) (counts[1] > 0 ? sums[1] / counts[1] : 1);
}

/* Move phi at x, y; return the squared change. */
static inline float
move_pixel(LevelSet *set, int x, int y)
{
	const ClassicalFrame *frame = set->frame;
	float	   *at = set->phi + (size_t) y * (size_t) frame->width + (size_t) x;
	float		middle = *at;
	float		right = x + 1 < frame->width ? at[1] : middle;
	float		left = x > 0 ? at[-1] : middle;
	float		lower = y + 1 < frame->height ? at[frame->width] : middle;
	float		upper = y > 0 ? at[-frame->width] : middle;
	float		across = (right - left) / 2;
	float		down = (lower - upper) / 2;
	float		to_right = 1 / sqrtf(ETA + (right - middle) * (right - middle) + down * down);
	float		to_left = 1 / sqrtf(ETA + (middle - left) * (middle - left) + down * down);
	float		to_lower = 1 / sqrtf(ETA + (lower - middle) * (lower - middle) + across * across);
	float		to_upper = 1 / sqrtf(ETA + (middle - upper) * (middle - upper) + across * across);
	float		pull = STEP / (1 + middle * middle);
	size_t		i = (size_t) (at - set->phi);
	float		value = (float) frame->values[i] / 255;
	float		data = frame->valid[i] == 0 ? 0 :
		(value - set->second) * (value - set->second) - (value - set->first) * (value - set->first);
	float		bend = right * to_right + left * to_left + lower * to_lower + upper * to_upper;

	*at = (middle + pull * (set->smoothness * bend + data)) /
		(1 + pull * set->smoothness * (to_right + to_left + to_lower + to_upper));
	return (*at - middle) * (*at - middle);
}

Status
classical_chan_vese(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options, uint8_t *lesion)
{
	LevelSet	set = {frame, NULL, 0, 0, (float) options->smoothness};
	double		change = INFINITY;
	void	   *memory;
	Status		status;

	TRY(classical_otsu(call, frame, options, lesion));
	TRY(call_alloc_array(call, frame->count, sizeof(float), &memory));
	set.phi = memory;
	for (size_t i = 0; i < frame->count; i++)
		set.phi[i] = lesion[i] != 0 ? 1 : -1;
	status = status_ok();
	for (int round = 0; round < (int) options->iterations && change > STILL && status.code == LS_OK; round++)
	{
		status = call_poll(call);
		change = 0;
		set_means(&set);
		for (int y = 0; y < frame->height; y++)
			for (int x = 0; x < frame->width; x++)
				change += move_pixel(&set, x, y);
		change = sqrt(change / (double) frame->count);
	}
	for (size_t i = 0; i < frame->count; i++)
		lesion[i] = frame->valid[i] != 0 && (set.phi[i] > 0) == (set.first < set.second) ? 255 : 0;
	call_free(call, memory);
	return status;
}

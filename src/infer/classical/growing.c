/*
 * growing.c: a region that grows from its darkest spot.
 */
#include <math.h>

#include "infer/classical/methods.h"

#define SEED_REACH 4			/* a spot is the mean of the pixels this far around it */

/* The mean of the values around a pixel; 256 if some of them are rim. */
static double
spot_value(const ClassicalFrame *frame, int x, int y)
{
	double		sum = 0;
	int			count = 0;

	for (int j = y - SEED_REACH; j <= y + SEED_REACH; j++)
		for (int i = x - SEED_REACH; i <= x + SEED_REACH; i++)
		{
			size_t		at = (size_t) j * (size_t) frame->width + (size_t) i;

			if (i < 0 || j < 0 || i >= frame->width || j >= frame->height)
				continue;
			if (frame->valid[at] == 0)
				return 256;
			sum += frame->values[at];
			count++;
		}
	return sum / count;
}

/* The darkest spot in the middle half of the image, and its value. */
static Status
find_seed(const Call *call, const ClassicalFrame *frame, size_t *seed, double *value)
{
	*value = 256;
	*seed = 0;
	for (int y = frame->height / 4; y < frame->height - frame->height / 4; y++)
	{
		TRY(call_poll(call));
		for (int x = frame->width / 4; x < frame->width - frame->width / 4; x++)
		{
			double		spot = spot_value(frame, x, y);

			if (spot >= *value)
				continue;
			*value = spot;
			*seed = (size_t) y * (size_t) frame->width + (size_t) x;
		}
	}
	return status_ok();
}

/* The median of the values along the image's edges, which are mostly skin. */
static double
edge_median(const ClassicalFrame *frame)
{
	int64_t		counts[256] = {0};
	int64_t		all = 0;
	int64_t		below = 0;
	int			value = 0;
	int			edge = (frame->width < frame->height ? frame->width : frame->height) / 8 + 1;
	size_t		i = 0;

	for (int y = 0; y < frame->height; y++)
		for (int x = 0; x < frame->width; x++, i++)
			if (frame->valid[i] != 0 &&
				(x < edge || y < edge || x >= frame->width - edge || y >= frame->height - edge))
			{
				counts[frame->values[i]]++;
				all++;
			}
	while (value < 255 && 2 * (below + counts[value]) < all)
		below += counts[value++];
	return value;
}

Status
classical_region_growing(const Call *call, const ClassicalFrame *frame, const ClassicalOptions *options,
						 uint8_t *lesion)
{
	double		skin = edge_median(frame);
	double		mean;
	size_t		seed;
	size_t		first = 0;
	size_t		last = 0;
	int32_t    *queue;
	void	   *memory;
	Status		status = status_ok();

	TRY(find_seed(call, frame, &seed, &mean));
	if (mean >= skin)			/* nothing is darker, or all is rim */
		return status_ok();
	TRY(call_alloc_array(call, frame->count, sizeof(int32_t), &memory));
	queue = memory;
	queue[last++] = (int32_t) seed;
	lesion[seed] = 255;
	while (first < last && status.code == LS_OK)
	{
		int			x = queue[first] % frame->width;
		int			y = queue[first] / frame->width;
		double		tolerance = options->tolerance > 0 ? options->tolerance : fmax((skin - mean) / 2, 1);

		if (first++ % 65536 == 0)
			status = call_poll(call);
		for (int side = 0; side < 4; side++)
		{
			int			nx = x + (side == 0) - (side == 1);
			int			ny = y + (side == 2) - (side == 3);
			size_t		next = (size_t) ny * (size_t) frame->width + (size_t) nx;

			if (nx < 0 || ny < 0 || nx >= frame->width || ny >= frame->height || lesion[next] != 0 ||
				frame->valid[next] == 0 || fabs(frame->values[next] - mean) > tolerance)
				continue;
			lesion[next] = 255;
			queue[last++] = (int32_t) next;
			mean += (frame->values[next] - mean) / (double) last;
		}
	}
	call_free(call, memory);
	return status;
}

/*
 * hint.c: see hint.h. The numbers were chosen by validation rows whose boxes were
 * those of the experts' masks, exact and moved by up to 5 % of a side
 * (docs/comparison.md).
 */
#include "infer/hint.h"

#include <math.h>
#include <stdlib.h>

#define HINT_MARGIN 0.2			/* skin on every side, as a share of the box's longer side */
#define HINT_PRIOR 8.0			/* of the middle of a box, as a logit */
#define HINT_ROUNDNESS 2.25		/* 2 is an ellipse; more is nearer to the box */
#define HINT_LEAST 0.65			/* share of the box that is lesion */
#define HINT_MOST 0.8

/* Probabilities are cut here, so that their logits are numbers. */
#define HINT_CERTAIN 1e-4

Status
hint_check_box(const Window *box, int width, int height)
{
	if (box->width > 0 && box->height > 0 && box->x >= 0 && box->y >= 0 && box->x <= width - box->width &&
		box->y <= height - box->height)
		return status_ok();
	return status_with_hint(status_error(LS_INVALID_ARGUMENT,
										 "box [%d, %d, %d, %d] is not within the image of %d x %d pixels",
										 box->x, box->y, box->width, box->height, width, height),
							"A box is [x, y, width, height] in pixels from the upper left corner, as "
							"lesion_segment_detail and lesion_instances give it.");
}

Window
hint_window(const Window *box, int width, int height)
{
	return window_around(*box, HINT_MARGIN, width, height);
}

/* Where a map's pixel is in the box along one side: 0 in the middle, 1 at an end. */
static double
distance_from_middle(int at, int size, int window_first, int window_length, int box_first, int box_length)
{
	int64_t		position = (2 * (int64_t) at + 1) * window_length +
		2 * (int64_t) size * (window_first - box_first) - (int64_t) size * box_length;

	return fabs((double) position) / ((double) size * box_length);
}

static double
logit(double p)
{
	p = fmin(fmax(p, HINT_CERTAIN), 1 - HINT_CERTAIN);
	return log(p / (1 - p));
}

/* The pixels of a map that are in the box: where they stand, and their logits above the threshold's. */
typedef struct BoxPixels
{
	int		   *places;
	float	   *logits;
	float	   *sorted;
	int			count;
} BoxPixels;

/* Read the pixels in the box and move their logits. */
static void
read_pixels(const Window *box, const Window *window, double threshold, const ProbabilityMap *map, BoxPixels *pixels)
{
	double		least = logit(threshold);

	pixels->count = 0;
	for (int y = 0; y < map->size; y++)
	{
		double		down = distance_from_middle(y, map->size, window->y, window->height, box->y, box->height);

		for (int x = 0; down < 1 && x < map->size; x++)
		{
			double		across = distance_from_middle(x, map->size, window->x, window->width, box->x, box->width);
			int			place = y * map->size + x;
			double		r;

			if (across >= 1)
				continue;
			r = pow(pow(across, HINT_ROUNDNESS) + pow(down, HINT_ROUNDNESS), 1 / HINT_ROUNDNESS);
			pixels->places[pixels->count] = place;
			pixels->logits[pixels->count] = (float) (logit(map->values[place]) - least + HINT_PRIOR * (1 - r));
			pixels->count++;
		}
	}
}

static int
compare_floats(const void *a, const void *b)
{
	float		one = *(const float *) a;
	float		other = *(const float *) b;

	return (one > other) - (one < other);
}

/* What is to be taken from the logits so that the share of the box above 0 is neither too small nor too large. */
static float
needed_shift(BoxPixels *pixels)
{
	int			above = 0;
	double		share;

	for (int i = 0; i < pixels->count; i++)
	{
		pixels->sorted[i] = pixels->logits[i];
		above += pixels->logits[i] > 0;
	}
	share = (double) above / pixels->count;
	if (share >= HINT_LEAST && share <= HINT_MOST)
		return 0;
	qsort(pixels->sorted, (size_t) pixels->count, sizeof(float), compare_floats);
	share = share < HINT_LEAST ? HINT_LEAST : HINT_MOST;
	return pixels->sorted[(int) ((1 - share) * (pixels->count - 1))];
}

Status
hint_fit_box(const Call *call, const Window *box, const Window *window, double threshold, ProbabilityMap *map)
{
	size_t		size = (size_t) map->size * (size_t) map->size;
	double		least = logit(threshold);
	BoxPixels	pixels = {0};
	void	   *memory = NULL;
	Status		status;

	TRY(call_poll(call));
	TRY(call_alloc_array(call, size, sizeof(int) + 2 * sizeof(float), &memory));
	pixels.places = memory;
	pixels.logits = (float *) (pixels.places + size);
	pixels.sorted = pixels.logits + size;
	read_pixels(box, window, threshold, map, &pixels);
	status = call_poll(call);
	if (status.code == LS_OK && pixels.count > 0)
	{
		double		shift = needed_shift(&pixels);

		for (int i = 0; i < pixels.count; i++)
			map->values[pixels.places[i]] = (float) (1 / (1 + exp(shift - pixels.logits[i] - least)));
	}
	call_free(call, memory);
	return status;
}

SecondLook
hint_look(const ProbabilityMap *maps, const Window *box, const Window *window, int width, int height)
{
	return (SecondLook) {
		.maps = maps,
		.window = *window,
		.image_width = width,
		.image_height = height,
		.valid = *box,
		.weight = 1,
	};
}

/*
 * dimension.c: the fractal dimension of an outline; see outline.h. Boxes of
 * the next side are made of four boxes of the last, in the same memory.
 */
#include "measure/shape/outline.h"

#include <math.h>
#include <stdbool.h>

#include "core/threads.h"
#include "measure/mask_has.h"

#define POLL_PIXELS (1L << 22)
#define LEAST_SIDES 3

/* The boxes that hold a piece of the boundary. */
typedef struct Boxes
{
	const Image *mask;
	int			width;
	int			height;
	uint8_t    *marked;			/* (height, width) */
	int64_t	   *counts;			/* one for each thread */
} Boxes;

/* Does a lesion pixel have a neighbour, of eight, that is no lesion? */
static bool
is_boundary(const Image *mask, int x, int y)
{
	for (int dy = -1; dy <= 1; dy++)
		if (!(mask_has(mask, x - 1, y + dy) && mask_has(mask, x, y + dy) && mask_has(mask, x + 1, y + dy)))
			return true;
	return false;
}

/* Mark boxes of side 1 in rows [begin, end). */
static void
mark_boundary(void *data, int worker, long begin, long end)
{
	const Boxes *boxes = data;

	for (long y = begin; y < end; y++)
	{
		uint8_t    *marked = boxes->marked + (size_t) y * (size_t) boxes->width;

		for (int x = 0; x < boxes->width; x++)
		{
			marked[x] = mask_has(boxes->mask, x, (int) y) && is_boundary(boxes->mask, x, (int) y);
			boxes->counts[worker] += marked[x];
		}
	}
}

/* Make boxes of twice the side, and count those that are marked. */
static Status
double_side(const Call *call, Boxes *boxes, int64_t *count)
{
	int			width = (boxes->width + 1) / 2;
	int			height = (boxes->height + 1) / 2;

	*count = 0;
	for (int y = 0; y < height; y++)
	{
		const uint8_t *upper = boxes->marked + 2 * (size_t) y * (size_t) boxes->width;
		const uint8_t *lower = 2 * y + 1 < boxes->height ? upper + boxes->width : upper;
		uint8_t    *marked = boxes->marked + (size_t) y * (size_t) width;

		if (y % 64 == 0)
			TRY(call_poll(call));
		for (int x = 0; x < width; x++)
		{
			int			right = 2 * x + 1 < boxes->width ? 2 * x + 1 : 2 * x;

			marked[x] = upper[2 * x] | upper[right] | lower[2 * x] | lower[right];
			*count += marked[x];
		}
	}
	boxes->width = width;
	boxes->height = height;
	return status_ok();
}

/* Count boxes of every side and fit the slope. */
static Status
fit_dimension(const Call *call, Boxes *boxes, double *dimension)
{
	int			most = (boxes->width > boxes->height ? boxes->width : boxes->height) / 4;
	int64_t		count = 0;
	double		n = 0;
	double		sum_x = 0;
	double		sum_y = 0;
	double		sum_xx = 0;
	double		sum_xy = 0;

	TRY(threads_run_polled(call, boxes->height, POLL_PIXELS / boxes->width, mark_boundary, boxes));
	for (int worker = 0; worker < call->threads; worker++)
		count += boxes->counts[worker];
	for (long side = 1; side <= most && count > 0; side *= 2)
	{
		double		x = -log((double) side);
		double		y;

		if (side > 1)
			TRY(double_side(call, boxes, &count));
		y = log((double) count);
		n++;
		sum_x += x;
		sum_y += y;
		sum_xx += x * x;
		sum_xy += x * y;
	}
	*dimension = n < LEAST_SIDES ? NAN : (n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x * sum_x);
	return status_ok();
}

Status
outline_dimension(const Call *call, const Image *mask, double *dimension)
{
	Boxes		boxes = {mask, mask->width, mask->height, NULL, NULL};
	void	   *counts = NULL;
	void	   *marked;
	Status		status;

	TRY(call_alloc(call, (size_t) mask->width * (size_t) mask->height, &marked));
	boxes.marked = marked;
	status = call_alloc_array(call, (size_t) call->threads, sizeof(int64_t), &counts);
	boxes.counts = counts;
	if (status.code == LS_OK)
		status = fit_dimension(call, &boxes, dimension);
	call_free(call, counts);
	call_free(call, marked);
	return status;
}

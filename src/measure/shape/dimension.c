/*
 * dimension.c: the fractal dimension of an outline; see outline.h.
 *
 * A window of 4 x 4 boxes is a box of four times the side in one of 16 grids,
 * which are a quarter of its side apart. So all windows that hold a mark are
 * the marked boxes of all 16 grids. Boxes of the next side are made of four
 * boxes of the last, in the same memory.
 */
#include "measure/shape/outline.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/threads.h"
#include "measure/mask_has.h"

#define POLL_PIXELS (1L << 22)
#define LEAST_SIDES 3
#define WINDOW 4

/* The boxes that hold a piece of the boundary, and two rows of theirs with
 * room for a window on both sides. */
typedef struct Boxes
{
	const Image *mask;
	int			width;
	int			height;
	uint8_t    *marked;			/* (height, width) */
	uint8_t    *rows[2];
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

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		uint8_t    *marked = boxes->marked + (size_t) y * (size_t) boxes->width;

		for (int x = 0; x < boxes->width; x++)
			marked[x] = mask_has(boxes->mask, x, (int) y) && is_boundary(boxes->mask, x, (int) y);
	}
}

/* Mark in `to` what is marked in `from` or in `other`. */
static void
mark_either(const uint8_t *from, const uint8_t *other, int count, uint8_t *to)
{
#pragma omp simd
	for (int x = 0; x < count; x++)
		to[x] = from[x] | other[x];
}

static int64_t
count_marks(const uint8_t *row, int count)
{
	uint32_t	marks = 0;

#pragma omp simd reduction(+:marks)
	for (int x = 0; x < count; x++)
		marks += row[x];
	return marks;
}

/* Count the marked windows of side x side boxes (1, 2 or 4) at all places that
 * reach into the mask. */
static Status
count_windows(const Call *call, Boxes *boxes, int side, int64_t *count)
{
	int			across = boxes->width + side - 1;
	int			down = boxes->height + side - 1;
	uint8_t    *row = boxes->rows[0] + WINDOW - 1;
	uint8_t    *next = boxes->rows[1] + WINDOW - 1;

	*count = 0;
	memset(boxes->rows[0], 0, (size_t) boxes->width + 2 * (WINDOW - 1));
	memset(boxes->rows[1], 0, (size_t) boxes->width + 2 * (WINDOW - 1));
	for (int y = 0; y < down; y++)
	{
		if (y % 64 == 0)
			TRY(call_poll(call));
		memset(row, 0, (size_t) across);
		for (int from = y - side + 1 > 0 ? y - side + 1 : 0; from <= y && from < boxes->height; from++)
			mark_either(row, boxes->marked + (size_t) from * (size_t) boxes->width, boxes->width, row);
		for (int reach = 1; reach < side; reach *= 2)
		{
			uint8_t    *swap = row;

			mark_either(row, row - reach, across, next);
			row = next;
			next = swap;
		}
		*count += count_marks(row, across);
	}
	return status_ok();
}

/* Make boxes of twice the side. */
static Status
double_side(const Call *call, Boxes *boxes)
{
	int			width = (boxes->width + 1) / 2;
	int			height = (boxes->height + 1) / 2;

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
	double		n = 0;
	double		sum_x = 0;
	double		sum_y = 0;
	double		sum_xx = 0;
	double		sum_xy = 0;

	TRY(threads_run_polled(call, boxes->height, POLL_PIXELS / boxes->width, mark_boundary, boxes));
	for (long side = 1; side <= most; side *= 2)
	{
		int			window = side < WINDOW ? (int) side : WINDOW;
		int64_t		count;
		double		x = -log((double) side);
		double		y;

		if (side > WINDOW)
			TRY(double_side(call, boxes));
		TRY(count_windows(call, boxes, window, &count));
		y = log((double) count / (window * window));
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
	size_t		row = (size_t) mask->width + 2 * (WINDOW - 1);
	Boxes		boxes = {mask, mask->width, mask->height, NULL, {NULL, NULL}};
	void	   *marked;
	void	   *rows;
	Status		status;

	TRY(call_alloc(call, (size_t) mask->width * (size_t) mask->height, &marked));
	status = call_alloc(call, 2 * row, &rows);
	if (status.code == LS_OK)
	{
		boxes.marked = marked;
		boxes.rows[0] = rows;
		boxes.rows[1] = boxes.rows[0] + row;
		status = fit_dimension(call, &boxes, dimension);
		call_free(call, rows);
	}
	call_free(call, marked);
	return status;
}

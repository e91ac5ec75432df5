/*
 * boundary.c: see boundary.h.
 *
 * Work is done in the smallest rectangle around the lesions of both masks,
 * which holds all boundary pixels.
 */
#include "measure/boundary.h"

#include <math.h>
#include <string.h>

#include "core/threads.h"
#include "image/spacing.h"
#include "measure/mask_has.h"
#include "measure/morphology.h"
#include "measure/score.h"

#define PERCENTILE 0.95

/* Rows between two polls, by the pixels in them. */
#define POLL_PIXELS (1L << 22)

/* Values that are selected from between two polls. */
#define POLL_VALUES (1L << 14)

/* The rectangle of both masks that is used. */
typedef struct Box
{
	int			x;
	int			y;
	int			width;
	int			height;
} Box;

/* The boundary of one mask within the box. */
typedef struct Boundary
{
	uint8_t    *marked;			/* (height, width) of the box */
	int64_t    *first;			/* (height + 1): pixels before each row */
	double	   *distances;		/* (first[height]) to the other boundary, row by row */
} Boundary;

/* Arguments of mark_rows. */
typedef struct MarkTask
{
	const Image *mask;
	const Box  *box;
	Boundary   *boundary;
} MarkTask;

/* Mark rows [begin, end) and count into first[row + 1]. */
static void
mark_rows(void *data, int worker, long begin, long end)
{
	const MarkTask *task = data;
	const Box  *box = task->box;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		uint8_t    *marked = task->boundary->marked + (size_t) row * (size_t) box->width;
		int			y = box->y + (int) row;
		int64_t		count = 0;

		for (int i = 0; i < box->width; i++)
		{
			int			x = box->x + i;

			marked[i] = mask_has(task->mask, x, y) &&
				!(mask_has(task->mask, x - 1, y) && mask_has(task->mask, x + 1, y) &&
				  mask_has(task->mask, x, y - 1) && mask_has(task->mask, x, y + 1));
			count += marked[i];
		}
		task->boundary->first[row + 1] = count;
	}
}

static void
boundary_free(const Call *call, Boundary *boundary)
{
	call_free(call, boundary->marked);
	call_free(call, boundary->first);
	call_free(call, boundary->distances);
	memset(boundary, 0, sizeof *boundary);
}

/* Find the boundary of a mask; the caller frees it also after a failure. */
static Status
boundary_find(const Call *call, const Image *mask, const Box *box, Boundary *boundary)
{
	MarkTask	task = {mask, box, boundary};
	void	   *memory;

	TRY(call_alloc(call, (size_t) box->width * (size_t) box->height, &memory));
	boundary->marked = memory;
	TRY(call_alloc_array(call, (size_t) box->height + 1, sizeof(int64_t), &memory));
	boundary->first = memory;
	TRY(threads_run_polled(call, box->height, POLL_PIXELS / box->width, mark_rows, &task));
	for (int row = 0; row < box->height; row++)
		boundary->first[row + 1] += boundary->first[row];
	TRY(call_alloc_array(call, (size_t) boundary->first[box->height], sizeof(double), &memory));
	boundary->distances = memory;
	return status_ok();
}

/* Arguments of measure_rows. */
typedef struct MeasureTask
{
	const DistanceColumns *columns; /* of the other */
	DistanceRow *rows;			/* one for each thread */
	const Boundary *boundary;
} MeasureTask;

/* Distances of the boundary pixels in rows [begin, end). */
static void
measure_rows(void *data, int worker, long begin, long end)
{
	const MeasureTask *task = data;
	DistanceRow *row = &task->rows[worker];
	const Boundary *boundary = task->boundary;
	int			width = task->columns->width;

	for (long y = begin; y < end; y++)
	{
		const uint8_t *marked = boundary->marked + (size_t) y * (size_t) width;
		double	   *distance = boundary->distances + boundary->first[y];
		int			at = 0;

		if (boundary->first[y] == boundary->first[y + 1])
			continue;
		distance_row_build(task->columns, (int) y, row);
		for (int x = 0; x < width; x++)
			if (marked[x] != 0)
				*distance++ = distance_row_at(row, &task->columns->spacing, x, &at);
	}
}

/* Fill in the distances from `from` to `to`. */
static Status
boundary_measure(const Call *call, const Box *box, const Boundary *to, PixelSpacing spacing, Boundary *from)
{
	DistanceColumns columns;
	MeasureTask task = {&columns, NULL, from};
	void	   *memory;
	Status		status;

	TRY(distance_columns(call, to->marked, box->width, box->height, spacing, &columns));
	status = call_alloc_array(call, (size_t) call->threads, sizeof(DistanceRow), &memory);
	task.rows = memory;
	for (int worker = 0; status.code == LS_OK && worker < call->threads; worker++)
		status = distance_row_create(call, box->width, &task.rows[worker]);
	if (status.code == LS_OK)
		status = threads_run_polled(call, box->height, POLL_PIXELS / box->width, measure_rows, &task);
	for (int worker = 0; task.rows != NULL && worker < call->threads; worker++)
		distance_row_free(call, &task.rows[worker]);
	call_free(call, task.rows);
	distance_columns_free(call, &columns);
	return status;
}

/* Move values below the pivot, one of them, before those above it: afterwards
 * [left, *last_below] and [*first_above, right] are the two parts (Hoare). */
static Status
partition(const Call *call, double *values, double pivot, int64_t left, int64_t right, int64_t *last_below,
		  int64_t *first_above)
{
	int64_t		i = left;
	int64_t		j = right;

	while (i <= j)
	{
		int64_t		stop_i = i + POLL_VALUES;
		int64_t		stop_j = j - POLL_VALUES;

		TRY(call_poll(call));
		while (i <= j && i < stop_i && j > stop_j)
		{
			while (i < stop_i && values[i] < pivot)
				i++;
			while (j > stop_j && values[j] > pivot)
				j--;
			if (i <= j && i < stop_i && j > stop_j)
			{
				double		swap = values[i];

				values[i++] = values[j];
				values[j--] = swap;
			}
		}
	}
	*last_below = j;
	*first_above = i;
	return status_ok();
}

/* Move the value of that rank to its place in the sorted order, with smaller
 * values before it and larger ones after it (Hoare's selection). */
static Status
select_rank(const Call *call, double *values, int64_t count, int64_t rank)
{
	int64_t		left = 0;
	int64_t		right = count - 1;

	while (left < right)
	{
		int64_t		i;
		int64_t		j;

		TRY(partition(call, values, values[left + (right - left) / 2], left, right, &j, &i));
		if (rank <= j)
			right = j;
		else if (rank >= i)
			left = i;
		else
			break;
	}
	return status_ok();
}

/* The percentile of values, which are reordered. count > 0. */
static Status
percentile_of(const Call *call, double *values, int64_t count, double *percentile)
{
	double		place = PERCENTILE * (double) (count - 1);
	int64_t		rank = (int64_t) floor(place);
	double		next = INFINITY;

	TRY(select_rank(call, values, count, rank));
	for (int64_t i = rank + 1; i < count; i++)
		next = values[i] < next ? values[i] : next;
	*percentile = values[rank];
	if (rank + 1 < count)
		*percentile += (place - (double) rank) * (next - values[rank]);
	return status_ok();
}

/* Add the values to sum, and the number of values within the tolerance to
 * within. */
static Status
add_up(const Call *call, const double *values, int64_t count, double tolerance, double *sum, int64_t *within)
{
	for (int64_t done = 0; done < count; done += POLL_PIXELS)
	{
		int64_t		end = count - done < POLL_PIXELS ? count : done + POLL_PIXELS;

		TRY(call_poll(call));
		for (int64_t i = done; i < end; i++)
		{
			*sum += values[i];
			*within += values[i] <= tolerance;
		}
	}
	return status_ok();
}

/* Compute the figures from both boundaries, each of at least one pixel. */
static Status
score_boundaries(const Call *call, const Box *box, double tolerance, Boundary *predicted, Boundary *truth,
				 BoundaryScore *score)
{
	int64_t		in_predicted = predicted->first[box->height];
	int64_t		in_truth = truth->first[box->height];
	int64_t		within = 0;
	double		sum = 0;
	double		from_truth;

	TRY(add_up(call, predicted->distances, in_predicted, tolerance, &sum, &within));
	TRY(add_up(call, truth->distances, in_truth, tolerance, &sum, &within));
	TRY(percentile_of(call, predicted->distances, in_predicted, &score->hausdorff95));
	TRY(percentile_of(call, truth->distances, in_truth, &from_truth));
	score->hausdorff95 = score->hausdorff95 > from_truth ? score->hausdorff95 : from_truth;
	score->assd = sum / (double) (in_predicted + in_truth);
	score->surface_dice = (double) within / (double) (in_predicted + in_truth);
	score->has_distance = true;
	return status_ok();
}

/* Find both boundaries, measure and score. */
static Status
compare(const Call *call, const Image *predicted, const Image *truth, const Box *box, PixelSpacing spacing,
		double tolerance, BoundaryScore *score)
{
	Boundary	of_predicted = {0};
	Boundary	of_truth = {0};
	Status		status = boundary_find(call, predicted, box, &of_predicted);

	if (status.code == LS_OK)
		status = boundary_find(call, truth, box, &of_truth);
	if (status.code == LS_OK)
		status = boundary_measure(call, box, &of_truth, spacing, &of_predicted);
	if (status.code == LS_OK)
		status = boundary_measure(call, box, &of_predicted, spacing, &of_truth);
	if (status.code == LS_OK)
		status = score_boundaries(call, box, tolerance, &of_predicted, &of_truth, score);
	boundary_free(call, &of_predicted);
	boundary_free(call, &of_truth);
	return status;
}

/* The rectangle around both lesions. */
static Box
box_around(const LesionShape *a, const LesionShape *b)
{
	int			left = a->x < b->x ? a->x : b->x;
	int			top = a->y < b->y ? a->y : b->y;
	int			right = a->x + a->width > b->x + b->width ? a->x + a->width : b->x + b->width;
	int			bottom = a->y + a->height > b->y + b->height ? a->y + a->height : b->y + b->height;

	return (Box) {left, top, right - left, bottom - top};
}

/* Score masks of one size. */
static Status
score_same_size(const Call *call, const Image *predicted, const Image *truth, PixelSpacing spacing, double tolerance,
				BoundaryScore *score)
{
	LesionShape of_predicted;
	LesionShape of_truth;
	Box			box;

	TRY(lesion_shape(call, predicted, &of_predicted));
	TRY(lesion_shape(call, truth, &of_truth));
	*score = (BoundaryScore) {.has_distance = true,.surface_dice = 1};
	if (of_predicted.area == 0 && of_truth.area == 0)
		return status_ok();
	if (of_predicted.area == 0 || of_truth.area == 0)
	{
		*score = (BoundaryScore) {.has_distance = false};
		return status_ok();
	}
	if (tolerance == 0)
		tolerance = BOUNDARY_TOLERANCE * 2 * sqrt((double) of_truth.area * spacing.down * spacing.across / M_PI);
	box = box_around(&of_predicted, &of_truth);
	return compare(call, predicted, truth, &box, spacing, tolerance, score);
}

Status
boundary_score(const Call *call, const Image *predicted, const Image *truth, PixelSpacing spacing, double tolerance,
			   BoundaryScore *score)
{
	const Image *mask;
	Image		resized;
	Status		status;

	TRY(spacing_check(spacing.down, spacing.across));
	if (!(tolerance >= 0 && tolerance < INFINITY))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "a tolerance of %g is not possible", tolerance),
								"Give a distance above 0, or 0 for %g of the truth's equivalent diameter.",
								BOUNDARY_TOLERANCE);
	TRY(mask_at_size_of(call, predicted, truth, &resized, &mask));
	status = score_same_size(call, mask, truth, spacing, tolerance, score);
	image_free(call, &resized);
	return status;
}

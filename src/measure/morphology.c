/*
 * morphology.c: see morphology.h.
 *
 * A row of a mask is a list of runs. Each run starts as a component and is
 * united with the runs of the row above that it touches. So the number of
 * components is the number of runs less the unions that joined two components.
 * Only two rows of runs are kept: runs of one component have the same label,
 * and labels are numbered anew in each row.
 */
#include "measure/morphology.h"

#include <stdbool.h>
#include <string.h>

typedef struct Run
{
	int			begin;			/* x of the first pixel */
	int			end;			/* x after the last */
	int			label;			/* of its component, in 0 .. runs of the row - 1 */
} Run;

typedef struct RunRow
{
	Run		   *runs;
	int			count;
} RunRow;

/* Find the runs of a row of pixels. */
static void
find_runs(const uint8_t *pixels, int width, RunRow *row)
{
	int			x = 0;

	row->count = 0;
	while (x < width)
	{
		const uint8_t *next;

		if (pixels[x] == 0)
		{
			x++;
			continue;
		}
		next = memchr(pixels + x, 0, (size_t) (width - x));
		row->runs[row->count].begin = x;
		x = next == NULL ? width : (int) (next - pixels);
		row->runs[row->count].end = x;
		row->count++;
	}
}

/* The root of a label, halving the path to it. */
static int
find_root(int *parent, int label)
{
	while (parent[label] != label)
	{
		parent[label] = parent[parent[label]];
		label = parent[label];
	}
	return label;
}

/*
 * Unite the runs of a row with those above that they touch and label the
 * row. In `parent` the labels above come first, then one for each run of the
 * row. Returns how many unions joined two components.
 */
static int
join_rows(const RunRow *above, RunRow *row, int *parent, int *new_label)
{
	int			joined = 0;
	int			labels = 0;
	int			first = 0;

	for (int i = 0; i < above->count + row->count; i++)
	{
		parent[i] = i;
		new_label[i] = -1;
	}
	for (int i = 0; i < row->count; i++)
	{
		const Run  *run = &row->runs[i];

		while (first < above->count && above->runs[first].end < run->begin)
			first++;
		for (int j = first; j < above->count && above->runs[j].begin <= run->end; j++)
		{
			int			a = find_root(parent, above->runs[j].label);
			int			b = find_root(parent, above->count + i);

			if (a == b)
				continue;
			parent[b] = a;
			joined++;
		}
	}
	for (int i = 0; i < row->count; i++)
	{
		int			root = find_root(parent, above->count + i);

		if (new_label[root] < 0)
			new_label[root] = labels++;
		row->runs[i].label = new_label[root];
	}
	return joined;
}

/* Widen the shape by the runs of row y. */
static void
add_row(const RunRow *row, int y, LesionShape *shape)
{
	int			left;
	int			right;

	if (row->count == 0)
		return;
	left = row->runs[0].begin;
	right = row->runs[row->count - 1].end;
	if (shape->area == 0)
	{
		shape->x = left;
		shape->y = y;
		shape->width = right - left;
	}
	else
	{
		int			end = shape->x + shape->width;

		shape->x = left < shape->x ? left : shape->x;
		shape->width = (right > end ? right : end) - shape->x;
	}
	shape->height = y + 1 - shape->y;
	for (int i = 0; i < row->count; i++)
		shape->area += row->runs[i].end - row->runs[i].begin;
	shape->components += row->count;
}

/* Measure with memory for 2 rows of max_runs runs and 4 * max_runs labels. */
static Status
measure_shape(const Call *call, const Image *mask, Run *runs, int max_runs, int *labels, LesionShape *shape)
{
	RunRow		above = {runs, 0};
	RunRow		row = {runs + max_runs, 0};

	for (int y = 0; y < mask->height; y++)
	{
		RunRow		swap;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		find_runs(mask->pixels + (size_t) y * (size_t) mask->width, mask->width, &row);
		add_row(&row, y, shape);
		shape->components -= join_rows(&above, &row, labels, labels + 2 * max_runs);
		swap = above;
		above = row;
		row = swap;
	}
	return status_ok();
}

Status
lesion_shape(const Call *call, const Image *mask, LesionShape *shape)
{
	int			max_runs = mask->width / 2 + 1;
	void	   *runs;
	void	   *labels;
	Status		status;

	memset(shape, 0, sizeof *shape);
	TRY(call_alloc_array(call, 2 * (size_t) max_runs, sizeof(Run), &runs));
	status = call_alloc_array(call, 4 * (size_t) max_runs, sizeof(int), &labels);
	if (status.code == LS_OK)
		status = measure_shape(call, mask, runs, max_runs, labels, shape);
	call_free(call, labels);
	call_free(call, runs);
	return status;
}

/*
 * components.c: see components.h.
 *
 * A run is pixels of one value that follow each other in a row. A component is
 * a set of runs, kept in a union-find forest; its root is its first run. The
 * functions label the runs of one value, then repaint some of them.
 */
#include "measure/components.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define RUNS_PER_POLL 4096
#define CENTRAL_RUNS_PER_POLL 64	/* an exponential for each pixel */

typedef struct Run
{
	int			y;
	int			begin;			/* x of the first pixel */
	int			end;			/* x after the last */
	long		parent;			/* another run of the component; a root points to itself */
	double		weight;			/* of a root: of the component, its area at first */
	bool		at_border;		/* in a root: the component touches the border */
} Run;

typedef struct RunList
{
	Run		   *runs;
	long		count;
} RunList;

/* The x after the run that begins at x. */
static int
run_end(const uint8_t *row, int width, int x)
{
	uint8_t		value = row[x];

	while (x < width && row[x] == value)
		x++;
	return x;
}

/* Count the runs of a value; with `runs`, write them too. */
static Status
find_runs(const Call *call, const Image *mask, uint8_t value, Run *runs, long *count)
{
	*count = 0;
	for (int y = 0; y < mask->height; y++)
	{
		const uint8_t *row = mask->pixels + (size_t) y * (size_t) mask->width;
		int			end;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		for (int x = 0; x < mask->width; x = end)
		{
			end = run_end(row, mask->width, x);
			if (row[x] != value)
				continue;
			if (runs != NULL)
				runs[*count] = (Run)
			{
				y, x, end, *count, end - x,
					y == 0 || y == mask->height - 1 || x == 0 || end == mask->width
			};
			(*count)++;
		}
	}
	return status_ok();
}

/* The root of a run, halving the path to it. */
static long
find_root(Run *runs, long i)
{
	while (runs[i].parent != i)
	{
		runs[i].parent = runs[runs[i].parent].parent;
		i = runs[i].parent;
	}
	return i;
}

/* Unite two components. */
static void
unite(Run *runs, long a, long b)
{
	long		first = find_root(runs, a);
	long		second = find_root(runs, b);

	if (first == second)
		return;
	if (second < first)
	{
		long		swap = first;

		first = second;
		second = swap;
	}
	runs[second].parent = first;
	runs[first].weight += runs[second].weight;
	runs[first].at_border |= runs[second].at_border;
}

/* Unite runs with those of the row above that they touch; `reach` is 1 if
 * touching at a corner counts, else 0. */
static Status
connect_runs(const Call *call, RunList *list, int reach)
{
	Run		   *runs = list->runs;
	long		above = 0;		/* the first run that a later one may touch */

	for (long i = 0; i < list->count; i++)
	{
		if (i % RUNS_PER_POLL == 0)
			TRY(call_poll(call));
		while (runs[above].y < runs[i].y - 1 ||
			   (runs[above].y == runs[i].y - 1 && runs[above].end + reach <= runs[i].begin))
			above++;
		for (long j = above; runs[j].y == runs[i].y - 1 && runs[j].begin < runs[i].end + reach; j++)
			unite(runs, i, j);
	}
	return status_ok();
}

/* The components of a value; the caller frees the runs also on failure. */
static Status
label(const Call *call, const Image *mask, uint8_t value, int reach, RunList *list)
{
	void	   *memory;

	memset(list, 0, sizeof *list);
	TRY(find_runs(call, mask, value, NULL, &list->count));
	TRY(call_alloc_array(call, (size_t) list->count, sizeof(Run), &memory));
	list->runs = memory;
	TRY(find_runs(call, mask, value, list->runs, &list->count));
	return connect_runs(call, list, reach);
}

/* Give a run's pixels a value. */
static void
paint(Image *mask, const Run *run, uint8_t value)
{
	memset(mask->pixels + (size_t) run->y * (size_t) mask->width + run->begin, value, (size_t) (run->end - run->begin));
}

/* Find the root of the component with the largest weight. */
static Status
find_heaviest(const Call *call, const RunList *list, long *heaviest)
{
	*heaviest = 0;
	for (long i = 0; i < list->count; i++)
	{
		if (i % RUNS_PER_POLL == 0)
			TRY(call_poll(call));
		if (list->runs[i].parent == i && list->runs[i].weight > list->runs[*heaviest].weight)
			*heaviest = i;
	}
	return status_ok();
}

/* Clear all but the component with the largest weight. */
static Status
keep_heaviest(const Call *call, Image *mask, const RunList *list)
{
	long		heaviest;

	TRY(find_heaviest(call, list, &heaviest));
	for (long i = 0; i < list->count; i++)
	{
		if (i % RUNS_PER_POLL == 0)
			TRY(call_poll(call));
		if (find_root(list->runs, i) != heaviest)
			paint(mask, &list->runs[i], 0);
	}
	return status_ok();
}

Status
mask_keep_largest(const Call *call, Image *mask)
{
	RunList		list;
	Status		status = label(call, mask, 255, 1, &list);

	if (status.code == LS_OK)
		status = keep_heaviest(call, mask, &list);
	call_free(call, list.runs);
	return status;
}

/* The weights of all pixels of a run. */
static double
central_weight(const Image *mask, const Run *run)
{
	double		down = 2 * (run->y + 0.5) / mask->height - 1;
	double		sum = 0;

	for (int x = run->begin; x < run->end; x++)
	{
		double		across = 2 * (x + 0.5) / mask->width - 1;

		sum += exp(-4 * (across * across + down * down));
	}
	return sum;
}

/* Weigh the components by where their pixels are. */
static Status
weigh_centrally(const Call *call, const Image *mask, RunList *list)
{
	for (long i = 0; i < list->count; i++)
	{
		if (i % RUNS_PER_POLL == 0)
			TRY(call_poll(call));
		list->runs[i].weight = 0;
	}
	for (long i = 0; i < list->count; i++)
	{
		if (i % CENTRAL_RUNS_PER_POLL == 0)
			TRY(call_poll(call));
		list->runs[find_root(list->runs, i)].weight += central_weight(mask, &list->runs[i]);
	}
	return status_ok();
}

Status
mask_keep_central(const Call *call, Image *mask)
{
	RunList		list;
	Status		status = label(call, mask, 255, 1, &list);

	if (status.code == LS_OK)
		status = weigh_centrally(call, mask, &list);
	if (status.code == LS_OK)
		status = keep_heaviest(call, mask, &list);
	call_free(call, list.runs);
	return status;
}

/* Make lesion of what does not touch the border. */
static Status
fill_enclosed(const Call *call, Image *mask, const RunList *list)
{
	for (long i = 0; i < list->count; i++)
	{
		if (i % RUNS_PER_POLL == 0)
			TRY(call_poll(call));
		if (!list->runs[find_root(list->runs, i)].at_border)
			paint(mask, &list->runs[i], 255);
	}
	return status_ok();
}

Status
mask_fill_holes(const Call *call, Image *mask)
{
	RunList		list;
	Status		status = label(call, mask, 0, 0, &list);

	if (status.code == LS_OK)
		status = fill_enclosed(call, mask, &list);
	call_free(call, list.runs);
	return status;
}

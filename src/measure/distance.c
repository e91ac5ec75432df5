/*
 * distance.c: see distance.h.
 */
#include "measure/distance.h"

#include <math.h>
#include <string.h>

#include "core/threads.h"

/* Columns that a thread processes together: a cache line of distances. */
#define STRIP 16

/* Strips between two polls, by the work in them. */
#define POLL_PIXELS (1L << 23)

/* New memory that the system makes ready between two polls, and its step. */
#define POLL_BYTES ((size_t) 8 << 20)
#define PAGE_BYTES 4096

/* Arguments of the first pass. */
typedef struct ColumnTask
{
	const uint8_t *marked;
	DistanceColumns *columns;
} ColumnTask;

/* Go down and up the columns [left, right). */
static void
measure_columns(const ColumnTask *task, int left, int right)
{
	size_t		width = (size_t) task->columns->width;
	int			height = task->columns->height;
	int32_t		nearest[STRIP];

	for (int i = 0; i < right - left; i++)
		nearest[i] = DISTANCE_NONE;
	for (int y = 0; y < height; y++)
	{
		const uint8_t *marked = task->marked + (size_t) y * width + left;
		int32_t    *rows = task->columns->rows + (size_t) y * width + left;

		for (int i = 0; i < right - left; i++)
		{
			nearest[i] = marked[i] != 0 ? 0 : nearest[i] < DISTANCE_NONE ? nearest[i] + 1 : DISTANCE_NONE;
			rows[i] = nearest[i];
		}
	}
	for (int i = 0; i < right - left; i++)
		nearest[i] = DISTANCE_NONE;
	for (int y = height - 1; y >= 0; y--)
	{
		int32_t    *rows = task->columns->rows + (size_t) y * width + left;

		for (int i = 0; i < right - left; i++)
		{
			nearest[i] = rows[i] == 0 ? 0 : nearest[i] < DISTANCE_NONE ? nearest[i] + 1 : DISTANCE_NONE;
			rows[i] = rows[i] < nearest[i] ? rows[i] : nearest[i];
		}
	}
}

/* Strips [begin, end). */
static void
measure_strips(void *data, int worker, long begin, long end)
{
	const ColumnTask *task = data;

	(void) worker;
	for (long strip = begin; strip < end; strip++)
	{
		int			left = (int) strip * STRIP;
		int			right = left + STRIP < task->columns->width ? left + STRIP : task->columns->width;

		measure_columns(task, left, right);
	}
}

/* Write to each page of new memory once. The system clears a page, of up to 2 MB,
 * when it is first written to. The first strip writes to nearly all pages, which
 * would be one long step. */
static Status
touch_pages(const Call *call, void *memory, size_t size)
{
	char	   *bytes = memory;

	for (size_t done = 0; done < size; done += PAGE_BYTES)
	{
		if (done % POLL_BYTES == 0)
			TRY(call_poll(call));
		bytes[done] = 0;
	}
	return status_ok();
}

Status
distance_columns(const Call *call, const uint8_t *marked, int width, int height, PixelSpacing spacing,
				 DistanceColumns *columns)
{
	ColumnTask	task = {marked, columns};
	size_t		size = (size_t) width * (size_t) height * sizeof(int32_t);
	Status		status;
	void	   *memory;

	TRY(call_alloc(call, size, &memory));
	*columns = (DistanceColumns) {width, height, spacing, memory};
	status = touch_pages(call, memory, size);
	if (status.code == LS_OK)
		status = threads_run_polled(call, (width + STRIP - 1) / STRIP, POLL_PIXELS / ((long) height * STRIP),
									measure_strips, &task);
	if (status.code != LS_OK)
		distance_columns_free(call, columns);
	return status;
}

void
distance_columns_free(const Call *call, DistanceColumns *columns)
{
	call_free(call, columns->rows);
	memset(columns, 0, sizeof *columns);
}

Status
distance_row_create(const Call *call, int width, DistanceRow *row)
{
	Status		status;
	void	   *memory;

	memset(row, 0, sizeof *row);
	TRY(call_alloc_array(call, (size_t) width, sizeof(int), &memory));
	row->places = memory;
	status = call_alloc_array(call, (size_t) width, sizeof(double), &memory);
	row->heights = memory;
	if (status.code == LS_OK)
	{
		status = call_alloc_array(call, (size_t) width, sizeof(double), &memory);
		row->starts = memory;
	}
	if (status.code != LS_OK)
		distance_row_free(call, row);
	return status;
}

void
distance_row_free(const Call *call, DistanceRow *row)
{
	call_free(call, row->places);
	call_free(call, row->heights);
	call_free(call, row->starts);
	memset(row, 0, sizeof *row);
}

void
distance_row_build(const DistanceColumns *columns, int y, DistanceRow *row)
{
	const int32_t *rows = columns->rows + (size_t) y * (size_t) columns->width;
	double		across = columns->spacing.across;

	row->count = 0;
	for (int x = 0; x < columns->width; x++)
	{
		double		down = rows[x] * columns->spacing.down;
		double		height = down * down;
		double		start = -INFINITY;

		if (rows[x] == DISTANCE_NONE)
			continue;
		while (row->count > 0)
		{
			int			last = row->count - 1;
			int			before = row->places[last];

			/* the column at which this parabola meets the last one */
			start = ((height - row->heights[last]) / (across * across) +
					 ((double) x * x - (double) before * before)) / (2.0 * (x - before));
			if (start > row->starts[last])
				break;
			row->count--;
			start = -INFINITY;
		}
		row->places[row->count] = x;
		row->heights[row->count] = height;
		row->starts[row->count] = start;
		row->count++;
	}
}

double
distance_row_at(const DistanceRow *row, const PixelSpacing *spacing, int x, int *at)
{
	double		across;

	if (row->count == 0)
		return INFINITY;
	while (*at + 1 < row->count && row->starts[*at + 1] <= x)
		(*at)++;
	across = (x - row->places[*at]) * spacing->across;
	return sqrt(across * across + row->heights[*at]);
}

Status
distance_map(const Call *call, const uint8_t *marked, int width, int height, PixelSpacing spacing, float *distances)
{
	DistanceColumns columns;
	DistanceRow row = {0};
	Status		status;

	TRY(distance_columns(call, marked, width, height, spacing, &columns));
	status = distance_row_create(call, width, &row);
	for (int y = 0; y < height && status.code == LS_OK; y++)
	{
		int			at = 0;

		if (y % POLL_ROWS == 0)
			status = call_poll(call);
		distance_row_build(&columns, y, &row);
		for (int x = 0; x < width; x++)
			distances[(size_t) y * (size_t) width + (size_t) x] = (float) distance_row_at(&row, &spacing, x, &at);
	}
	distance_row_free(call, &row);
	distance_columns_free(call, &columns);
	return status;
}

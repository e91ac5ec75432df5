/*
 * outline.c: see outline.h. The whole smoothed mask is never in memory: a
 * thread holds five rows that are smoothed along x and two that are smoothed
 * both ways, and sums the row of squares between these two.
 */
#include "measure/shape/outline.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/threads.h"

/* Rows between two polls, by the pixels in them. */
#define POLL_PIXELS (1L << 21)

#define REACH 2					/* of the smoothing */
#define TAPS (2 * REACH + 1)
#define MARGIN (REACH + 1)		/* beyond it all is 0 */
#define LEVEL 127.5f			/* half of 16 x 16, which no sum is equal to */

/* One thread's rows; they have a margin on both sides. */
typedef struct Rows
{
	uint8_t    *along[TAPS];	/* smoothed along x, 0..16 */
	uint16_t   *upper;			/* smoothed both ways, 0..256 */
	uint16_t   *lower;
} Rows;

/* What a row of squares holds. */
typedef struct SquareRow
{
	double		length;			/* of the line */
	int64_t		corners;		/* above the level; each pixel is a corner of four squares */
} SquareRow;

typedef struct OutlineTask
{
	const Image *mask;
	PixelSpacing spacing;
	Rows	   *rows;			/* one for each thread */
	SquareRow  *squares;
} OutlineTask;

/* Smooth row y of the mask along x; a row outside of it is 0. */
static void
smooth_along(const Image *mask, long y, uint8_t *along)
{
	int			width = mask->width;
	const uint8_t *row = mask->pixels + (size_t) y * (size_t) width;

	memset(along, 0, (size_t) width + 2 * MARGIN);
	if (y < 0 || y >= mask->height)
		return;
	for (int x = 0; x < width; x++)
	{
		uint8_t		lesion = row[x] != 0;

		if (lesion == 0)
			continue;
		along[x + MARGIN - 2] += 1;
		along[x + MARGIN - 1] += 4;
		along[x + MARGIN] += 6;
		along[x + MARGIN + 1] += 4;
		along[x + MARGIN + 2] += 1;
	}
}

/* Smooth five such rows along y. */
static void
smooth_down(uint8_t *const *along, int count, uint16_t *smooth)
{
	for (int i = 0; i < count; i++)
		smooth[i] = (uint16_t) (along[0][i] + along[4][i] + 4 * (along[1][i] + along[3][i]) + 6 * along[2][i]);
}

/* The place of the level between two values, 0..1 from the first. */
static inline float
crossing(float from, float to)
{
	return (LEVEL - from) / (to - from);
}

/* The length of the line in the square of four corners: a b above, d c below. */
static double
square_length(const PixelSpacing *spacing, float a, float b, float c, float d)
{
	float		points[4][2];	/* where the line crosses edges, clockwise from the top */
	int			count = 0;
	bool		cut_first;
	double		length = 0;

	if ((a > LEVEL) != (b > LEVEL))
	{
		points[count][0] = crossing(a, b);
		points[count++][1] = 0;
	}
	if ((b > LEVEL) != (c > LEVEL))
	{
		points[count][0] = 1;
		points[count++][1] = crossing(b, c);
	}
	if ((c > LEVEL) != (d > LEVEL))
	{
		points[count][0] = crossing(d, c);
		points[count++][1] = 1;
	}
	if ((d > LEVEL) != (a > LEVEL))
	{
		points[count][0] = 0;
		points[count++][1] = crossing(a, d);
	}
	cut_first = count == 4 && a <= LEVEL;	/* lesion at opposite corners connects */
	for (int i = 0; i + 1 < count; i += 2)
	{
		const float *from = points[cut_first ? (i + 3) % 4 : i];
		const float *to = points[cut_first ? i : i + 1];

		length += hypot((from[0] - to[0]) * spacing->across, (from[1] - to[1]) * spacing->down);
	}
	return length;
}

/* Measure the squares between two smoothed rows. */
static SquareRow
measure_squares(const PixelSpacing *spacing, const uint16_t *upper, const uint16_t *lower, int count)
{
	SquareRow	row = {0};

	for (int i = 0; i + 1 < count; i++)
	{
		int			inside = (upper[i] > LEVEL) + (upper[i + 1] > LEVEL) + (lower[i] > LEVEL) + (lower[i + 1] > LEVEL);

		row.corners += inside;
		if (inside != 0 && inside != 4)
			row.length += square_length(spacing, upper[i], upper[i + 1], lower[i + 1], lower[i]);
	}
	return row;
}

/* Rows of squares [begin, end); the first lies MARGIN rows above the mask. */
static void
measure_rows(void *data, int worker, long begin, long end)
{
	const OutlineTask *task = data;
	Rows	   *rows = &task->rows[worker];
	int			count = task->mask->width + 2 * MARGIN;

	for (int i = 0; i < TAPS - 1; i++)
		smooth_along(task->mask, begin - MARGIN - REACH + i, rows->along[i + 1]);
	for (long i = begin; i <= end; i++)
	{
		uint8_t    *first = rows->along[0];
		uint16_t   *swap = rows->upper;

		memmove(rows->along, rows->along + 1, (TAPS - 1) * sizeof rows->along[0]);
		rows->along[TAPS - 1] = first;
		smooth_along(task->mask, i - MARGIN + REACH, first);
		rows->upper = rows->lower;
		rows->lower = swap;
		smooth_down(rows->along, count, rows->lower);
		if (i > begin)
			task->squares[i - 1] = measure_squares(&task->spacing, rows->upper, rows->lower, count);
	}
}

/* Make each thread's rows of one block; the caller frees it. */
static Status
rows_create(const Call *call, int width, Rows *rows, void **block)
{
	size_t		count = (size_t) width + 2 * MARGIN;
	uint8_t    *at;

	TRY(call_alloc_array(call, (size_t) call->threads * count, TAPS + 2 * sizeof(uint16_t), block));
	at = *block;
	for (int worker = 0; worker < call->threads; worker++)
	{
		rows[worker].upper = (uint16_t *) at;
		rows[worker].lower = rows[worker].upper + count;
		at += 2 * count * sizeof(uint16_t);
	}
	for (int worker = 0; worker < call->threads; worker++)
		for (int i = 0; i < TAPS; i++, at += count)
			rows[worker].along[i] = at;
	return status_ok();
}

Status
outline_length(const Call *call, const Image *mask, PixelSpacing spacing, double *length, int64_t *enclosed)
{
	OutlineTask task = {mask, spacing, NULL, NULL};
	long		count = mask->height + 2 * MARGIN - 1;
	void	   *rows = NULL;
	void	   *squares = NULL;
	void	   *block = NULL;
	SquareRow	sum = {0};
	Status		status = call_alloc_array(call, (size_t) call->threads, sizeof(Rows), &rows);

	if (status.code == LS_OK)
		status = call_alloc_array(call, (size_t) count, sizeof(SquareRow), &squares);
	if (status.code == LS_OK)
		status = rows_create(call, mask->width, rows, &block);
	task.rows = rows;
	task.squares = squares;
	if (status.code == LS_OK)
		status = threads_run_polled(call, count, POLL_PIXELS / mask->width, measure_rows, &task);
	for (long i = 0; status.code == LS_OK && i < count; i++)
	{
		sum.length += task.squares[i].length;
		sum.corners += task.squares[i].corners;
	}
	*length = sum.length;
	*enclosed = sum.corners / 4;
	call_free(call, block);
	call_free(call, squares);
	call_free(call, rows);
	return status;
}

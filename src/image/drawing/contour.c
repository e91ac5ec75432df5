/*
 * contour.c: see contour.h.
 *
 * A row of a mask is a few runs of lesion. Erosion by a square separates:
 * along a row it shortens the runs; a pixel is then inside if all rows within
 * reach have it in their shortened runs, and these are counted. So the cost
 * does not depend on the line's width, and no mask of the image's size is made.
 */
#include "image/drawing/contour.h"

#include <string.h>

/* Width of the lines over an image in pixels, growing with its size. */
static int
line_width(int width, int height)
{
	int			side = width < height ? width : height;

	return 1 + side / 256;
}

Status
contour_start(Contour *contour, const Call *call, const Image *mask, int width, int height)
{
	int			narrower = mask->width < width ? mask->width : width;
	void	   *memory;

	*contour = (Contour) {.call = call, .mask = mask, .width = width, .height = height};
	if (mask->channels != 1)
		return status_error(LS_INVALID_ARGUMENT, "a mask has 1 channel, not %d", mask->channels);
	contour->reach = line_width(width, height);
	TRY(call_alloc_array(call, (size_t) narrower / 2 + 1, sizeof(ContourRun), &memory));
	contour->runs = memory;
	TRY(call_alloc_array(call, (size_t) width, sizeof(uint16_t), &memory));
	contour->inside = memory;
	return status_ok();
}

void
contour_free(Contour *contour)
{
	call_free(contour->call, contour->runs);
	call_free(contour->call, contour->inside);
}

/* The first of `result` pixels whose nearest of `source` pixels is not before
 * `column`. */
static int
first_nearest(int column, int source, int result)
{
	return (int) ((2 * (int64_t) result * column + source - 1) / (2 * (int64_t) source));
}

/* Find the runs of lesion in row y of the image; their number. */
static int
find_runs(const Contour *contour, int y)
{
	const Image *mask = contour->mask;
	int			line = (int) ((2 * (int64_t) y + 1) * mask->height / (2 * (int64_t) contour->height));
	const uint8_t *row = mask->pixels + (size_t) line * (size_t) mask->width;
	int			count = 0;
	int			x = 0;

	while ((x = skip_zeros(row, x, mask->width)) < mask->width)
	{
		const uint8_t *zero = memchr(row + x, 0, (size_t) (mask->width - x));
		int			end = zero == NULL ? mask->width : (int) (zero - row);
		ContourRun	run = {first_nearest(x, mask->width, contour->width),
			first_nearest(end, mask->width, contour->width)};

		x = end;
		if (run.begin == run.end)
			continue;
		if (count > 0 && contour->runs[count - 1].end == run.begin)
			contour->runs[count - 1].end = run.end;
		else
			contour->runs[count++] = run;
	}
	return count;
}

/* Count row y's eroded runs in or, with `change` -1, out. */
static void
count_inside(Contour *contour, int y, int change)
{
	int			count = find_runs(contour, y);

	for (int i = 0; i < count; i++)
	{
		ContourRun	run = contour->runs[i];
		int			begin = run.begin == 0 ? 0 : run.begin + contour->reach;
		int			end = run.end == contour->width ? run.end : run.end - contour->reach;

#pragma omp simd
		for (int x = begin; x < end; x++)
			contour->inside[x] = (uint16_t) (contour->inside[x] + change);
	}
}

void
contour_row(Contour *contour, int y, uint8_t bit, uint8_t *map)
{
	int			first = y > contour->reach ? y - contour->reach : 0;
	int			end = contour->height - y > contour->reach ? y + contour->reach + 1 : contour->height;
	uint16_t	all = (uint16_t) (end - first);
	int			count;

	if (y > contour->reach)
		count_inside(contour, first - 1, -1);
	for (; contour->entered < end; contour->entered++)
		count_inside(contour, contour->entered, 1);
	count = find_runs(contour, y);
	for (int i = 0; i < count; i++)
	{
#pragma omp simd
		for (int x = contour->runs[i].begin; x < contour->runs[i].end; x++)
			map[x] |= contour->inside[x] == all ? 0 : bit;
	}
}

/*
 * morphology.c: see morphology.h. First across each row, then down: the
 * extreme of a square is the extreme of its rows' extremes. Whole rows are
 * compared with shifted rows, which compiles to vector code.
 */
#include "enhance/quality/morphology.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/threads.h"

#define BLOCK_COMPARISONS 50000000	/* between two polls */

/* One pass over a plane. */
typedef struct Pass
{
	const uint8_t *in;
	uint8_t    *out;
	int			width;
	int			height;
	int			reach;
	bool		largest;		/* maximum, or minimum */
} Pass;

/* Set each byte of out to the extreme of itself and other's. */
static inline void
take_extremes(bool largest, const uint8_t *other, uint8_t *out, int count)
{
	if (largest)
	{
#pragma omp simd
		for (int x = 0; x < count; x++)
			out[x] = out[x] > other[x] ? out[x] : other[x];
	}
	else
	{
#pragma omp simd
		for (int x = 0; x < count; x++)
			out[x] = out[x] < other[x] ? out[x] : other[x];
	}
}

static void
across_rows(void *data, int worker, long begin, long end)
{
	const Pass *pass = data;

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		const uint8_t *in = pass->in + (size_t) y * (size_t) pass->width;
		uint8_t    *out = pass->out + (size_t) y * (size_t) pass->width;

		memcpy(out, in, (size_t) pass->width);
		for (int d = 1; d <= pass->reach && d < pass->width; d++)
		{
			take_extremes(pass->largest, in + d, out, pass->width - d);
			take_extremes(pass->largest, in, out + d, pass->width - d);
		}
	}
}

static void
down_rows(void *data, int worker, long begin, long end)
{
	const Pass *pass = data;
	size_t		width = (size_t) pass->width;

	(void) worker;
	for (long y = begin; y < end; y++)
	{
		uint8_t    *out = pass->out + (size_t) y * width;
		long		from = y - pass->reach < 0 ? 0 : y - pass->reach;
		long		to = y + pass->reach >= pass->height ? pass->height - 1 : y + pass->reach;

		memcpy(out, pass->in + (size_t) from * width, width);
		for (long row = from + 1; row <= to; row++)
			take_extremes(pass->largest, pass->in + (size_t) row * width, out, pass->width);
	}
}

static Status
both_passes(const Call *call, bool largest, const uint8_t *in, int width, int height, int reach, uint8_t *between,
			uint8_t *out)
{
	Pass		across = {in, between, width, height, reach, largest};
	Pass		down = {between, out, width, height, reach, largest};
	long		block = BLOCK_COMPARISONS / (2 * (long) reach + 1) / width;

	TRY(threads_run_polled(call, height, block, across_rows, &across));
	return threads_run_polled(call, height, block, down_rows, &down);
}

Status
morphology_dilate(const Call *call, const uint8_t *in, int width, int height, int reach, uint8_t *between,
				  uint8_t *out)
{
	return both_passes(call, true, in, width, height, reach, between, out);
}

Status
morphology_erode(const Call *call, const uint8_t *in, int width, int height, int reach, uint8_t *between,
				 uint8_t *out)
{
	return both_passes(call, false, in, width, height, reach, between, out);
}

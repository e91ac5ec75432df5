/*
 * noise.c: value noise and cellular noise; see noise.h.
 */
#include "image/noise.h"

#include <math.h>
#include <string.h>

/* A lattice point's value, -NOISE_ONE .. NOISE_ONE - 1. */
static inline int32_t
lattice_value(uint32_t seed, int32_t x, int32_t y)
{
	return (int32_t) (noise_hash(seed, x, y) >> 19) - NOISE_ONE;
}

/* Add one octave to a row, divided by 2^halvings. */
static void
add_octave(uint32_t seed, int cells, int halvings, const int32_t *xs, int32_t y, int width, int32_t *out)
{
	int64_t		row = (int64_t) y * cells;
	int32_t		j = (int32_t) (row >> 16);
	int32_t		down = noise_ease((int32_t) (row & 0xFFFF) >> 4);
	int32_t		i = INT32_MIN;
	int32_t		left = 0;		/* values between lattice rows j and j + 1, at columns i */
	int32_t		right = 0;		/* and i + 1 */

	for (int x = 0; x < width; x++)
	{
		int64_t		column = (int64_t) xs[x] * cells;
		int32_t		across = noise_ease((int32_t) (column & 0xFFFF) >> 4);

		if ((int32_t) (column >> 16) != i)
		{
			int32_t		top;

			i = (int32_t) (column >> 16);
			top = lattice_value(seed, i, j);
			left = top + ((lattice_value(seed, i, j + 1) - top) * down >> 12);
			top = lattice_value(seed, i + 1, j);
			right = top + ((lattice_value(seed, i + 1, j + 1) - top) * down >> 12);
		}
		out[x] += (left + ((right - left) * across >> 12)) >> halvings;
	}
}

void
noise_row(const NoiseField *field, const int32_t *xs, int32_t y, int width, int32_t *out)
{
	memset(out, 0, (size_t) width * sizeof *out);
	for (int octave = 0; octave < field->octaves; octave++)
		add_octave(field->seed + (uint32_t) octave * 0x632BE5ABu, field->cells << octave, octave,
				   xs, y, width, out);
}

void
noise_cells(uint32_t seed, int cells, int32_t x, int32_t y, int32_t *nearest, int32_t *second)
{
	int64_t		column = (int64_t) x * cells;
	int64_t		row = (int64_t) y * cells;
	int32_t		i = (int32_t) (column >> 16);
	int32_t		j = (int32_t) (row >> 16);
	int32_t		across = (int32_t) (column & 0xFFFF) >> 4;
	int32_t		down = (int32_t) (row & 0xFFFF) >> 4;
	int32_t		best = INT32_MAX;	/* squared distances */
	int32_t		next = INT32_MAX;

	for (int dj = -1; dj <= 1; dj++)
	{
		for (int di = -1; di <= 1; di++)
		{
			uint32_t	h = noise_hash(seed, i + di, j + dj);
			int32_t		dx = di * NOISE_ONE + (int32_t) (h & 0xFFF) - across;
			int32_t		dy = dj * NOISE_ONE + (int32_t) (h >> 12 & 0xFFF) - down;
			int32_t		distance = dx * dx + dy * dy;

			if (distance < best)
			{
				next = best;
				best = distance;
			}
			else if (distance < next)
				next = distance;
		}
	}
	/* IEEE square roots are correctly rounded, hence the same everywhere. */
	*nearest = (int32_t) sqrt((double) best);
	*second = (int32_t) sqrt((double) next);
}

/*
 * symmetry.c: see symmetry.h.
 *
 * Each pixel of a turned image comes from one pixel of the source; the same
 * correspondence turns a map back upright.
 */
#include "infer/symmetry.h"

#include <stdbool.h>
#include <string.h>

/* Probability 1 as an integer; the sum of eight fits 32 bits. */
#define PROBABILITY_ONE 268435456.0f

/* How to read a turned image out of the source: the pixel where it begins, and
 * the steps to the next pixel and to the next row. */
typedef struct Walk
{
	ptrdiff_t	begin;
	ptrdiff_t	next_pixel;
	ptrdiff_t	next_row;
} Walk;

/* The walk for a symmetry of a source of width x height. */
static Walk
walk_source(int symmetry, int width, int height)
{
	bool		transpose = (symmetry & SYMMETRY_TRANSPOSE) != 0;
	ptrdiff_t	across = transpose ? width : 1;
	ptrdiff_t	down = transpose ? 1 : width;
	int			seen_width = transpose ? height : width;
	int			seen_height = transpose ? width : height;
	Walk		walk = {0, across, down};

	if (symmetry & SYMMETRY_MIRROR_X)
	{
		walk.begin += (seen_width - 1) * across;
		walk.next_pixel = -across;
	}
	if (symmetry & SYMMETRY_MIRROR_Y)
	{
		walk.begin += (seen_height - 1) * down;
		walk.next_row = -down;
	}
	return walk;
}

/* Copy one row. Inlined for each number of channels. */
static inline void
copy_row(const uint8_t *from, ptrdiff_t step, int channels, int width, uint8_t *to)
{
	for (int x = 0; x < width; x++, from += step * channels, to += channels)
		for (int c = 0; c < channels; c++)
			to[c] = from[c];
}

Status
symmetry_image(const Call *call, int symmetry, const Image *source, Image *result)
{
	bool		transpose = (symmetry & SYMMETRY_TRANSPOSE) != 0;
	Walk		walk = walk_source(symmetry, source->width, source->height);
	int			channels = source->channels;

	TRY(image_create(call, transpose ? source->height : source->width, transpose ? source->width : source->height,
					 channels, result));
	for (int y = 0; y < result->height; y++)
	{
		const uint8_t *from = source->pixels + (walk.begin + y * walk.next_row) * channels;
		uint8_t    *to = result->pixels + (size_t) y * (size_t) result->width * (size_t) channels;

		if (channels == 1)
			copy_row(from, walk.next_pixel, 1, result->width, to);
		else
			copy_row(from, walk.next_pixel, 3, result->width, to);
		if (y % POLL_ROWS == 0)
		{
			Status		status = call_poll(call);

			if (status.code != LS_OK)
			{
				image_free(call, result);
				return status;
			}
		}
	}
	return status_ok();
}

Status
symmetry_mean_create(const Call *call, int size, SymmetryMean *mean)
{
	size_t		pixels = (size_t) size * (size_t) size;
	Status		status;
	void	   *memory;

	memset(mean, 0, sizeof *mean);
	mean->size = size;
	TRY(call_alloc_array(call, pixels, sizeof *mean->sums, &memory));
	mean->sums = memory;
	status = call_alloc_array(call, pixels, sizeof *mean->votes, &memory);
	mean->votes = memory;
	if (status.code != LS_OK)
		symmetry_mean_free(call, mean);
	return status;
}

void
symmetry_mean_free(const Call *call, SymmetryMean *mean)
{
	call_free(call, mean->sums);
	call_free(call, mean->votes);
	memset(mean, 0, sizeof *mean);
}

void
symmetry_mean_add(SymmetryMean *mean, int symmetry, const float *map, float threshold)
{
	Walk		walk = walk_source(symmetry, mean->size, mean->size);

	for (int y = 0; y < mean->size; y++)
	{
		ptrdiff_t	at = walk.begin + y * walk.next_row;

		for (int x = 0; x < mean->size; x++, at += walk.next_pixel)
		{
			float		probability = *map++;

			mean->sums[at] += (uint32_t) (probability * PROBABILITY_ONE);
			mean->votes[at] += probability > threshold;
		}
	}
}

void
symmetry_mean_finish(const SymmetryMean *mean, float *map, double *disagreement)
{
	size_t		pixels = (size_t) mean->size * (size_t) mean->size;
	int64_t		votes = 0;
	int64_t		shared = 0;

	for (size_t i = 0; i < pixels; i++)
	{
		int			count = mean->votes[i];

		map[i] = (float) mean->sums[i] / (SYMMETRIES * PROBABILITY_ONE);
		votes += count;
		shared += count * (count - 1);
	}

	/* Over ordered pairs of masks: intersections over half the areas. */
	*disagreement = votes == 0 ? 0 : 1 - (double) shared / ((double) votes * (SYMMETRIES - 1));
}

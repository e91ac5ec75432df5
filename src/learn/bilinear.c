/*
 * bilinear.c: separable: two map rows resized to the output's width are kept,
 * and an output row is a blend of them.
 */
#include "learn/bilinear.h"

#include <math.h>
#include <string.h>

void
bilinear_init(Bilinear *bilinear, const HostContext *host, int size)
{
	memset(bilinear, 0, sizeof *bilinear);
	bilinear->host = host;
	bilinear->size = size;
}

void
bilinear_free(Bilinear *bilinear)
{
	host_free(bilinear->host, bilinear->columns);
	host_free(bilinear->host, bilinear->rows[0]);
	host_free(bilinear->host, bilinear->rows[1]);
	host_free(bilinear->host, bilinear->output);
	bilinear_init(bilinear, bilinear->host, bilinear->size);
}

/* Where output position `at` of `length` reads a row or column of `size`. */
static BilinearTap
bilinear_tap(int at, int length, int size)
{
	double		position = (at + 0.5) * size / length - 0.5;
	BilinearTap tap;

	if (position < 0)
		position = 0;
	if (position > size - 1)
		position = size - 1;
	tap.first = (int32_t) position;
	tap.second = tap.first + 1 < size ? tap.first + 1 : tap.first;
	tap.weight = (float) (position - tap.first);
	return tap;
}

Status
bilinear_prepare(Bilinear *bilinear, int width, int height)
{
	const HostContext *host = bilinear->host;
	void	   *memory;

	if (bilinear->width != width)
	{
		bilinear_free(bilinear);
		TRY(host_alloc_array(host, (size_t) width, sizeof(BilinearTap), &memory));
		bilinear->columns = memory;
		TRY(host_alloc_array(host, (size_t) width, sizeof(float), &memory));
		bilinear->rows[0] = memory;
		TRY(host_alloc_array(host, (size_t) width, sizeof(float), &memory));
		bilinear->rows[1] = memory;
		TRY(host_alloc_array(host, (size_t) width, sizeof(float), &memory));
		bilinear->output = memory;
		for (int x = 0; x < width; x++)
			bilinear->columns[x] = bilinear_tap(x, width, bilinear->size);

		/* Last, so that a failure above leaves a width that fits nothing. */
		bilinear->width = width;
	}
	bilinear->height = height;
	return status_ok();
}

void
bilinear_start(Bilinear *bilinear)
{
	bilinear->row_index[0] = -1;
	bilinear->row_index[1] = -1;
}

/* Row `index` of map at the output's width. */
static const float *
resized_row(Bilinear *bilinear, const float *map, int index)
{
	int			slot = index % 2;	/* neighbours never share one */
	const float *source = map + (size_t) index * (size_t) bilinear->size;
	float	   *row = bilinear->rows[slot];

	if (bilinear->row_index[slot] == index)
		return row;
	for (int x = 0; x < bilinear->width; x++)
	{
		const BilinearTap *tap = &bilinear->columns[x];
		float		first = source[tap->first];

		row[x] = first + tap->weight * (source[tap->second] - first);
	}
	bilinear->row_index[slot] = index;
	return row;
}

const float *
bilinear_row(Bilinear *bilinear, const float *map, int y)
{
	BilinearTap tap = bilinear_tap(y, bilinear->height, bilinear->size);
	const float *first = resized_row(bilinear, map, tap.first);
	const float *second = resized_row(bilinear, map, tap.second);
	float	   *output = bilinear->output;

#pragma omp simd
	for (int x = 0; x < bilinear->width; x++)
		output[x] = first[x] + tap.weight * (second[x] - first[x]);
	return output;
}

size_t
bilinear_memory(const Bilinear *bilinear)
{
	return (size_t) bilinear->width * (sizeof(BilinearTap) + 3 * sizeof(float));
}

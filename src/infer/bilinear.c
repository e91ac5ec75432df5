/*
 * bilinear.c: see bilinear.h.
 *
 * An output value is a sum of four samples, each times the product of its
 * column's and its row's weight. A flipped or turned map gives the same bits,
 * for three reasons: weights are quotients of integers, so they mirror
 * exactly; a product does not depend on the order of its factors; and the sum
 * pairs opposite corners, which remain pairs under every flip and turn. The
 * compiler must not fuse these operations (the Makefile forbids it).
 *
 * The samples of two map rows, spread to the output's columns, are kept.
 */
#include "infer/bilinear.h"

#include <string.h>

void
bilinear_init(Bilinear *bilinear, const Host *host, int size)
{
	const BilinearSpan all = {.whole = 1, .length = 1};

	memset(bilinear, 0, sizeof *bilinear);
	bilinear->host = host;
	bilinear->size = size;
	bilinear_cover(bilinear, all, all);
}

void
bilinear_cover(Bilinear *bilinear, BilinearSpan across, BilinearSpan down)
{
	bilinear->across = across;
	bilinear->down = down;
}

void
bilinear_free(Bilinear *bilinear)
{
	BilinearSpan across = bilinear->across;
	BilinearSpan down = bilinear->down;

	host_free(bilinear->host, bilinear->columns);
	host_free(bilinear->host, bilinear->left_weights);
	host_free(bilinear->host, bilinear->right_weights);
	for (int i = 0; i < 2; i++)
	{
		host_free(bilinear->host, bilinear->rows[i].left);
		host_free(bilinear->host, bilinear->rows[i].right);
	}
	host_free(bilinear->host, bilinear->output);
	bilinear_init(bilinear, bilinear->host, bilinear->size);
	bilinear_cover(bilinear, across, down);
}

/* The samples that output position `at` of `length` reads in a row or column
 * of `size`, which covers a span of the output. */
static BilinearTap
bilinear_tap(int at, int length, int size, const BilinearSpan *span)
{
	/* In units of 1 / (2 length span->length) of a sample. */
	int64_t		unit = 2 * (int64_t) length * span->length;
	int64_t		offset = (2 * (int64_t) at + 1) * span->whole - 2 * (int64_t) length * span->first;
	int64_t		position = offset * size - (int64_t) length * span->length;
	int64_t		after;
	BilinearTap tap;

	if (position < 0)
		position = 0;
	if (position > unit * (size - 1))
		position = unit * (size - 1);
	after = position % unit;
	tap.first = (int32_t) (position / unit);
	tap.second = tap.first + 1 < size ? tap.first + 1 : tap.first;
	tap.first_weight = (float) ((double) (unit - after) / (double) unit);
	tap.second_weight = (float) ((double) after / (double) unit);
	return tap;
}

/* One vector of the output's width. */
static Status
vector_create(const Host *host, int width, float **vector)
{
	void	   *memory;

	TRY(host_alloc_array(host, (size_t) width, sizeof(float), &memory));
	*vector = memory;
	return status_ok();
}

Status
bilinear_prepare(Bilinear *bilinear, int width, int height)
{
	const Host *host = bilinear->host;
	void	   *memory;

	if (bilinear->width != width)
	{
		bilinear_free(bilinear);
		TRY(host_alloc_array(host, (size_t) width, sizeof(BilinearTap), &memory));
		bilinear->columns = memory;
		TRY(vector_create(host, width, &bilinear->left_weights));
		TRY(vector_create(host, width, &bilinear->right_weights));
		for (int i = 0; i < 2; i++)
		{
			TRY(vector_create(host, width, &bilinear->rows[i].left));
			TRY(vector_create(host, width, &bilinear->rows[i].right));
		}
		TRY(vector_create(host, width, &bilinear->output));
		for (int x = 0; x < width; x++)
		{
			bilinear->columns[x] = bilinear_tap(x, width, bilinear->size, &bilinear->across);
			bilinear->left_weights[x] = bilinear->columns[x].first_weight;
			bilinear->right_weights[x] = bilinear->columns[x].second_weight;
		}

		/* Set last: after a failure above, the stored width matches no
		 * output. */
		bilinear->width = width;
	}
	bilinear->height = height;
	return status_ok();
}

void
bilinear_start(Bilinear *bilinear)
{
	bilinear->rows[0].index = -1;
	bilinear->rows[1].index = -1;
}

/* Row `index` of map, spread to the output's columns. */
static const BilinearRow *
spread_row(Bilinear *bilinear, const float *map, int index)
{
	BilinearRow *row = &bilinear->rows[index % 2];	/* neighbouring rows use different slots */
	const float *source = map + (size_t) index * (size_t) bilinear->size;

	if (row->index == index)
		return row;
	for (int x = 0; x < bilinear->width; x++)
	{
		row->left[x] = source[bilinear->columns[x].first];
		row->right[x] = source[bilinear->columns[x].second];
	}
	row->index = index;
	return row;
}

const float *
bilinear_row(Bilinear *bilinear, const float *map, int y)
{
	BilinearTap tap = bilinear_tap(y, bilinear->height, bilinear->size, &bilinear->down);
	BilinearRow top = *spread_row(bilinear, map, tap.first);
	BilinearRow bottom = *spread_row(bilinear, map, tap.second);
	const float *left = bilinear->left_weights;
	const float *right = bilinear->right_weights;
	float	   *output = bilinear->output;

#pragma omp simd
	for (int x = 0; x < bilinear->width; x++)
		output[x] = (top.left[x] * (left[x] * tap.first_weight) + bottom.right[x] * (right[x] * tap.second_weight)) +
			(top.right[x] * (right[x] * tap.first_weight) + bottom.left[x] * (left[x] * tap.second_weight));
	return output;
}

/*
 * blend.c: see blend.h.
 *
 * What the second look counts at a pixel is a product of a column's and a row's
 * weight. Both are quotients of whole numbers, measured from the nearer edge, so
 * that they mirror and turn exactly.
 */
#include "infer/blend.h"

#include <string.h>

/* Allocate `count` floats. */
static Status
floats_create(const Call *call, int count, float **floats)
{
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) count, sizeof(float), &memory));
	*floats = memory;
	return status_ok();
}

/* Get ready to resize maps, each of which covers a part of the mask. */
static Status
resize_create(const MapBlend *blend, const ProbabilityMap *maps, BilinearSpan across, BilinearSpan down,
			  Bilinear **result)
{
	void	   *memory;

	TRY(call_alloc_array(blend->call, (size_t) blend->count, sizeof(Bilinear), &memory));
	*result = memory;
	for (int i = 0; i < blend->count; i++)
	{
		bilinear_init(&(*result)[i], &blend->call->host, maps[i].size);
		bilinear_cover(&(*result)[i], across, down);
	}
	for (int i = 0; i < blend->count; i++)
	{
		TRY(bilinear_prepare(&(*result)[i], blend->width, blend->height));
		bilinear_start(&(*result)[i]);
	}
	return status_ok();
}

/* What the ramp leaves of the second look's weight at a position of a side, 0..1. */
static float
side_weight(const BlendSide *side, int at)
{
	/* In units of 1 / (2 length) of an image's pixel. */
	int64_t		unit = 2 * (int64_t) side->length;
	int64_t		position = (2 * (int64_t) at + 1) * side->whole;
	int64_t		from_begin = position - unit * side->begin;
	int64_t		from_end = unit * side->end - position;
	int64_t		inside = INT64_MAX;
	double		weight;

	if (from_begin < 0 || from_end < 0)
		return 0;
	if (side->begin > 0)
		inside = from_begin;
	if (side->end < side->whole && from_end < inside)
		inside = from_end;
	if (inside == INT64_MAX || side->ramp <= 0)
		return 1;
	weight = (double) inside / ((double) unit * side->ramp);
	return weight < 1 ? (float) weight : 1;
}

/* The side of the mask that its columns make. */
static BlendSide
side_across(const MapBlend *blend)
{
	const SecondLook *second = blend->second;

	return (BlendSide) {blend->width, second->image_width, second->valid.x, second->valid.x + second->valid.width,
		second->ramp};
}

/* The same of its rows. */
static BlendSide
side_down(const MapBlend *blend)
{
	const SecondLook *second = blend->second;

	return (BlendSide) {blend->height, second->image_height, second->valid.y, second->valid.y + second->valid.height,
		second->ramp};
}

/* Get ready for the second look. */
static Status
second_create(MapBlend *blend)
{
	const SecondLook *second = blend->second;
	const Window *window = &second->window;
	BlendSide	side = side_across(blend);

	TRY(resize_create(blend, second->maps, (BilinearSpan) {second->image_width, window->x, window->width},
					  (BilinearSpan) {second->image_height, window->y, window->height}, &blend->resize_second));
	TRY(floats_create(blend->call, blend->width, &blend->second_row));
	TRY(floats_create(blend->call, blend->width, &blend->across));
	for (int x = 0; x < blend->width; x++)
		blend->across[x] = (float) second->weight * side_weight(&side, x);
	return status_ok();
}

Status
blend_create(MapBlend *blend, const ProbabilityMap *maps, const double *weights, int count, const SecondLook *second,
			 int width, int height)
{
	const BilinearSpan all = {.whole = 1,.length = 1};
	double		total = 0;

	blend->maps = maps;
	blend->second = second;
	blend->count = count;
	blend->width = width;
	blend->height = height;
	TRY(floats_create(blend->call, count, &blend->shares));
	for (int i = 0; i < count; i++)
		total += weights[i];
	for (int i = 0; i < count; i++)
		blend->shares[i] = (float) (weights[i] / total);
	TRY(floats_create(blend->call, width, &blend->row));
	if (maps != NULL)
		TRY(resize_create(blend, maps, all, all, &blend->resize));
	return second != NULL ? second_create(blend) : status_ok();
}

/* Release what resize_create made. */
static void
resize_free(const MapBlend *blend, Bilinear *resize)
{
	for (int i = 0; resize != NULL && i < blend->count; i++)
		bilinear_free(&resize[i]);
	call_free(blend->call, resize);
}

void
blend_free(MapBlend *blend)
{
	resize_free(blend, blend->resize);
	resize_free(blend, blend->resize_second);
	call_free(blend->call, blend->shares);
	call_free(blend->call, blend->row);
	call_free(blend->call, blend->second_row);
	call_free(blend->call, blend->across);
}

/* Row y of the mean of one look's maps. */
static void
mean_row(const MapBlend *blend, Bilinear *resize, const ProbabilityMap *maps, int y, float *mean)
{
	size_t		size = (size_t) blend->width * sizeof(float);

	if (blend->count == 1)
	{
		memcpy(mean, bilinear_row(&resize[0], maps[0].values, y), size);
		return;
	}
	memset(mean, 0, size);
	for (int i = 0; i < blend->count; i++)
	{
		const float *row = bilinear_row(&resize[i], maps[i].values, y);
		float		share = blend->shares[i];

#pragma omp simd
		for (int x = 0; x < blend->width; x++)
			mean[x] += share * row[x];
	}
}

/* Blend the second look's row y into that of the first. */
static void
add_second(MapBlend *blend, int y)
{
	BlendSide	side = side_down(blend);
	float		down = side_weight(&side, y);
	const float *second = blend->second_row;
	const float *across = blend->across;
	float	   *row = blend->row;

	if (down <= 0)
		return;
	mean_row(blend, blend->resize_second, blend->second->maps, y, blend->second_row);
#pragma omp simd
	for (int x = 0; x < blend->width; x++)
		row[x] += (across[x] * down) * (second[x] - row[x]);
}

const float *
blend_row(MapBlend *blend, int y)
{
	if (blend->maps != NULL)
		mean_row(blend, blend->resize, blend->maps, y, blend->row);
	else
		memset(blend->row, 0, (size_t) blend->width * sizeof(float));
	if (blend->second != NULL)
		add_second(blend, y);
	return blend->row;
}

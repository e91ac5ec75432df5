/*
 * mask.c: see mask.h.
 *
 * It works row by row, so that no whole resized map is in memory.
 */
#include "infer/mask.h"

#include <string.h>

#include "infer/bilinear.h"
#include "measure/components.h"

#define ROWS_PER_POLL 64

/* Maps that are being resized and blended. */
typedef struct MapBlend
{
	const Call *call;
	const ProbabilityMap *maps;
	int			count;
	Bilinear   *resize;			/* count */
	float	   *shares;			/* count; they sum to 1 */
	float	   *row;			/* of the mean */
} MapBlend;

/* Release what blend_create made. */
static void
blend_free(MapBlend *blend)
{
	for (int i = 0; blend->resize != NULL && i < blend->count; i++)
		bilinear_free(&blend->resize[i]);
	call_free(blend->call, blend->resize);
	call_free(blend->call, blend->shares);
	call_free(blend->call, blend->row);
}

/* Get ready to blend; call blend_free also after a failure. */
static Status
blend_create(MapBlend *blend, const double *weights, int width, int height)
{
	const Call *call = blend->call;
	double		total = 0;
	void	   *memory;

	TRY(call_alloc_array(call, (size_t) blend->count, sizeof(Bilinear), &memory));
	blend->resize = memory;
	for (int i = 0; i < blend->count; i++)
		bilinear_init(&blend->resize[i], &call->host, blend->maps[i].size);
	TRY(call_alloc_array(call, (size_t) blend->count, sizeof(float), &memory));
	blend->shares = memory;
	TRY(call_alloc_array(call, (size_t) width, sizeof(float), &memory));
	blend->row = memory;
	for (int i = 0; i < blend->count; i++)
		total += weights[i];
	for (int i = 0; i < blend->count; i++)
	{
		blend->shares[i] = (float) (weights[i] / total);
		TRY(bilinear_prepare(&blend->resize[i], width, height));
		bilinear_start(&blend->resize[i]);
	}
	return status_ok();
}

/* Row y of the mean. */
static const float *
blend_row(MapBlend *blend, int width, int y)
{
	if (blend->count == 1)
		return bilinear_row(&blend->resize[0], blend->maps[0].values, y);
	memset(blend->row, 0, (size_t) width * sizeof(float));
	for (int i = 0; i < blend->count; i++)
	{
		const float *row = bilinear_row(&blend->resize[i], blend->maps[i].values, y);
		float		share = blend->shares[i];

#pragma omp simd
		for (int x = 0; x < width; x++)
			blend->row[x] += share * row[x];
	}
	return blend->row;
}

/* Write one row of mask and, if asked for, of the 8-bit map. */
static void
write_row(const float *row, int width, float threshold, uint8_t *mask, uint8_t *map)
{
#pragma omp simd
	for (int x = 0; x < width; x++)
		mask[x] = row[x] > threshold ? 255 : 0;
	if (map == NULL)
		return;
#pragma omp simd
	for (int x = 0; x < width; x++)
		map[x] = (uint8_t) (int) (255 * row[x] + 0.5f);
}

/* Write all rows. */
static Status
write_rows(MapBlend *blend, double threshold, Image *mask, Image *map)
{
	for (int y = 0; y < mask->height; y++)
	{
		size_t		offset = (size_t) y * (size_t) mask->width;

		if (y % ROWS_PER_POLL == 0)
			TRY(call_poll(blend->call));
		write_row(blend_row(blend, mask->width, y), mask->width, (float) threshold, mask->pixels + offset,
				  map == NULL ? NULL : map->pixels + offset);
	}
	return status_ok();
}

/* Refuse arguments from which no mask can be made. */
static Status
check_options(const MaskOptions *options)
{
	if (!(options->threshold >= 0 && options->threshold <= 1))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "threshold %g is out of range", options->threshold),
								"A threshold is a probability between 0 and 1.");
	if (options->width < 1 || options->height < 1)
		return status_error(LS_INVALID_ARGUMENT, "mask size %d x %d is not positive", options->width, options->height);
	return status_ok();
}

Status
mask_create(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
			const MaskOptions *options, Image *mask, Image *probabilities)
{
	MapBlend	blend = {.call = call,.maps = maps,.count = count};
	Status		status;

	memset(mask, 0, sizeof *mask);
	if (probabilities != NULL)
		memset(probabilities, 0, sizeof *probabilities);
	TRY(check_options(options));
	status = image_create(call, options->width, options->height, 1, mask);
	if (status.code == LS_OK && probabilities != NULL)
		status = image_create(call, options->width, options->height, 1, probabilities);
	if (status.code == LS_OK)
		status = blend_create(&blend, weights, options->width, options->height);
	if (status.code == LS_OK)
		status = write_rows(&blend, options->threshold, mask, probabilities);
	if (status.code == LS_OK && options->largest_component)
		status = mask_keep_largest(call, mask);
	if (status.code == LS_OK && options->fill_holes)
		status = mask_fill_holes(call, mask);
	blend_free(&blend);
	if (status.code != LS_OK)
	{
		image_free(call, mask);
		if (probabilities != NULL)
			image_free(call, probabilities);
	}
	return status;
}

/* Count the masks that have each pixel; *masks is how many there are. */
static Status
count_votes(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
			const MaskOptions *options, Image *votes, int *masks)
{
	const double alone = 1;

	*masks = 0;
	for (int i = 0; i < count; i++)
	{
		Image		mask;

		if (!(weights[i] > 0))
			continue;
		TRY(mask_create(call, &maps[i], &alone, 1, options, &mask, NULL));
		for (size_t p = 0; p < (size_t) votes->width * (size_t) votes->height; p++)
			votes->pixels[p] += mask.pixels[p] != 0;
		image_free(call, &mask);
		++*masks;
	}
	return status_ok();
}

Status
mask_disagreement(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
				  const MaskOptions *options, double *disagreement)
{
	Image		votes;
	int			masks;
	int64_t		areas = 0;
	int64_t		shared = 0;
	Status		status;

	TRY(check_options(options));
	TRY(image_create(call, options->width, options->height, 1, &votes));
	memset(votes.pixels, 0, (size_t) votes.width * (size_t) votes.height);
	status = count_votes(call, maps, weights, count, options, &votes, &masks);
	if (status.code == LS_OK)
	{
		for (size_t p = 0; p < (size_t) votes.width * (size_t) votes.height; p++)
		{
			areas += votes.pixels[p];
			shared += votes.pixels[p] * (votes.pixels[p] - 1);
		}

		/* Over ordered pairs of masks: intersections over half the areas. */
		*disagreement = areas == 0 || masks < 2 ? 0 : 1 - (double) shared / ((double) areas * (masks - 1));
	}
	image_free(call, &votes);
	return status;
}

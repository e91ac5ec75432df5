/*
 * mask.c: see mask.h.
 *
 * It works row by row, so that no whole resized map is in memory, and no mask
 * that is only wanted as PNG.
 */
#include "infer/mask.h"

#include <string.h>

#include "measure/components.h"

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
write_rows(const Call *call, MapBlend *blend, double threshold, Image *mask, Image *map)
{
	for (int y = 0; y < mask->height; y++)
	{
		size_t		offset = (size_t) y * (size_t) mask->width;

		if (y % POLL_ROWS == 0)
			TRY(call_poll(call));
		write_row(blend_row(blend, y), mask->width, (float) threshold, mask->pixels + offset,
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

/* Change a mask of the threshold as the options say. */
static Status
change_mask(const Call *call, const MaskOptions *options, const Image *probabilities, Image *mask)
{
	if (options->points != NULL)
		TRY(points_bind(call, options->points, probabilities, mask));
	if (options->largest_component)
		TRY(mask_keep_largest(call, mask));
	return options->fill_holes ? mask_fill_holes(call, mask) : status_ok();
}

Status
mask_create(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
			const MaskOptions *options, Image *mask, Image *probabilities)
{
	bool		wanted = probabilities != NULL;
	Image		own = {0};
	MapBlend	blend = {.call = call};
	Status		status;

	memset(mask, 0, sizeof *mask);
	if (!wanted && options->points != NULL)
		probabilities = &own;
	if (probabilities != NULL)
		memset(probabilities, 0, sizeof *probabilities);
	TRY(check_options(options));
	status = image_create(call, options->width, options->height, 1, mask);
	if (status.code == LS_OK && probabilities != NULL)
		status = image_create(call, options->width, options->height, 1, probabilities);
	if (status.code == LS_OK)
		status = blend_create(&blend, maps, weights, count, options->second, options->width, options->height);
	if (status.code == LS_OK)
		status = write_rows(call, &blend, options->threshold, mask, probabilities);
	blend_free(&blend);
	if (status.code == LS_OK)
		status = change_mask(call, options, probabilities, mask);
	image_free(call, &own);
	if (status.code != LS_OK)
	{
		image_free(call, mask);
		if (wanted)
			image_free(call, probabilities);
	}
	return status;
}

/* Encode rows as they are made; `row` has room for one. */
static Status
encode_rows(MapBlend *blend, const MaskOptions *options, uint8_t *row, PngWriter *writer)
{
	for (int y = 0; y < options->height; y++)
	{
		write_row(blend_row(blend, y), options->width, (float) options->threshold, row, NULL);
		TRY(png_writer_rows(writer, row, 1));
	}
	return status_ok();
}

/* Make a mask of which nobody needs to know all rows. */
static Status
create_png_by_rows(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
				   const MaskOptions *options, EncodedImage *png)
{
	MapBlend	blend = {.call = call};
	PngWriter  *writer = NULL;
	void	   *row = NULL;
	Status		status;

	TRY(image_check_size(call, options->width, options->height));
	status = blend_create(&blend, maps, weights, count, options->second, options->width, options->height);
	if (status.code == LS_OK)
		status = call_alloc_array(call, (size_t) options->width, 1, &row);
	if (status.code == LS_OK)
		status = png_writer_create(call, options->width, options->height, 1, true, &writer);
	if (status.code == LS_OK)
		status = encode_rows(&blend, options, row, writer);
	if (status.code == LS_OK)
		status = png_writer_finish(writer, png);
	png_writer_free(writer);
	call_free(call, row);
	blend_free(&blend);
	return status;
}

Status
mask_create_png(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
				const MaskOptions *options, EncodedImage *png)
{
	Image		mask;
	Status		status;

	memset(png, 0, sizeof *png);
	TRY(check_options(options));
	if (options->points == NULL && !options->largest_component && !options->fill_holes)
		return create_png_by_rows(call, maps, weights, count, options, png);
	TRY(mask_create(call, maps, weights, count, options, &mask, NULL));
	status = png_encode(call, &mask, png);
	image_free(call, &mask);
	return status;
}

/* Count the masks that have each pixel; *masks is how many there are. */
static Status
count_votes(const Call *call, const ProbabilityMap *maps, const double *weights, int count,
			const MaskOptions *options, Image *votes, int *masks)
{
	const double alone = 1;
	MaskOptions one = *options;
	SecondLook	second;

	one.points = NULL;
	*masks = 0;
	for (int i = 0; i < count; i++)
	{
		Image		mask;

		if (!(weights[i] > 0))
			continue;
		if (options->second != NULL)
		{
			second = *options->second;
			second.maps += i;
			one.second = &second;
		}
		TRY(mask_create(call, maps == NULL ? NULL : &maps[i], &alone, 1, &one, &mask, NULL));
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

/*
 * segment.c: one image from bytes to mask.
 *
 * What is kept from call to call (the plan, the probabilities at network
 * size, the tables of the last output size) belongs to the network's host;
 * what a call makes belongs to the host that was lent for it, so that an
 * error or a cancel in one call leaves the segmenter ready for the next.
 */
#include "learn/segment.h"

#include <string.h>

#include "image/codec.h"
#include "learn/bilinear.h"

#define ROWS_PER_POLL 64

struct Segmenter
{
	const HostContext *owner;	/* the network's: of all that is kept */
	const HostContext *host;	/* of the current call */
	int			size;			/* network input width and height */
	Predictor  *predictor;
	float	   *probabilities;	/* (size, size) */
	Bilinear	resize;
};

Status
segmenter_create(const Network *network, const EngineChoice *choice, Segmenter **result)
{
	const HostContext *owner = network->host;
	Segmenter  *segmenter;
	Status		status;
	void	   *memory;

	*result = NULL;
	if (network->image_size < 1)
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "the network has not been trained"),
								"Train it first, or set the image size its weights were made for.");
	TRY(network_check_size(network, network->image_size, network->image_size));
	TRY(host_alloc_array(owner, 1, sizeof(Segmenter), &memory));
	segmenter = memory;
	segmenter->owner = owner;
	segmenter->host = owner;
	segmenter->size = network->image_size;
	bilinear_init(&segmenter->resize, owner, segmenter->size);

	status = predictor_create(network, choice, 1, segmenter->size, segmenter->size, &segmenter->predictor);
	if (status.code == LS_OK)
	{
		status = host_alloc_array(owner, (size_t) segmenter->size * (size_t) segmenter->size,
								  sizeof(float), &memory);
		segmenter->probabilities = memory;
	}
	if (status.code != LS_OK)
	{
		segmenter_free(segmenter);
		return status;
	}
	*result = segmenter;
	return status_ok();
}

void
segmenter_free(Segmenter *segmenter)
{
	if (segmenter == NULL)
		return;
	predictor_free(segmenter->predictor);
	bilinear_free(&segmenter->resize);
	host_free(segmenter->owner, segmenter->probabilities);
	host_free(segmenter->owner, segmenter);
}

size_t
segmenter_memory(const Segmenter *segmenter)
{
	return sizeof(Segmenter) + predictor_memory(segmenter->predictor) +
		(size_t) segmenter->size * (size_t) segmenter->size * sizeof(float) +
		bilinear_memory(&segmenter->resize);
}

const Predictor *
segmenter_predictor(const Segmenter *segmenter)
{
	return segmenter->predictor;
}

void
segmenter_set_host(Segmenter *segmenter, const HostContext *host)
{
	segmenter->host = host;
}

/* Decode at network size; the caller frees *image also on failure. */
static Status
decode_input(const Segmenter *segmenter, const void *bytes, size_t size, Image *image)
{
	const HostContext *host = segmenter->host;
	Image		decoded = {0};
	Status		status;

	TRY(image_decode_at_least(host, bytes, size, DECODE_RGB, segmenter->size, segmenter->size, &decoded));
	if (decoded.width == segmenter->size && decoded.height == segmenter->size)
	{
		*image = decoded;
		return status_ok();
	}
	status = image_resize(host, &decoded, segmenter->size, segmenter->size, image);
	image_free(host, &decoded);
	return status;
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

/* Resize the probabilities to the size of mask and write it. */
static Status
write_mask(Segmenter *segmenter, float threshold, Image *mask, Image *map)
{
	bilinear_start(&segmenter->resize);
	for (int y = 0; y < mask->height; y++)
	{
		size_t		offset = (size_t) y * (size_t) mask->width;
		const float *row = bilinear_row(&segmenter->resize, segmenter->probabilities, y);

		if (y % ROWS_PER_POLL == 0)
			TRY(host_poll(segmenter->host));
		write_row(row, mask->width, threshold, mask->pixels + offset,
				  map == NULL ? NULL : map->pixels + offset);
	}
	return status_ok();
}

/* Decode and predict into segmenter->probabilities. */
static Status
predict(Segmenter *segmenter, const void *bytes, size_t size)
{
	Image		input = {0};
	Status		status = decode_input(segmenter, bytes, size, &input);

	if (status.code == LS_OK)
		status = host_poll(segmenter->host);
	if (status.code == LS_OK)
		status = predictor_run(segmenter->predictor, input.pixels, segmenter->probabilities);
	image_free(segmenter->host, &input);
	return status;
}

/* The size to write: the one asked for, or the image's own. */
static Status
output_size(const Segmenter *segmenter, const void *bytes, size_t size, int *width, int *height)
{
	ImageInfo	info;

	if (*width == 0 && *height == 0)
	{
		TRY(image_info(segmenter->host, bytes, size, &info));
		*width = info.width;
		*height = info.height;
	}
	if (*width < 1 || *height < 1)
		return status_with_hint(
								status_error(LS_INVALID_ARGUMENT, "mask size %d x %d is not positive", *width, *height),
								"Give both, or neither for the image's own size.");
	return status_ok();
}

Status
segment_image(Segmenter *segmenter, const void *bytes, size_t size, double threshold,
			  int width, int height, Image *mask, Image *probabilities)
{
	const HostContext *host = segmenter->host;
	Status		status;

	memset(mask, 0, sizeof *mask);
	if (probabilities != NULL)
		memset(probabilities, 0, sizeof *probabilities);
	if (!(threshold >= 0 && threshold <= 1))
		return status_with_hint(status_error(LS_INVALID_ARGUMENT, "threshold %g is out of range", threshold),
								"A threshold is a probability between 0 and 1.");
	TRY(output_size(segmenter, bytes, size, &width, &height));
	TRY(predict(segmenter, bytes, size));
	TRY(bilinear_prepare(&segmenter->resize, width, height));

	status = image_create(host, width, height, 1, mask);
	if (status.code == LS_OK && probabilities != NULL)
		status = image_create(host, width, height, 1, probabilities);
	if (status.code == LS_OK)
		status = write_mask(segmenter, (float) threshold, mask, probabilities);
	if (status.code != LS_OK)
	{
		image_free(host, mask);
		if (probabilities != NULL)
			image_free(host, probabilities);
	}
	return status;
}

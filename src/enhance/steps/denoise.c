/*
 * denoise.c: non-local means. A pixel becomes the mean of the pixels around it,
 * weighted by the similarity of their surroundings.
 *
 * Similarity is measured on luma, transformed so that noise is NLM_UNIT
 * everywhere; every channel is averaged with the same weights. Work goes by
 * tiles that fit a core's cache. For each offset of the search window the
 * squared differences of a whole tile are summed over patches by running sums,
 * so the cost of a pixel does not depend on the size of a patch.
 */
#include <math.h>
#include <string.h>

#include "core/threads.h"
#include "enhance/kernels.h"
#include "enhance/quality/noise_model.h"
#include "enhance/steps/row_window.h"
#include "enhance/steps/steps.h"

#define LEAST_SIGMA 0.7			/* below this there is no noise to speak of */
#define OFFSETS_BETWEEN_POLLS 4000	/* of a tile, by one thread */

typedef struct Denoise
{
	RowWindow	window;
	Image	   *image;
	NlmTile    *tiles;			/* one per thread */
	uint16_t	guide_of[256];	/* luma to guide */
	const EnhanceKernels *kernels;
	int			across;			/* tiles across the image */
	NlmSettings settings;
} Denoise;

/* Fill the planes of a tile whose first pixel is (left, top) of the window. */
static void
load_tile(const Denoise *denoise, int left, int top, NlmTile *tile)
{
	const RowWindow *window = &denoise->window;
	int			margin = window->margin;
	int			channels = window->image->channels;

	for (int y = 0; y < tile->rows + 2 * margin; y++)
	{
		const uint8_t *in = row_window_at(window, top + y - margin) + (ptrdiff_t) (left - margin) * channels;
		size_t		row = (size_t) y * NLM_STRIDE;

		for (int x = 0; x < tile->width + 2 * margin; x++, in += channels)
		{
			tile->guide[row + (size_t) x] = denoise->guide_of[pixel_luma(in, channels)];
			for (int c = 0; c < channels; c++)
				tile->planes[c][row + (size_t) x] = in[c];
		}
	}
}

/* Write the means of a tile into the image. */
static void
store_tile(const NlmTile *tile, Image *image, int left, int top)
{
	for (int y = 0; y < tile->rows; y++)
	{
		uint8_t    *out = image_row(image, top + y) + (size_t) left * (size_t) image->channels;
		size_t		row = (size_t) y * NLM_TILE_WIDTH;

		for (int x = 0; x < tile->width; x++, out += image->channels)
		{
			uint32_t	weight = tile->weights[row + (size_t) x];

			for (int c = 0; c < image->channels; c++)
				out[c] = (uint8_t) ((tile->sums[c][row + (size_t) x] + weight / 2) / weight);
		}
	}
}

/* Denoise tiles begin .. end of the window. */
static void
denoise_tiles(void *data, int worker, long begin, long end)
{
	Denoise    *denoise = data;
	RowWindow  *window = &denoise->window;
	Image	   *image = denoise->image;
	NlmTile    *tile = &denoise->tiles[worker];

	for (long i = begin; i < end; i++)
	{
		int			left = (int) (i % denoise->across) * NLM_TILE_WIDTH;
		int			top = (int) (i / denoise->across) * NLM_TILE_ROWS;

		tile->channels = image->channels;
		tile->settings = denoise->settings;
		tile->width = image->width - left < NLM_TILE_WIDTH ? image->width - left : NLM_TILE_WIDTH;
		tile->rows = window->rows - top < NLM_TILE_ROWS ? window->rows - top : NLM_TILE_ROWS;
		load_tile(denoise, left, top, tile);
		memset(tile->sums, 0, sizeof tile->sums);
		denoise->kernels->nlm_tile(tile);
		store_tile(tile, image, left, window->first + top);
	}
}

/*
 * Set the distances at which the weight begins to fall and reaches 0. Two
 * noisy copies of one patch differ by 2 sigma^2 per pixel on average; the
 * standard deviation of that depends on the number of pixels.
 */
static void
set_limits(NlmSettings *settings)
{
	double		pixels = (2 * settings->patch + 1) * (2 * settings->patch + 1);
	double		mean = 2 * NLM_UNIT * NLM_UNIT * pixels;
	double		deviation = 2 * NLM_UNIT * NLM_UNIT * sqrt(2 * pixels);

	settings->near = (uint16_t) mean;
	settings->far = (uint16_t) (mean + 4 * deviation);
}

/* Tiles that all threads denoise between two polls. */
static long
tiles_between_polls(const Call *call, const NlmSettings *settings)
{
	long		offsets = (2L * settings->search + 1) * (2L * settings->search + 1);

	return call->threads * (OFFSETS_BETWEEN_POLLS / offsets + 1);
}

Status
step_denoise(const Call *call, const EnhanceOptions *options, Image *image)
{
	Denoise    *denoise;
	NoiseModel	model;
	void	   *memory;
	Status		status;

	TRY(noise_model_estimate(call, image, &model));
	if (noise_model_sigma(&model, 128) < LEAST_SIGMA)
		return status_ok();
	TRY(call_alloc_array(call, 1, sizeof(Denoise), &memory));
	denoise = memory;
	denoise->image = image;
	denoise->kernels = enhance_kernels();
	denoise->settings.patch = (int) options->denoise_patch;
	denoise->settings.search = (int) options->denoise_search;
	set_limits(&denoise->settings);
	denoise->across = (image->width - 1) / NLM_TILE_WIDTH + 1;
	/* a larger strength has the effect of more noise */
	noise_model_stabilise(&model, NLM_UNIT / options->denoise_strength, LEAST_SIGMA / 2, denoise->guide_of);

	status = call_alloc_array(call, (size_t) call->threads, sizeof(NlmTile), &memory);
	denoise->tiles = memory;
	if (status.code == LS_OK)
		status = row_window_create(call, image, denoise->settings.patch + denoise->settings.search, BLOCK_ROWS,
								   &denoise->window);
	while (status.code == LS_OK && row_window_next(&denoise->window))
		status = threads_run_polled(call, (long) denoise->across * ((denoise->window.rows - 1) / NLM_TILE_ROWS + 1),
									tiles_between_polls(call, &denoise->settings), denoise_tiles, denoise);
	row_window_free(call, &denoise->window);
	call_free(call, denoise->tiles);
	call_free(call, denoise);
	return status;
}

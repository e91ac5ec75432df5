/*
 * sharpen.c: unsharp masking: blur the image by as much as it is blurred
 * already, and add the difference to it.
 *
 * The blur is a tent, separable, summed by whole rows. Differences within the
 * noise are dropped, and larger ones are reduced by as much.
 */
#include <math.h>

#include "core/threads.h"
#include "enhance/kernels.h"
#include "enhance/quality/noise_model.h"
#include "enhance/steps/row_window.h"
#include "enhance/steps/steps.h"

#define RADIUS_MAX 12			/* (radius + 1)^4 * 255 * 2 fits 32 bits */

typedef struct Sharpen
{
	Image	   *image;
	RowWindow	window;
	int			radius;
	int			amount;			/* in 1/256 */
	int			core;			/* differences up to this are noise */
	uint32_t   *sums;			/* per thread: a row of the window summed down, one summed across */
	const EnhanceKernels *kernels;
} Sharpen;

static void
sharpen_rows(void *data, int worker, long begin, long end)
{
	Sharpen    *task = data;
	int			radius = task->radius;
	int			channels = task->image->channels;
	int			count = (int) samples_in_row(task->image);
	uint32_t	area = (uint32_t) ((radius + 1) * (radius + 1) * (radius + 1) * (radius + 1));
	uint32_t   *down = task->sums + (size_t) worker * 2 * task->window.stride;
	uint32_t   *across = down + task->window.stride;

	for (long y = begin; y < end; y++)
	{
		const uint8_t *in = row_window_at(&task->window, (int) y);
		uint8_t    *out = image_row(task->image, task->window.first + y);

		for (size_t i = 0; i < task->window.stride; i++)
			down[i] = 0;
		for (int k = -radius; k <= radius; k++)
			task->kernels->add_row(down, row_window_at(&task->window, (int) y + k) - radius * channels,
								   (uint32_t) (radius + 1 - (k < 0 ? -k : k)), (int) task->window.stride);
		for (int i = 0; i < count; i++)
			across[i] = area / 2;
		for (int k = -radius; k <= radius; k++)
		{
			const uint32_t *from = down + (radius + k) * channels;
			uint32_t	weight = (uint32_t) (radius + 1 - (k < 0 ? -k : k));

#pragma omp simd
			for (int i = 0; i < count; i++)
				across[i] += weight * from[i];
		}
		for (int i = 0; i < count; i++)
		{
			int			detail = in[i] - (int) (across[i] / area);
			int			size = (detail < 0 ? -detail : detail) - task->core;

			if (size > 0)
				out[i] = to_byte(in[i] + (detail < 0 ? -1 : 1) * ((size * task->amount + 128) >> 8));
		}
	}
}

/* The distance over which the image is smooth, in pixels. */
static Status
measure_radius(const Call *call, const Image *image, double *radius)
{
	int			shorter = image->width < image->height ? image->width : image->height;
	Quality		quality;

	TRY(quality_measure(call, image, &quality));
	*radius = shorter / quality.resolution;
	return status_ok();
}

Status
step_sharpen(const Call *call, const EnhanceOptions *options, Image *image)
{
	Sharpen		task = {.image = image, .kernels = enhance_kernels()};
	double		radius = options->sharpen_radius;
	NoiseModel	noise;
	void	   *memory;
	Status		status;

	if (radius <= 0)
		TRY(measure_radius(call, image, &radius));
	TRY(noise_model_estimate(call, image, &noise));
	task.radius = (int) fmax(1, fmin(RADIUS_MAX, radius + 0.5));
	task.amount = (int) (256 * options->sharpen_amount + 0.5);
	task.core = (int) (1.5 * noise_model_sigma(&noise, 128));
	TRY(row_window_create(call, image, task.radius, BLOCK_ROWS, &task.window));
	status = call_alloc_array(call, (size_t) call->threads * 2 * task.window.stride, sizeof(uint32_t), &memory);
	task.sums = memory;
	while (status.code == LS_OK && row_window_next(&task.window))
		status = threads_run_polled(call, task.window.rows, rows_between_polls(image) / task.radius, sharpen_rows,
									&task);
	call_free(call, task.sums);
	row_window_free(call, &task.window);
	return status;
}

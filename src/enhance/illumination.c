/*
 * illumination.c: make the light even, by dividing by it.
 *
 * The light is a quadratic surface fitted to a small frame; gains follow from
 * it pixel by pixel, so nothing but the image itself is in memory.
 */
#include <math.h>

#include "core/threads.h"
#include "enhance/light_surface.h"
#include "enhance/steps.h"

#define GAIN_ONE 4096
#define GAIN_MOST 5.0			/* darker places hold nothing worth more */

typedef struct Illumination
{
	Image	   *image;
	LightSurface surface;
	long		first;			/* row at which the block begins */
} Illumination;

/* Multiply rows begin .. end of the block by the surface's maximum over its
 * value. */
static void
even_rows(void *data, int worker, long begin, long end)
{
	Illumination *task = data;
	const double *terms = task->surface.terms;
	Image	   *image = task->image;
	float		high = (float) task->surface.high;
	float		least = (float) (task->surface.high / GAIN_MOST);

	(void) worker;
	for (long row = task->first + begin; row < task->first + end; row++)
	{
		uint8_t    *sample = image_row(image, row);
		double		y = (2 * (double) row + 1) / image->height - 1;
		float		constant = (float) (terms[0] + terms[2] * y + terms[5] * y * y);
		float		linear = (float) (terms[1] + terms[4] * y);
		float		square = (float) terms[3];
		float		step = 2.0f / (float) image->width;

		for (int i = 0; i < image->width; i++, sample += image->channels)
		{
			float		x = ((float) i + 0.5f) * step - 1;
			float		light = constant + (linear + square * x) * x;
			int			gain = (int) (GAIN_ONE * (high / (light < least ? least : light)) + 0.5f);

			gain = gain < GAIN_ONE ? GAIN_ONE : gain;
			for (int c = 0; c < image->channels; c++)
				sample[c] = to_byte((sample[c] * gain + GAIN_ONE / 2) / GAIN_ONE);
		}
	}
}

Status
step_illumination(const HostContext *host, const EnhanceOptions *options, Image *image)
{
	Illumination task = {.image = image};
	Image		frame;

	(void) options;
	TRY(quality_frame(host, image, &frame));
	light_surface_fit(&frame, &task.surface);
	image_free(host, &frame);
	if (task.surface.high <= LIGHT_BLACK)
		return status_ok();
	for (; task.first < image->height; task.first += BLOCK_ROWS)
	{
		long		left = image->height - task.first;

		TRY(host_poll(host));
		threads_run(host->threads, left < BLOCK_ROWS ? left : BLOCK_ROWS, even_rows, &task);
	}
	return status_ok();
}

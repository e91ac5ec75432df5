/*
 * illumination.c: make the light even, by dividing by it.
 *
 * The light is a quadratic surface fitted to a small frame. Where the frame is
 * brighter than the surface, a part of the difference counts as light, too: the
 * larger, the darker the surface is. Without that, a dark edge that the surface
 * does not follow would become too bright. In good light the part is small, so
 * skin of another shade keeps its difference. Gains are computed pixel by
 * pixel, so only the image itself is in memory.
 */
#include <math.h>

#include "core/threads.h"
#include "enhance/quality/light_surface.h"
#include "enhance/steps/steps.h"

#define GAIN_ONE 4096
#define GAIN_MOST 5.0			/* darker places hold too little detail for more */

typedef struct Illumination
{
	Image	   *image;
	LightSurface surface;
} Illumination;

/* The excess for one row of pixels, interpolated between rows of cells. */
static void
excess_of_row(const LightSurface *surface, double y, float excess[LIGHT_CELLS])
{
	double		at = (y + 1) / 2 * LIGHT_CELLS - 0.5;
	int			above = at < 0 ? 0 : at > LIGHT_CELLS - 2 ? LIGHT_CELLS - 2 : (int) at;
	float		part = (float) fmin(fmax(at - above, 0), 1);

	for (int i = 0; i < LIGHT_CELLS; i++)
		excess[i] = surface->excess[above][i] + part * (surface->excess[above + 1][i] - surface->excess[above][i]);
}

/* The excess at x, -1 .. 1, in that row. */
static inline float
excess_at(const float excess[LIGHT_CELLS], float x)
{
	float		at = (x + 1) / 2 * LIGHT_CELLS - 0.5f;
	int			left = at < 0 ? 0 : at > LIGHT_CELLS - 2 ? LIGHT_CELLS - 2 : (int) at;
	float		part = fminf(fmaxf(at - (float) left, 0), 1);

	return excess[left] + part * (excess[left + 1] - excess[left]);
}

/* Multiply rows begin .. end by the most light over the light
 * there. */
static void
even_rows(void *data, int worker, long begin, long end)
{
	Illumination *task = data;
	const double *terms = task->surface.terms;
	Image	   *image = task->image;
	float		high = (float) task->surface.high;
	float		least = (float) (task->surface.high / GAIN_MOST);

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		uint8_t    *sample = image_row(image, row);
		double		y = (2 * (double) row + 1) / image->height - 1;
		float		constant = (float) (terms[0] + terms[2] * y + terms[5] * y * y);
		float		linear = (float) (terms[1] + terms[4] * y);
		float		square = (float) terms[3];
		float		step = 2.0f / (float) image->width;
		float		excess[LIGHT_CELLS];

		excess_of_row(&task->surface, y, excess);
		for (int i = 0; i < image->width; i++, sample += image->channels)
		{
			float		x = ((float) i + 0.5f) * step - 1;
			float		surface = fmaxf(0, constant + (linear + square * x) * x);
			float		light = surface + excess_at(excess, x) * (1 - surface / high);
			int			gain = (int) (GAIN_ONE * (high / (light < least ? least : light)) + 0.5f);

			gain = gain < GAIN_ONE ? GAIN_ONE : gain;
			for (int c = 0; c < image->channels; c++)
				sample[c] = to_byte((sample[c] * gain + GAIN_ONE / 2) / GAIN_ONE);
		}
	}
}

Status
step_illumination(const Call *call, const EnhanceOptions *options, Image *image)
{
	Illumination task = {.image = image};
	Image		frame;

	(void) options;
	TRY(quality_frame(call, image, &frame));
	light_surface_fit(&frame, &task.surface);
	image_free(call, &frame);
	if (task.surface.high <= LIGHT_BLACK)
		return status_ok();
	return threads_run_polled(call, image->height, rows_between_polls(image), even_rows, &task);
}

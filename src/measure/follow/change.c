/*
 * change.c: see change.h.
 */
#include "measure/follow/change.h"

#include <math.h>
#include <string.h>

#include "core/threads.h"

#define POLL_PIXELS (1L << 20)

/* The pixel of an image at a point; NULL if it is outside. */
static inline const uint8_t *
pixel_at(const Image *image, double x, double y)
{
	if (!(x >= 0 && y >= 0 && x < image->width && y < image->height))
		return NULL;
	return image->pixels + ((size_t) y * (size_t) image->width + (size_t) x) * (size_t) image->channels;
}

typedef struct ChangeTask
{
	const Image *before;
	const Image *after;
	const Similarity *map;
	LesionChange *changes;		/* one for each thread */
} ChangeTask;

/* Compare rows [begin, end). */
static void
compare_rows(void *data, int worker, long begin, long end)
{
	const ChangeTask *task = data;
	const Similarity *map = task->map;
	LesionChange change = {0};

	for (long row = begin; row < end; row++)
	{
		const uint8_t *was = task->before->pixels + (size_t) row * (size_t) task->before->width;
		double		y = (double) row + 0.5;

		for (int column = 0; column < task->before->width; column++)
		{
			double		x = column + 0.5;
			const uint8_t *is = pixel_at(task->after, map->a * x - map->b * y + map->x0,
										 map->b * x + map->a * y + map->y0);

			if (is == NULL)
				continue;
			change.common++;
			change.before += was[column] != 0;
			change.after += *is != 0;
			change.fresh += was[column] == 0 && *is != 0;
			change.gone += was[column] != 0 && *is == 0;
		}
	}
	task->changes[worker].common += change.common;
	task->changes[worker].before += change.before;
	task->changes[worker].after += change.after;
	task->changes[worker].fresh += change.fresh;
	task->changes[worker].gone += change.gone;
}

Status
change_measure(const Call *call, const Image *before, const Image *after, const Similarity *map,
			   LesionChange *change)
{
	ChangeTask	task = {before, after, map, NULL};
	void	   *memory;
	Status		status;

	memset(change, 0, sizeof *change);
	TRY(call_alloc_array(call, (size_t) call->threads, sizeof(LesionChange), &memory));
	task.changes = memory;
	status = threads_run_polled(call, before->height, POLL_PIXELS / before->width, compare_rows, &task);
	for (int worker = 0; worker < call->threads; worker++)
	{
		change->common += task.changes[worker].common;
		change->before += task.changes[worker].before;
		change->after += task.changes[worker].after;
		change->fresh += task.changes[worker].fresh;
		change->gone += task.changes[worker].gone;
	}
	call_free(call, memory);
	return status;
}

/* Arguments of warp_rows. */
typedef struct WarpTask
{
	const Image *after;
	const Similarity *map;
	Image	   *warped;
} WarpTask;

/* Interpolate between pixels, whose centres are at whole numbers here; edges
 * are extended. */
static inline uint8_t
sample_between(const Image *image, double x, double y, int channel)
{
	int			left = (int) fmax(fmin(floor(x), image->width - 2), 0);
	int			top = (int) fmax(fmin(floor(y), image->height - 2), 0);
	int			right = left + 1 < image->width ? left + 1 : left;
	int			bottom = top + 1 < image->height ? top + 1 : top;
	double		across = fmax(fmin(x - left, 1), 0);
	double		down = fmax(fmin(y - top, 1), 0);
	const uint8_t *pixels = image->pixels + channel;
	size_t		step = (size_t) image->channels;
	size_t		row = (size_t) image->width * step;
	double		upper = (1 - across) * pixels[(size_t) top * row + (size_t) left * step] +
		across * pixels[(size_t) top * row + (size_t) right * step];
	double		lower = (1 - across) * pixels[(size_t) bottom * row + (size_t) left * step] +
		across * pixels[(size_t) bottom * row + (size_t) right * step];

	return (uint8_t) lrint((1 - down) * upper + down * lower);
}

/* Fill rows [begin, end). */
static void
warp_rows(void *data, int worker, long begin, long end)
{
	const WarpTask *task = data;
	const Similarity *map = task->map;
	const Image *after = task->after;
	bool		is_mask = after->channels == 1;

	(void) worker;
	for (long row = begin; row < end; row++)
	{
		uint8_t    *out = task->warped->pixels + (size_t) row * (size_t) task->warped->width * (size_t) after->channels;

		for (int column = 0; column < task->warped->width; column++)
		{
			double		x = map->a * (column + 0.5) - map->b * ((double) row + 0.5) + map->x0;
			double		y = map->b * (column + 0.5) + map->a * ((double) row + 0.5) + map->y0;
			const uint8_t *pixel = pixel_at(after, x, y);

			for (int c = 0; c < after->channels; c++)
				*out++ = pixel == NULL ? (is_mask ? 0 : 255) : is_mask ? *pixel :
					sample_between(after, x - 0.5, y - 0.5, c);
		}
	}
}

Status
change_warp(const Call *call, const Image *after, const Similarity *map, int width, int height, Image *warped)
{
	WarpTask	task = {after, map, warped};
	Status		status;

	TRY(image_create(call, width, height, after->channels, warped));
	status = threads_run_polled(call, height, POLL_PIXELS / width, warp_rows, &task);
	if (status.code != LS_OK)
		image_free(call, warped);
	return status;
}

/*
 * asymmetry.c: see asymmetry.h.
 */
#include "measure/shape/asymmetry.h"

#include <math.h>

#include "core/threads.h"
#include "measure/mask_has.h"

#define POLL_PIXELS (1L << 22)

Mirror
mirror_make(const MirrorAxis *axis, bool right_angles)
{
	double		angle = (right_angles ? axis->degrees + 90 : axis->degrees) * M_PI / 180;
	double		across = axis->spacing.across;
	double		down = axis->spacing.down;

	/* the matrix 2 u u' - 1 for the axis' direction u; y points down */
	return (Mirror) {
		.x = axis->x,.y = axis->y,
		.xx = cos(2 * angle),.xy = -sin(2 * angle) * down / across,
		.yx = -sin(2 * angle) * across / down,.yy = -cos(2 * angle)
	};
}

typedef struct MirrorTask
{
	const Image *mask;
	const Mirror *mirror;
	int64_t	   *lesion;			/* counts of pixels, one for each thread */
	int64_t	   *alone;			/* of which the mirror image is none */
} MirrorTask;

/* Compare the lesion pixels in rows [begin, end). */
static void
mirror_rows(void *data, int worker, long begin, long end)
{
	const MirrorTask *task = data;
	const Image *mask = task->mask;
	const Mirror *mirror = task->mirror;

	for (long y = begin; y < end; y++)
	{
		const uint8_t *row = mask->pixels + (size_t) y * (size_t) mask->width;
		double		dy = (double) y + 0.5 - mirror->y;
		double		x_at = mirror->x + mirror->xy * dy;
		double		y_at = mirror->y + mirror->yy * dy;
		int64_t		lesion = 0;
		int64_t		alone = 0;

		for (int x = 0; x < mask->width; x++)
		{
			double		dx = x + 0.5 - mirror->x;

			if (row[x] == 0)
				continue;
			lesion++;
			alone += !mask_has(mask, (int) floor(x_at + mirror->xx * dx), (int) floor(y_at + mirror->yx * dx));
		}
		task->lesion[worker] += lesion;
		task->alone[worker] += alone;
	}
}

Status
asymmetry_measure(const Call *call, const Image *mask, const Mirror *mirror, double *asymmetry)
{
	MirrorTask	task = {mask, mirror, NULL, NULL};
	int64_t		lesion = 0;
	int64_t		alone = 0;
	void	   *memory;
	Status		status;

	TRY(call_alloc_array(call, 2 * (size_t) call->threads, sizeof(int64_t), &memory));
	task.lesion = memory;
	task.alone = task.lesion + call->threads;
	status = threads_run_polled(call, mask->height, POLL_PIXELS / mask->width, mirror_rows, &task);
	for (int worker = 0; worker < call->threads; worker++)
	{
		lesion += task.lesion[worker];
		alone += task.alone[worker];
	}
	*asymmetry = lesion > 0 ? (double) alone / (double) lesion : 0;
	call_free(call, memory);
	return status;
}

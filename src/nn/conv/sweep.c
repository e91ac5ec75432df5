/*
 * sweep.c: see sweep.h.
 */
#include "nn/conv/sweep.h"

/* All of y. */
static void
plan_forward(const ConvolutionShape *shape, Sweeps *sweeps)
{
	Sweep	   *sweep = &sweeps->sweeps[0];

	sweeps->source_step = shape->stride;
	sweeps->target_step = 1;
	sweep->rows = shape->y.h;
	sweep->columns = shape->y.w;
	sweep->tap_count = shape->kernel * shape->kernel;
	for (int t = 0; t < sweep->tap_count; t++)
		sweeps->taps[t] = (SweepTap) {t, t / shape->kernel - shape->padding, t % shape->kernel - shape->padding};
}

/*
 * One phase of dx. Pixel x of the input meets pixel y of the output at tap k
 * if y * stride = x + padding - k. With x = phase + j * stride that is y = j +
 * (phase + padding - k) / stride, and only taps without a remainder count.
 */
static void
plan_phase(const ConvolutionShape *shape, int phase, Sweeps *sweeps)
{
	int			stride = shape->stride;
	Sweep	   *sweep = &sweeps->sweeps[phase];

	sweep->first_tap = phase == 0 ? 0 : sweep[-1].first_tap + sweep[-1].tap_count;
	sweep->start_y = phase / stride;
	sweep->start_x = phase % stride;
	sweep->rows = (shape->x.h - sweep->start_y + stride - 1) / stride;
	sweep->columns = (shape->x.w - sweep->start_x + stride - 1) / stride;
	if (sweep->rows <= 0 || sweep->columns <= 0)
		sweep->rows = sweep->columns = 0;
	for (int t = 0; t < shape->kernel * shape->kernel; t++)
	{
		int			y = sweep->start_y + shape->padding - t / shape->kernel;
		int			x = sweep->start_x + shape->padding - t % shape->kernel;

		if (y % stride == 0 && x % stride == 0)
			sweeps->taps[sweep->first_tap + sweep->tap_count++] = (SweepTap) {t, y / stride, x / stride};
	}
}

Status
sweeps_create(const Host *host, const ConvolutionShape *shape, ConvolutionPass pass, Sweeps *sweeps)
{
	void	   *memory;

	*sweeps = (Sweeps) {.count = pass == PASS_FORWARD ? 1 : shape->stride * shape->stride};
	TRY(host_alloc_array(host, sweeps->count, sizeof(Sweep), &memory));
	sweeps->sweeps = memory;
	TRY(host_alloc_array(host, (size_t) shape->kernel * shape->kernel, sizeof(SweepTap), &memory));
	sweeps->taps = memory;
	if (pass == PASS_FORWARD)
		plan_forward(shape, sweeps);
	else
	{
		sweeps->source_step = 1;
		sweeps->target_step = shape->stride;
		for (int phase = 0; phase < sweeps->count; phase++)
			plan_phase(shape, phase, sweeps);
	}
	return status_ok();
}

void
sweeps_free(const Host *host, Sweeps *sweeps)
{
	host_free(host, sweeps->sweeps);
	host_free(host, sweeps->taps);
}

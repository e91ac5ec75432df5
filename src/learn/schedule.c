/*
 * schedule.c: the learning rate of each step (declared in trainer.h).
 */
#include <math.h>

#include "learn/trainer.h"

#define WARM_UP_SHARE 0.3
#define START_DIVISOR 25.0
#define END_DIVISOR 1e4			/* start rate over end rate, as in PyTorch */

const char *const schedule_names[] = {
	[SCHEDULE_ONE_CYCLE] = "one_cycle",
	[SCHEDULE_CONSTANT] = "constant",
	NULL,
};

/* Go from `from` to `to` along half a cosine; share in 0..1. */
static double
cosine_between(double from, double to, double share)
{
	return to + (from - to) / 2 * (1 + cos(M_PI * share));
}

/*
 * One cycle: half a cosine from peak / 25 up to peak over the first 30 % of the
 * steps, half a cosine down to peak / 250000 over the rest (Smith and Topin,
 * arXiv:1708.07120; the values of PyTorch's OneCycleLR at its defaults). A run
 * too short for a warm-up starts at the peak.
 */
static double
one_cycle_rate(double peak, long step, long steps)
{
	double		start = peak / START_DIVISOR;
	double		end = start / END_DIVISOR;
	double		peak_step = fmax(WARM_UP_SHARE * (double) steps - 1, 0);
	double		last_step = (double) (steps - 1);

	if ((double) step < peak_step)
		return cosine_between(start, peak, (double) step / peak_step);
	if (last_step <= peak_step)
		return peak;
	return cosine_between(peak, end, ((double) step - peak_step) / (last_step - peak_step));
}

double
schedule_rate(Schedule schedule, double rate, long step, long steps)
{
	return schedule == SCHEDULE_CONSTANT ? rate : one_cycle_rate(rate, step, steps);
}

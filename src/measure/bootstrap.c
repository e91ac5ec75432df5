/*
 * bootstrap.c: see bootstrap.h.
 */
#include "measure/bootstrap.h"

#include <stdlib.h>

#include "core/rng.h"

#define FIGURES_PER_POLL (1 << 18)	/* figures that are drawn between two polls */

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The mean of a draw of count with replacement. *figures: how many were drawn since the last poll. */
static Status
draw_mean(const Call *call, Rng *rng, const double *differences, size_t count, size_t *figures, double *mean)
{
	double		sum = 0;

	for (size_t i = 0; i < count; i++)
	{
		sum += differences[rng_below(rng, count)];
		if (++*figures == FIGURES_PER_POLL)
		{
			*figures = 0;
			TRY(call_poll(call));
		}
	}
	*mean = sum / (double) count;
	return status_ok();
}

/* The value below which `share` of the sorted values lie, interpolated
 * linearly. */
static double
percentile(const double *sorted, int count, double share)
{
	double		place = share * (count - 1);
	int			below = (int) place;

	if (below >= count - 1)
		return sorted[count - 1];
	return sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
}

Status
bootstrap_mean(const Call *call, const double *differences, size_t count, int draws, double confidence,
			   uint64_t seed, BootstrapInterval *interval)
{
	Rng			rng;
	double		sum = 0;
	double	   *means;
	void	   *memory;
	size_t		figures = 0;
	Status		status = status_ok();

	TRY(call_alloc_array(call, (size_t) draws, sizeof *means, &memory));
	means = memory;
	rng_seed(&rng, seed, 0);
	for (int i = 0; i < draws && status.code == LS_OK; i++)
		status = draw_mean(call, &rng, differences, count, &figures, &means[i]);
	if (status.code == LS_OK)
	{
		for (size_t i = 0; i < count; i++)
			sum += differences[i];
		qsort(means, (size_t) draws, sizeof *means, compare_doubles);
		interval->mean = sum / (double) count;
		interval->low = percentile(means, draws, (1 - confidence) / 2);
		interval->high = percentile(means, draws, (1 + confidence) / 2);
	}
	call_free(call, memory);
	return status;
}

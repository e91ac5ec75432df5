/*
 * bootstrap.c: see bootstrap.h.
 */
#include "measure/bootstrap.h"

#include <stdlib.h>

#include "core/rng.h"

#define DRAWS_PER_POLL 64

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

/* The mean of a draw of count with replacement. */
static double
draw_mean(Rng *rng, const double *differences, size_t count)
{
	double		sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += differences[rng_below(rng, count)];
	return sum / (double) count;
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
	Status		status = status_ok();

	TRY(call_alloc_array(call, (size_t) draws, sizeof *means, &memory));
	means = memory;
	rng_seed(&rng, seed, 0);
	for (int i = 0; i < draws && status.code == LS_OK; i++)
	{
		if (i % DRAWS_PER_POLL == 0)
			status = call_poll(call);
		means[i] = draw_mean(&rng, differences, count);
	}
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

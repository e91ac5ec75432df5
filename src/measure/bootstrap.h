/*
 * bootstrap.h: how certain a mean difference is.
 *
 * The paired bootstrap (Efron and Tibshirani, An Introduction to the
 * Bootstrap, 1993, chapter 13): as many images as there are are drawn with
 * replacement, each with its difference between the two versions, and the mean
 * difference of the draw is noted. Percentiles over many draws are the
 * interval's bounds.
 */
#ifndef LESIONSEG_MEASURE_BOOTSTRAP_H
#define LESIONSEG_MEASURE_BOOTSTRAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/call.h"
#include "core/status.h"

typedef struct BootstrapInterval
{
	double		mean;			/* mean of the differences */
	double		low;			/* percentiles (1 - confidence) / 2 */
	double		high;			/* and (1 + confidence) / 2 of the draws */
} BootstrapInterval;

/*
 * The interval of the mean of count > 0 differences from `draws` > 0 draws
 * with the generator of `seed`: the same arguments give the same interval on
 * every machine. 0 < confidence < 1.
 */
Status		bootstrap_mean(const Call *call, const double *differences, size_t count, int draws,
						   double confidence, uint64_t seed, BootstrapInterval *interval);

#endif

/*
 * average.c: see average.h.
 */
#include "learn/average.h"

#include <math.h>

#include "core/threads.h"

long
average_first_step(double share, long steps)
{
	return steps - lround(share * (double) steps);
}

typedef struct AddTask
{
	float	   *mean;
	const float *weights;
	float		share;			/* of the new weights in the mean */
} AddTask;

static void
add_weights(void *data, int worker, long begin, long end)
{
	const AddTask *task = data;

	(void) worker;
#pragma omp simd
	for (long i = begin; i < end; i++)
		task->mean[i] += (task->weights[i] - task->mean[i]) * task->share;
}

void
average_add(int threads, float *mean, const float *weights, size_t weight_count, long count)
{
	AddTask		task = {mean, weights, (float) (1 / (double) count)};

	threads_run(threads, (long) weight_count, add_weights, &task);
}

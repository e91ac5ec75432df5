/*
 * threads.c: see threads.h.
 */
#define _GNU_SOURCE
#include "core/threads.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

void
threads_use(int threads)
{
	static int	created = 1;	/* the pool's size; the main thread is in it */

	if (threads < 1)
		threads = 1;
	omp_set_dynamic(0);
	omp_set_num_threads(threads);

	/*
	 * libgomp ends surplus threads when a smaller region runs and starts new
	 * ones when a larger one follows, so the mask is needed at each growth.
	 */
	if (threads != created)
	{
		sigset_t	all;
		sigset_t	before;

		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
#pragma omp parallel num_threads(threads)
		{
			__asm__ volatile("":::"memory");
		}
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		created = threads;
	}
}

int
threads_available(void)
{
	cpu_set_t	set;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return CPU_COUNT(&set);
	return omp_get_num_procs();
}

void
threads_run(int threads, long count, ThreadsTask task, void *data)
{
	if (threads <= 1 || count <= 1)
	{
		task(data, 0, 0, count);
		return;
	}
#pragma omp parallel num_threads(threads)
	{
		long		worker = omp_get_thread_num();
		long		workers = omp_get_num_threads();
		long		begin = count * worker / workers;
		long		end = count * (worker + 1) / workers;

		if (begin < end)
			task(data, (int) worker, begin, end);
	}
}

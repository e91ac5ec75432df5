/*
 * threads.c: see threads.h.
 */
#define _GNU_SOURCE
#include "core/threads.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>

void
threads_block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

void
threads_restore_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* As many of so many threads as the runtime will give: OMP_THREAD_LIMIT in the
 * environment bounds it. Libraries that divide work among more wait for ever. */
static int
obtainable(int threads)
{
	int			limit = omp_get_thread_limit();

	return threads < 1 ? 1 : threads < limit ? threads : limit;
}

void
threads_use(int threads)
{
	omp_set_dynamic(0);
	omp_set_num_threads(obtainable(threads));
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
	sigset_t	before;

	threads = obtainable(threads);
	if (threads <= 1 || count <= 1)
	{
		task(data, 0, 0, count);
		return;
	}
	threads_block_signals(&before);
#pragma omp parallel num_threads(threads)
	{
		long		worker = omp_get_thread_num();
		long		workers = omp_get_num_threads();
		long		begin = count * worker / workers;
		long		end = count * (worker + 1) / workers;

		if (begin < end)
			task(data, (int) worker, begin, end);
	}
	threads_restore_signals(&before);
}

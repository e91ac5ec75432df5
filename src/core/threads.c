/*
 * threads.c: see threads.h.
 */
#define _GNU_SOURCE
#include "core/threads.h"

#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#ifdef __SSE2__
#include <pmmintrin.h>
#endif

#define MOST_TRIED 1024			/* as many as lesionseg.threads may ask for */

/* Make this thread treat denormals as zeros, both read and written; returns
 * the mode before. Does nothing on processors without such a mode. */
static unsigned
flush_denormals(void)
{
#ifdef __SSE2__
	unsigned	before = _mm_getcsr();

	_mm_setcsr(before | _MM_FLUSH_ZERO_ON | _MM_DENORMALS_ZERO_ON);
	return before;
#else
	return 0;
#endif
}

static void
restore_denormals(unsigned before)
{
#ifdef __SSE2__
	_mm_setcsr(before);
#else
	(void) before;
#endif
}

void
threads_enter(ThreadsState *before)
{
	sigset_t	all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before->signals);
	before->float_mode = flush_denormals();
}

void
threads_leave(const ThreadsState *before)
{
	restore_denormals(before->float_mode);
	pthread_sigmask(SIG_SETMASK, &before->signals, NULL);
}

bool
threads_signalled(void *unused)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGQUIT, SIGALRM, SIGUSR1};
	sigset_t	waiting;

	(void) unused;
	if (sigpending(&waiting) != 0)
		return false;
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		if (sigismember(&waiting, signals[i]) == 1)
			return true;
	return false;
}

/*
 * Limit a number of threads to what the runtime will start (OMP_THREAD_LIMIT
 * in the environment). A library that divides its work among more threads than
 * run waits for ever.
 */
static int
obtainable(int threads)
{
	int			limit = omp_get_thread_limit();

	return threads < 1 ? 1 : threads < limit ? threads : limit;
}

void
threads_use(int threads)
{
	omp_set_dynamic(0);			/* as many threads as asked for, however busy the machine is */
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

/* Wait until the gate opens. */
static void *
pass_gate(void *gate)
{
	pthread_mutex_lock(gate);
	pthread_mutex_unlock(gate);
	return NULL;
}

/* The threads that this process has. */
static int
threads_running(void)
{
	struct stat tasks;

	/* Linux counts the folders in it, one for each, and two of its own. */
	return stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2 ? (int) tasks.st_nlink - 2 : 1;
}

int
threads_startable(int threads)
{
	int			running = threads_running();
	int			wanted = threads - running + 1;
	pthread_t	tried[MOST_TRIED];
	pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
	ThreadsState before;
	int			count = 0;

	if (threads <= running)
		return threads;
	if (wanted > MOST_TRIED)
		wanted = MOST_TRIED;
	threads_enter(&before);
	pthread_mutex_lock(&gate);
	while (count < wanted && pthread_create(&tried[count], NULL, pass_gate, &gate) == 0)
		count++;
	pthread_mutex_unlock(&gate);
	for (int i = 0; i < count; i++)
		pthread_join(tried[i], NULL);
	threads_leave(&before);
	if (count == wanted)
		return threads;
	return count > 0 ? running + count - 1 : running;
}

void
threads_run(int threads, long count, ThreadsTask task, void *data)
{
	ThreadsState before;

	threads = obtainable(threads);
	if (threads <= 1 || count <= 1)
	{
		unsigned	float_mode = flush_denormals();

		task(data, 0, 0, count);
		restore_denormals(float_mode);
		return;
	}
	threads_enter(&before);
	omp_set_dynamic(0);
#pragma omp parallel num_threads(threads)
	{
		long		worker = omp_get_thread_num();
		long		workers = omp_get_num_threads();
		long		begin = count * worker / workers;
		long		end = count * (worker + 1) / workers;

		flush_denormals();		/* pool threads keep this mode: libraries use them next */
		if (begin < end)
			task(data, (int) worker, begin, end);
	}
	threads_leave(&before);
}

/* One block of a polled run. */
typedef struct Block
{
	ThreadsTask task;
	void	   *data;
	long		first;			/* number of the block's first item */
} Block;

static void
run_block(void *data, int worker, long begin, long end)
{
	Block	   *block = data;

	block->task(block->data, worker, block->first + begin, block->first + end);
}

Status
threads_run_polled(const Call *call, long count, long block, ThreadsTask task, void *data)
{
	Block		piece = {task, data, 0};

	block = block < 1 ? 1 : block;
	for (; piece.first < count; piece.first += block)
	{
		long		left = count - piece.first;

		TRY(call_poll(call));
		threads_run(call->threads, left < block ? left : block, run_block, &piece);
	}
	return status_ok();
}

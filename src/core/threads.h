/*
 * threads.h: the one OpenMP pool that our loops, oneDNN and OpenBLAS share.
 *
 * Pool threads are created with every signal blocked, so that a server's
 * signal handlers only ever run on its main thread. libgomp ends surplus
 * threads when a smaller region runs. When a larger one follows, it starts new
 * threads, which inherit the signal mask of that moment; a library may cause
 * this at any call. So signals are blocked on the main thread, too, during all
 * work that may open a parallel region: threads_run does this itself; calls
 * into oneDNN and OpenBLAS stand between threads_enter and threads_leave.
 * Between such pieces of work, signals arrive.
 *
 * During this work denormal numbers count as zeros. They are too small to
 * matter to an image or a network, but arithmetic with them is many times
 * slower. The server's own arithmetic, on the main thread between such pieces
 * of work, keeps denormals.
 */
#ifndef LESIONSEG_CORE_THREADS_H
#define LESIONSEG_CORE_THREADS_H

#include <signal.h>

#include "core/call.h"

/* The main thread's settings that our work changes, to restore them. */
typedef struct ThreadsState
{
	sigset_t	signals;
	unsigned	float_mode;
} ThreadsState;

/* Block every signal on this thread and flush denormals to zero; *before
 * receives what to restore. */
void		threads_enter(ThreadsState *before);

/* Restore signals and denormals. */
void		threads_leave(const ThreadsState *before);

/*
 * Has a signal come that is kept from its handler until threads_leave: a
 * cancel, a timeout, a shutdown? Any thread may ask, so this is a poll for
 * calls of pool threads; the main thread then finds out what it means.
 */
bool		threads_signalled(void *unused);

/* Set the number of threads that oneDNN and OpenBLAS use from now on; our own
 * loops name theirs to threads_run. OMP_THREAD_LIMIT may make it less. */
void		threads_use(int threads);

/* Cores this process may run on. */
int			threads_available(void);

/*
 * So many of these threads, at least 1, can be started now: where memory or the
 * tasks of a user or service are limited, that may be fewer. libgomp would end
 * the process (exit) where it cannot start one. Those that do not run yet are
 * tried all at once, with one more for what another process takes in the
 * meantime.
 */
int			threads_startable(int threads);

/* Work on items [begin, end); worker is 0 .. threads-1. Must not use the main thread's call. */
typedef void (*ThreadsTask) (void *data, int worker, long begin, long end);

/*
 * Split [0, count) into one contiguous piece per thread and run task on each;
 * returns when all are done. The split depends on count and threads alone, so
 * sums over pieces are reproducible. Fewer threads than asked for may run
 * (OMP_THREAD_LIMIT, or a region inside another).
 */
void		threads_run(int threads, long count, ThreadsTask task, void *data);

/*
 * The same in blocks of `block` items; call is polled before each block.
 * Choose `block` so that all threads finish it in much less than 200 ms, the
 * time in which a cancel must take effect; below 1 counts as 1. task receives
 * item numbers in [0, count). LS_CANCELLED when the caller wants to stop.
 */
Status		threads_run_polled(const Call *call, long count, long block, ThreadsTask task, void *data);

#endif

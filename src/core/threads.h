/*
 * threads.h: the one OpenMP pool that our loops, oneDNN and OpenBLAS share.
 *
 * Pool threads are created with every signal blocked, so that a server's
 * signal handlers only ever run on its main thread. libgomp ends surplus
 * threads when a smaller region runs and starts new ones, with the mask of
 * the moment, when a larger one follows; a library may do that at any call.
 * So every piece of work that may open a parallel region runs with signals
 * blocked on the main thread too: threads_run does it itself, calls into
 * oneDNN and OpenBLAS stand between threads_enter and threads_leave. Between
 * such pieces, signals arrive.
 *
 * In all of this work denormal numbers are zeros: they are too small to mean
 * anything to an image or a network, and a network whose values fade into
 * them would be many times slower. The server's own arithmetic, on the main
 * thread between such pieces, keeps them; pool threads do not.
 */
#ifndef LESIONSEG_CORE_THREADS_H
#define LESIONSEG_CORE_THREADS_H

#include <signal.h>

#include "core/call.h"

/* What of the main thread is different during our work. */
typedef struct ThreadsState
{
	sigset_t	signals;
	unsigned	float_mode;
} ThreadsState;

/* Block every signal on this thread and flush denormals to zero; *before
 * receives what to restore. */
void		threads_enter(ThreadsState *before);

/* Let signals and denormals in again. */
void		threads_leave(const ThreadsState *before);

/* Set the size of the parallel regions that follow, our own and those of
 * oneDNN and OpenBLAS; less where OMP_THREAD_LIMIT allows no more. */
void		threads_use(int threads);

/* Cores this process may run on. */
int			threads_available(void);

/* Work on items [begin, end); worker is 0 .. threads-1. Must not call the
 * call. */
typedef void (*ThreadsTask) (void *data, int worker, long begin, long end);

/* Split [0, count) into one contiguous piece per thread and run task on
 * each; returns when all are done. The split depends on count and threads
 * alone, so sums over pieces are reproducible. Fewer threads than asked for
 * may run (OMP_THREAD_LIMIT, a region inside of another). */
void		threads_run(int threads, long count, ThreadsTask task, void *data);

/* The same in blocks of so many items, with call polled before each: `block`
 * is what all threads do in much less than the 200 ms in which a cancel must
 * take effect; one below 1 counts as 1. task gets the items' numbers in the
 * whole. LS_CANCELLED when the caller wants to stop. */
Status		threads_run_polled(const Call *call, long count, long block, ThreadsTask task, void *data);

#endif

/*
 * threads.h: the one OpenMP pool that our loops, oneDNN and OpenBLAS share.
 *
 * Pool threads are created with every signal blocked, so that a server's
 * signal handlers only ever run on its main thread. libgomp keeps a pool per
 * thread that opens a parallel region; only the main thread does.
 */
#ifndef LESIONSEG_CORE_THREADS_H
#define LESIONSEG_CORE_THREADS_H

/* Make the pool's size at least `threads` under a full signal mask, and set
 * it as the size of the parallel regions that follow. Call before any
 * OpenMP, oneDNN or OpenBLAS work; cheap when nothing changes. */
void		threads_use(int threads);

/* Cores this process may run on. */
int			threads_available(void);

/* Work on items [begin, end); worker is 0 .. threads-1. Must not call the
 * host. */
typedef void (*ThreadsTask) (void *data, int worker, long begin, long end);

/* Split [0, count) into one contiguous piece per thread and run task on
 * each; returns when all are done. The split depends on count and threads
 * alone, so sums over pieces are reproducible. */
void		threads_run(int threads, long count, ThreadsTask task, void *data);

#endif

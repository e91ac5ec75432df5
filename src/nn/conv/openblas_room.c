/*
 * openblas_room.c: see openblas_room.h.
 *
 * OpenBLAS maps a buffer for each thread that multiplies beside others, when it first does, and keeps it. Where that
 * fails, as under ulimit -v or vm.overcommit_memory = 2, it tries again for ever, and our threads take no signal. So
 * the buffers are mapped before, where there is room for them. OpenBLAS exports the two functions that its own call,
 * but its header does not declare them; a library without them is used as it is.
 */
#include "nn/conv/openblas_room.h"

#include <stddef.h>

#include "nn/conv/room.h"

/* A buffer of OpenBLAS 0.3 takes 128 MB on x86-64, less elsewhere. */
#define BUFFER_ROOM ((size_t) 160 * 1024 * 1024)

/* The most buffers that are mapped before: a library built for few threads has twice as many as these. */
#define MOST_BUFFERS 64

extern void *blas_memory_alloc(int place) __attribute__((weak));
extern void blas_memory_free(void *buffer) __attribute__((weak));

Status
openblas_need_room(int threads)
{
	static int	mapped = 0;
	void	   *buffers[MOST_BUFFERS];
	size_t		size;
	int			wanted = threads < MOST_BUFFERS ? threads : MOST_BUFFERS;

	if (wanted <= mapped || blas_memory_alloc == NULL || blas_memory_free == NULL)
		return status_ok();
	size = (size_t) (wanted - mapped) * BUFFER_ROOM;
	if (!room_for(size))
		return status_with_hint(status_error(LS_OUT_OF_MEMORY, "no memory is left for the buffers of OpenBLAS: they "
											 "take %zu MB", size >> 20),
								"Let the process have more (ulimit -v), or SET lesionseg.threads to fewer than %d.",
								wanted);
	for (int i = 0; i < wanted; i++)
		buffers[i] = blas_memory_alloc(0);
	for (int i = 0; i < wanted; i++)
		blas_memory_free(buffers[i]);
	mapped = wanted;
	return status_ok();
}

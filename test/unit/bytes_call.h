/*
 * bytes_call.h: a call that counts the bytes it has given out.
 */
#ifndef LESIONSEG_TEST_BYTES_CALL_H
#define LESIONSEG_TEST_BYTES_CALL_H

#include <malloc.h>
#include <stdlib.h>

#include "core/call.h"

/* Bytes that a call has in use, and had at most. */
typedef struct Bytes
{
	size_t		now;
	size_t		most;
} Bytes;

static void *
bytes_alloc(void *user, size_t size)
{
	Bytes	   *bytes = user;
	void	   *memory = aligned_alloc(64, (size + 63) / 64 * 64);

	bytes->now += malloc_usable_size(memory);
	bytes->most = bytes->now > bytes->most ? bytes->now : bytes->most;
	return memory;
}

static void
bytes_free(void *user, void *memory)
{
	Bytes	   *bytes = user;

	if (memory != NULL)
		bytes->now -= malloc_usable_size(memory);
	free(memory);
}

/* A call that counts into bytes, which start at zero. */
static inline Call
bytes_call(Bytes *bytes)
{
	Call call = *call_standalone();

	*bytes = (Bytes) {0};
	call.host.alloc = bytes_alloc;
	call.host.free = bytes_free;
	call.host.user = bytes;
	return call;
}

#endif

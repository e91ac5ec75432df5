/*
 * call.h: what the surrounding program lends to the library for one call:
 * memory for what the call makes, a way to stop, limits and threads.
 *
 * Library code receives a `const Call *`, keeps it nowhere after the call, and
 * polls it often enough that a cancel takes effect within 200 ms. Inside
 * PostgreSQL src/pg/base/call.c fills it in; tests use call_standalone().
 */
#ifndef LESIONSEG_CORE_CALL_H
#define LESIONSEG_CORE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/host.h"
#include "core/status.h"

typedef struct Call
{
	Host		host;			/* of what the call makes */

	/* True when the caller wants to stop; then return LS_CANCELLED. Called from
	 * the main thread only. NULL = never. */
	bool		(*poll) (void *user);
	void	   *user;			/* of poll */

	int64_t		max_pixels;		/* width * height of an image that is decoded */
	int			threads;		/* threads to use, >= 1 */

	/* One more format that images may have, beside those of src/image; NULL
	 * for none. src/image/codec/formats.h says what it is. */
	const struct ImageCodec *codec;
} Call;

/* A call for programs without a server: host_standalone(), no poll, 100
 * megapixels, one thread. */
const Call *call_standalone(void);

/* A call for a pool thread that works for `call`: memory that any thread may
 * ask for, the same limits, one thread, and no poll, which is the main
 * thread's. */
Call		call_on_thread(const Call *call);

/* Allocate size bytes (64-byte aligned) into *memory; size 0 gives NULL. */
Status		call_alloc(const Call *call, size_t size, void **memory);

/* Set size bytes to zero. A page of memory is not there before it is touched,
 * so much of it takes its time: the call is polled on the way. */
Status		call_clear(const Call *call, void *memory, size_t size);

/* Allocate count * size bytes, cleared; overflow is LS_LIMIT_EXCEEDED. */
Status		call_alloc_array(const Call *call, size_t count, size_t size, void **memory);

/* Release memory from call_alloc*. NULL is allowed. */
void		call_free(const Call *call, void *memory);

/* LS_CANCELLED when the caller wants to stop, else OK. */
Status		call_poll(const Call *call);

#endif

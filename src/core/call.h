/*
 * call.h: what the surrounding program lends to the library for one call:
 * memory for results, a way to stop, limits and threads.
 *
 * Library code receives a `const Call *`, does not keep it after the call, and
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
	Host		host;			/* memory for what the call makes */

	/* True when the caller wants to stop; then return LS_CANCELLED. Called from
	 * the main thread only, but in a call of call_on_thread. NULL = never. */
	bool		(*poll) (void *user);
	void	   *user;			/* argument of poll */

	int64_t		max_pixels;		/* largest width * height of an image to decode */
	int			threads;		/* threads to use, >= 1 */

	/* One more image format beside those of src/image; NULL for none.
	 * ImageCodec is declared in src/image/codec/formats.h. */
	const struct ImageCodec *codec;
} Call;

/* A call for programs without a server: host_standalone(), no poll, 100
 * megapixels, one thread. */
const Call *call_standalone(void);

/*
 * A call for a pool thread that works for `call`: the same limits, memory that
 * any thread may allocate, one thread, and no poll, because only the main
 * thread may poll. The caller may set one that any thread may call
 * (threads_signalled).
 */
Call		call_on_thread(const Call *call);

/* Allocate size bytes (64-byte aligned) into *memory; size 0 gives NULL. */
Status		call_alloc(const Call *call, size_t size, void **memory);

/*
 * Set size bytes to zero. The system provides a page of memory when it is
 * first written, so a large block takes long: the call is polled in between.
 */
Status		call_clear(const Call *call, void *memory, size_t size);

/* Allocate count * size bytes, cleared; overflow is LS_LIMIT_EXCEEDED. */
Status		call_alloc_array(const Call *call, size_t count, size_t size, void **memory);

/* Release memory from call_alloc*. NULL is allowed. */
void		call_free(const Call *call, void *memory);

/* Rows of an image between two polls: a million pixels of the widest image. */
#define POLL_ROWS 16

/* LS_CANCELLED when the caller wants to stop, else OK. */
Status		call_poll(const Call *call);

#endif

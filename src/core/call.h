/*
 * call.h: what the surrounding program lends to the library.
 *
 * Inside PostgreSQL src/pg/base/call.c fills this in with memory contexts,
 * interrupt flags and NOTICEs; tests use call_standalone(). Library code
 * receives a `const Call *`, allocates only through it and calls poll
 * often enough that a cancel takes effect within 200 ms.
 *
 * All callbacks are called from the main thread only, never from a pool
 * thread. They return; they do not longjmp.
 */
#ifndef LESIONSEG_CORE_CALL_H
#define LESIONSEG_CORE_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef enum LogLevel
{
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_WARNING
} LogLevel;

typedef struct Call
{
	/* Return size bytes aligned to 64, not cleared, or NULL. size > 0. */
	void	   *(*alloc) (void *user, size_t size);
	/* Release what alloc returned. NULL is allowed. */
	void		(*free) (void *user, void *memory);
	/* True when the caller wants to stop; then return LS_CANCELLED. */
	bool		(*poll) (void *user);
	/* Tell the user something. May be NULL. */
	void		(*log) (void *user, LogLevel level, const char *message);

	/*
	 * One temporary file per Call, for data that exceeds max_memory.
	 * Both return false on failure (report LS_HOST_ERROR). NULL when the
	 * call offers no temporary file.
	 */
	bool		(*spill_write) (void *user, int64_t offset, const void *data, size_t size);
	bool		(*spill_read) (void *user, int64_t offset, void *data, size_t size);

	void	   *user;
	size_t		max_memory;		/* bytes of the largest block one operation may allocate */
	int64_t		max_pixels;		/* width * height of an image that is decoded */
	int			threads;		/* threads to use, >= 1 */

	/* One more format that images may have, beside those of src/image; NULL
	 * for none. src/image/formats.h says what it is. */
	const struct ImageCodec *codec;
} Call;

/* A call for programs without a server: aligned malloc, no poll, log to
 * stderr, 4 GiB, 100 megapixels, one thread, spilling to tmpfile(). */
const Call *call_standalone(void);

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

/* Log a printf-formatted line at level. */
void		host_log(const Call *call, LogLevel level, const char *format,...)
			__attribute__((format(printf, 3, 4)));

#endif

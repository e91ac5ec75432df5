/*
 * host.h: where lasting memory comes from.
 *
 * Objects that outlive a call (a network, a plan, a data set) receive a Host
 * when they are made; the Host must outlive them. What belongs to one call,
 * such as when to stop, is in core/call.h. Inside PostgreSQL
 * src/pg/base/host.c fills a Host in with a memory context; tests use
 * host_standalone().
 *
 * Callbacks are called from the main thread only, never from a pool thread.
 * They return; they do not longjmp.
 */
#ifndef LESIONSEG_CORE_HOST_H
#define LESIONSEG_CORE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/status.h"

typedef struct Host
{
	/* Return size bytes aligned to 64, not cleared, or NULL. size > 0. */
	void	   *(*alloc) (void *user, size_t size);
	/* Release what alloc returned. NULL is allowed. */
	void		(*free) (void *user, void *memory);

	/*
	 * One temporary file per Host, for data that exceeds max_memory. Both
	 * return false on failure (report LS_HOST_ERROR). NULL when the host
	 * offers no temporary file.
	 */
	bool		(*spill_write) (void *user, int64_t offset, const void *data, size_t size);
	bool		(*spill_read) (void *user, int64_t offset, void *data, size_t size);

	void	   *user;
	size_t		max_memory;		/* largest block that may be allocated, in bytes */
} Host;

/* A host for programs without a server, and for pool threads: aligned malloc,
 * 4 GiB, spilling to tmpfile(). */
const Host *host_standalone(void);

/* The bytes of an array; overflow is LS_LIMIT_EXCEEDED. */
Status		array_bytes(size_t count, size_t size, size_t *bytes);

/* Allocate size bytes (64-byte aligned) into *memory; size 0 gives NULL. */
Status		host_alloc(const Host *host, size_t size, void **memory);

/*
 * Allocate count * size bytes, cleared; overflow is LS_LIMIT_EXCEEDED. For
 * some megabytes at most: clearing more takes so long that a call must be
 * polled (use call_alloc_array).
 */
Status		host_alloc_array(const Host *host, size_t count, size_t size, void **memory);

/* Release memory from host_alloc*. NULL is allowed. */
void		host_free(const Host *host, void *memory);

#endif

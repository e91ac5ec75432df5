/*
 * host.h: memory contexts as the library's lasting memory, and what the process has taken.
 */
#ifndef LESIONSEG_PG_BASE_HOST_H
#define LESIONSEG_PG_BASE_HOST_H

#include "postgres.h"

#include "core/host.h"

/*
 * Make a host. It and its allocations are in context and are freed with it. It
 * has no temporary file. Its limit is the present value of
 * lesionseg.max_memory.
 */
const Host *host_create(MemoryContext context);

/* Allocate size bytes aligned to 64 in context; NULL if there is no memory. */
void	   *host_context_alloc(MemoryContext context, size_t size);

/* Free what host_context_alloc returned, as Host.free. */
void		host_context_free(void *user, void *memory);

/* Bytes that this process has from malloc, below memory contexts and libraries alike. */
size_t		process_bytes(void);

#endif

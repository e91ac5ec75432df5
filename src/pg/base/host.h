/*
 * host.h: memory contexts as the library's memory that stays.
 */
#ifndef LESIONSEG_PG_BASE_HOST_H
#define LESIONSEG_PG_BASE_HOST_H

#include "postgres.h"

#include "core/host.h"

/* A host, in context itself, whose allocations live in context and go with it.
 * It has no temporary file. lesionseg.max_memory of now is its limit. */
const Host *host_create(MemoryContext context);

/* Allocate size bytes aligned to 64 in context; NULL where there is no memory. */
void	   *host_context_alloc(MemoryContext context, size_t size);

/* Free what host_context_alloc returned, as Host.free. */
void		host_context_free(void *user, void *memory);

#endif

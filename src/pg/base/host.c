/*
 * host.c: see host.h.
 */
#include "postgres.h"

#include <malloc.h>

#include "utils/memutils.h"

#include "pg/base/host.h"
#include "pg/base/settings.h"

#define HOST_ALIGNMENT 64

/* The chunk's own pointer is stored just before the aligned memory. */
void *
host_context_alloc(MemoryContext context, size_t size)
{
	const size_t overhead = sizeof(void *) + HOST_ALIGNMENT - 1;
	char	   *chunk;
	char	   *memory;

	if (size > MaxAllocHugeSize - overhead)
		return NULL;
	chunk = MemoryContextAllocExtended(context, size + overhead, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
	if (chunk == NULL)
		return NULL;
	memory = (char *) TYPEALIGN(HOST_ALIGNMENT, chunk + sizeof(void *));
	((void **) memory)[-1] = chunk;
	return memory;
}

void
host_context_free(void *user, void *memory)
{
	(void) user;
	if (memory != NULL)
		pfree(((void **) memory)[-1]);
}

static void *
host_alloc_in_context(void *user, size_t size)
{
	return host_context_alloc(user, size);
}

const Host *
host_create(MemoryContext context)
{
	Host	   *host = MemoryContextAllocZero(context, sizeof(Host));

	host->alloc = host_alloc_in_context;
	host->free = host_context_free;
	host->user = context;
	host->max_memory = (size_t) lesionseg_max_memory * 1024;
	return host;
}

size_t
process_bytes(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/*
 * host.c: see host.h.
 */
#include "core/host.h"

#include <string.h>
#include <sys/mman.h>

#include "core/checked.h"

#define HUGE_PAGE ((size_t) 2 << 20)

/*
 * Ask for huge pages for a block that is not touched yet, as far as it covers
 * whole ones. With pages of 4 kB, passes over tensors of many megabytes wait
 * for page tables (reading 256 MB on one core of a virtual machine: 15 GB/s,
 * with huge pages 36). This is only advice; a kernel without huge pages
 * ignores it.
 */
static void
advise_huge_pages(char *base, size_t size)
{
#ifdef MADV_HUGEPAGE
	size_t		before = -(uintptr_t) base & (HUGE_PAGE - 1);

	if (size >= before + HUGE_PAGE)
		(void) madvise(base + before, (size - before) & ~(HUGE_PAGE - 1), MADV_HUGEPAGE);
#else
	(void) base;
	(void) size;
#endif
}

Status
host_alloc(const Host *host, size_t size, void **memory)
{
	*memory = NULL;
	if (size == 0)
		return status_ok();
	if (size > host->max_memory)
		return status_with_hint(
								status_error(LS_LIMIT_EXCEEDED, "%zu bytes are needed, the limit is %zu",
											 size, host->max_memory),
								"Raise lesionseg.max_memory, or use a smaller image, batch or model.");
	*memory = host->alloc(host->user, size);
	if (*memory == NULL)
		return status_error(LS_OUT_OF_MEMORY, "could not allocate %zu bytes", size);
	advise_huge_pages(*memory, size);
	return status_ok();
}

Status
array_bytes(size_t count, size_t size, size_t *bytes)
{
	if (!checked_mul(count, size, bytes))
		return status_error(LS_LIMIT_EXCEEDED, "%zu items of %zu bytes do not fit in memory", count, size);
	return status_ok();
}

Status
host_alloc_array(const Host *host, size_t count, size_t size, void **memory)
{
	size_t		bytes;

	*memory = NULL;
	TRY(array_bytes(count, size, &bytes));
	TRY(host_alloc(host, bytes, memory));
	if (bytes > 0)
		memset(*memory, 0, bytes);
	return status_ok();
}

void
host_free(const Host *host, void *memory)
{
	if (memory != NULL)
		host->free(host->user, memory);
}

/*
 * arena.c: see arena.h.
 */
#include "core/arena.h"

#include <string.h>
#include <sys/mman.h>

#include "core/checked.h"

#define ARENA_ALIGNMENT 64
#define CLEAR_BLOCK ((size_t) 64 << 20)
#define HUGE_PAGE ((size_t) 2 << 20)

void
arena_init(Arena *arena, const HostContext *host)
{
	arena->host = host;
	arena->base = NULL;
	arena->size = 0;
}

Status
arena_reserve(Arena *arena, size_t bytes, size_t *offset)
{
	size_t		end;

	*offset = arena->size;
	if (!checked_add(arena->size, bytes, &end) ||
		!checked_add(end, ARENA_ALIGNMENT - 1, &end))
		return status_error(LS_LIMIT_EXCEEDED, "%zu more bytes do not fit in memory", bytes);
	arena->size = end & ~(size_t) (ARENA_ALIGNMENT - 1);
	return status_ok();
}

/*
 * Ask for huge pages under the whole ones of a block that is not touched yet:
 * passes over tensors of many megabytes otherwise wait for the tables of
 * 4 kB pages (reading 256 MB on one core of a virtual machine: 15 GB/s against
 * 36). Only advice; a kernel without them leaves things as they are.
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
arena_commit(Arena *arena, const char *what)
{
	void	   *memory;

	if (arena->size > arena->host->max_memory)
		return status_with_hint(
								status_error(LS_LIMIT_EXCEEDED,
											 "%s need %zu MB, the limit is %zu MB", what,
											 (arena->size >> 20) + 1, arena->host->max_memory >> 20),
								"Raise lesionseg.max_memory, or use a smaller image_size, batch_size or model.");
	TRY(host_alloc(arena->host, arena->size, &memory));
	arena->base = memory;
	if (arena->size > 0)
		advise_huge_pages(arena->base, arena->size);

	/* The first touch of a gigabyte takes half a second: poll in between. */
	for (size_t at = 0; at < arena->size; at += CLEAR_BLOCK)
	{
		size_t		left = arena->size - at;

		memset(arena->base + at, 0, left < CLEAR_BLOCK ? left : CLEAR_BLOCK);
		TRY(host_poll(arena->host));
	}
	return status_ok();
}

void *
arena_at(const Arena *arena, size_t offset)
{
	return arena->base + offset;
}

void
arena_free(Arena *arena)
{
	host_free(arena->host, arena->base);
	arena->base = NULL;
	arena->size = 0;
}

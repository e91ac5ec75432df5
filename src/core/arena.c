/*
 * arena.c: see arena.h.
 */
#include "core/arena.h"

#include <string.h>

#include "core/checked.h"

#define ARENA_ALIGNMENT 64

void
arena_init(Arena *arena, const Host *host)
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

Status
arena_commit(Arena *arena, const Call *call, const char *what)
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
	if (call != NULL)
		return call_clear(call, arena->base, arena->size);
	memset(arena->base, 0, arena->size);
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

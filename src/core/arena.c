/*
 * arena.c: see arena.h.
 */
#include "core/arena.h"

#include <string.h>

#include "core/checked.h"

#define ARENA_ALIGNMENT 64

void
arena_init(Arena *arena, const Call *call)
{
	arena->call = call;
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
arena_commit(Arena *arena, const char *what)
{
	void	   *memory;

	if (arena->size > arena->call->max_memory)
		return status_with_hint(
								status_error(LS_LIMIT_EXCEEDED,
											 "%s need %zu MB, the limit is %zu MB", what,
											 (arena->size >> 20) + 1, arena->call->max_memory >> 20),
								"Raise lesionseg.max_memory, or use a smaller image_size, batch_size or model.");
	TRY(call_alloc(arena->call, arena->size, &memory));
	arena->base = memory;
	return call_clear(arena->call, arena->base, arena->size);
}

void *
arena_at(const Arena *arena, size_t offset)
{
	return arena->base + offset;
}

void
arena_free(Arena *arena)
{
	call_free(arena->call, arena->base);
	arena->base = NULL;
	arena->size = 0;
}

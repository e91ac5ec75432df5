/*
 * arena.h: one block of memory, sized before it is used and freed as a whole.
 *
 * Plan first (arena_reserve, which only adds up), then arena_commit, then
 * take addresses with arena_at. Nothing is allocated while a plan runs.
 */
#ifndef LESIONSEG_CORE_ARENA_H
#define LESIONSEG_CORE_ARENA_H

#include <stddef.h>

#include "core/call.h"
#include "core/status.h"

typedef struct Arena
{
	const Host *host;
	char	   *base;			/* NULL until committed */
	size_t		size;			/* bytes reserved so far, a multiple of 64 */
} Arena;

/* Start an empty arena; its memory will come from host, which must outlive
 * it. */
void		arena_init(Arena *arena, const Host *host);

/* Reserve bytes; *offset is where they will stand, a multiple of 64. */
Status		arena_reserve(Arena *arena, size_t bytes, size_t *offset);

/*
 * Allocate all that was reserved, cleared to zero. `what` names the need in
 * the error ("training activations"). call is polled while the block is
 * cleared; NULL for a block too small to need it.
 */
Status		arena_commit(Arena *arena, const Call *call, const char *what);

/* The address of a reserved offset in a committed arena. */
void	   *arena_at(const Arena *arena, size_t offset);

/* Free the block; the arena is empty again. */
void		arena_free(Arena *arena);

#endif

/*
 * guarded.h: memory with guard bytes before and after it, and a call that
 * allocates so. A library's generated code is not seen by sanitizers; where it
 * writes beside its memory, guards notice. Under ASan guards are poisoned, so
 * that reads of them by compiled code are noticed too.
 */
#ifndef LESIONSEG_TEST_GUARDED_H
#define LESIONSEG_TEST_GUARDED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void) (at), (void) (size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void) (at), (void) (size))
#endif

#include "core/host.h"

#define GUARD_BYTES 8192		/* on each side, a multiple of 64 */
#define GUARD_VALUE 0xA5

/* Blocks found overwritten beside their bytes so far. */
static int	guard_breaches;

/* size bytes, 64-byte aligned, with the block's size before its first guard. */
static inline void *
guarded_alloc(size_t size)
{
	size_t		whole = 64 + 2 * GUARD_BYTES + (size + 63) / 64 * 64;
	unsigned char *block = aligned_alloc(64, whole);
	unsigned char *memory;

	if (block == NULL)
		return NULL;
	memory = block + 64 + GUARD_BYTES;
	memcpy(block, &size, sizeof size);
	memset(block + 64, GUARD_VALUE, GUARD_BYTES);
	memset(memory + size, GUARD_VALUE, GUARD_BYTES);
	ASAN_POISON_MEMORY_REGION(block + 64, GUARD_BYTES);
	ASAN_POISON_MEMORY_REGION(memory + size, GUARD_BYTES);
	return memory;
}

/* Release it; a guard that was written to is printed and counted. */
static inline void
guarded_free(void *memory)
{
	unsigned char *block;
	size_t		size;
	long		before = 0;
	long		after = 0;

	if (memory == NULL)
		return;
	block = (unsigned char *) memory - GUARD_BYTES - 64;
	memcpy(&size, block, sizeof size);
	ASAN_UNPOISON_MEMORY_REGION(block + 64, GUARD_BYTES);
	ASAN_UNPOISON_MEMORY_REGION((unsigned char *) memory + size, GUARD_BYTES);
	for (long i = 1; i <= GUARD_BYTES; i++)
	{
		if (((unsigned char *) memory)[-i] != GUARD_VALUE)
			before = i;
		if (((unsigned char *) memory)[size + i - 1] != GUARD_VALUE)
			after = i;
	}
	if (before > 0 || after > 0)
	{
		guard_breaches++;
		printf("# a block of %zu bytes was written to %ld bytes before and %ld after it\n", size, before, after);
	}
	free(block);
}

static inline void *
guarded_host_alloc(void *user, size_t size)
{
	(void) user;
	return guarded_alloc(size);
}

static inline void
guarded_host_free(void *user, void *memory)
{
	(void) user;
	guarded_free(memory);
}

/* A host on guarded memory. */
static inline Host
guarded_host(void)
{
	Host		host = *host_standalone();

	host.alloc = guarded_host_alloc;
	host.free = guarded_host_free;
	return host;
}

#endif

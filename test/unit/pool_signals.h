/*
 * pool_signals.h: which signals the threads of this process block, as Linux
 * sees it.
 */
#ifndef LESIONSEG_TEST_POOL_SIGNALS_H
#define LESIONSEG_TEST_POOL_SIGNALS_H

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* AddressSanitizer of GCC 13 and later lets SIGSYS in on a thread that is
 * ending (BlockSignals in its PlatformTSDDtor), for seccomp, which raises it in
 * the thread that made the call and in no other. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZER_SIGNALS ((uint64_t) 1 << (SIGSYS - 1))
#else
#define SANITIZER_SIGNALS ((uint64_t) 0)
#endif

/* Every signal that can be blocked: all but KILL and STOP, and the two that
 * the C library keeps for itself (32 and 33). */
#define BLOCKABLE_SIGNALS (~(uint64_t) 0 & ~((uint64_t) 1 << (SIGKILL - 1)) & ~((uint64_t) 1 << (SIGSTOP - 1)) & \
						   ~((uint64_t) 3 << 31) & ~SANITIZER_SIGNALS)

/* Does the kernel know what this program blocks? memcheck (which runs the quick
 * tests) and an emulator (RUN of test/tools/unit) keep that to themselves. */
static inline bool
masks_are_known(void)
{
	return getenv("LESIONSEG_TEST_QUICK") == NULL && getenv("RUN") == NULL;
}

/* The signals that thread `id` of this process blocks, one bit each; all when
 * the thread has gone, or has ended and is about to go: the kernel then says of
 * it that it has 0 threads and blocks nothing. */
static inline uint64_t
blocked_signals(long id)
{
	char		path[64];
	char		line[256];
	unsigned long long mask = ~0ULL;	/* what a thread without a status is taken for */
	int			threads = 1;
	FILE	   *file;

	snprintf(path, sizeof path, "/proc/self/task/%ld/status", id);
	file = fopen(path, "r");
	if (file == NULL)
		return mask;
	while (fgets(line, sizeof line, file) != NULL)
		if ((sscanf(line, "Threads: %d", &threads) == 1 && threads == 0) ||
			sscanf(line, "SigBlk: %llx", &mask) == 1)
			break;
	fclose(file);
	return mask;
}

/* Count the threads beside the main one, and those of them that leave a
 * signal unblocked. */
static inline void
count_pool_threads(int *threads, int *open)
{
	DIR		   *directory = opendir("/proc/self/task");
	struct dirent *entry;

	*threads = *open = 0;
	while (directory != NULL && (entry = readdir(directory)) != NULL)
	{
		long		id = atol(entry->d_name);

		if (id <= 0 || id == getpid())
			continue;
		++*threads;
		if ((blocked_signals(id) & BLOCKABLE_SIGNALS) != BLOCKABLE_SIGNALS)
			++*open;
	}
	if (directory != NULL)
		closedir(directory);
}

#endif

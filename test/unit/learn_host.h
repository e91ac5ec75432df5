/*
 * learn_host.h: a host for tests that counts what is allocated, can ask to
 * stop after a number of polls and keeps its own temporary file.
 */
#ifndef TEST_LEARN_HOST_H
#define TEST_LEARN_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/call.h"

typedef struct TestHost
{
	Call		call;
	long		live;			/* allocations not yet freed */
	long		polls;			/* asked so far */
	long		stop_after;		/* polls answered with "go on"; -1 = all */
	double		stopped_at;		/* when poll first asked to stop, 0 = not yet */
	long		spilled;		/* bytes written to the temporary file */
	FILE	   *file;
} TestHost;

/* Seconds since some moment. */
static inline double
test_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void *
test_host_alloc(void *user, size_t size)
{
	TestHost   *host = user;

	host->live++;
	return aligned_alloc(64, (size + 63) & ~(size_t) 63);
}

static void
test_host_free(void *user, void *memory)
{
	TestHost   *host = user;

	if (memory != NULL)
		host->live--;
	free(memory);
}

static bool
test_host_poll(void *user)
{
	TestHost   *host = user;
	bool		stop = host->stop_after >= 0 && host->polls >= host->stop_after;

	host->polls++;
	if (stop && host->stopped_at == 0)
		host->stopped_at = test_clock();
	return stop;
}

static bool
test_host_spill_write(void *user, int64_t offset, const void *data, size_t size)
{
	TestHost   *host = user;

	host->spilled += (long) size;
	return fseek(host->file, (long) offset, SEEK_SET) == 0 && fwrite(data, 1, size, host->file) == size;
}

static bool
test_host_spill_read(void *user, int64_t offset, void *data, size_t size)
{
	TestHost   *host = user;

	return fseek(host->file, (long) offset, SEEK_SET) == 0 && fread(data, 1, size, host->file) == size;
}

/* Start a host that never stops. The context points back at *host. */
static inline void
test_host_init(TestHost *host)
{
	*host = (TestHost) {.stop_after = -1, .file = tmpfile()};
	host->call = (Call) {
		.host = {
			.alloc = test_host_alloc,
			.free = test_host_free,
			.spill_write = test_host_spill_write,
			.spill_read = test_host_spill_read,
			.user = host,
			.max_memory = (size_t) 1 << 30,
		},
		.poll = test_host_poll,
		.user = host,
		.max_pixels = 1000 * 1000,
		.threads = 1,
	};
}

/* Close the temporary file. */
static inline void
test_host_end(TestHost *host)
{
	fclose(host->file);
}

#endif

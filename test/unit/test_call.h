/*
 * test_call.h: a call for tests that counts what is allocated, can ask to
 * stop after a number of polls and keeps its own temporary file.
 */
#ifndef TEST_TEST_CALL_H
#define TEST_TEST_CALL_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/call.h"

typedef struct TestCall
{
	Call		call;
	long		live;			/* allocations not yet freed */
	long		polls;			/* asked so far */
	long		stop_after;		/* polls answered with "go on"; -1 = all */
	double		stopped_at;		/* when poll first asked to stop, 0 = not yet */
	long		spilled;		/* bytes written to the temporary file */
	FILE	   *file;
} TestCall;

/* Seconds since some moment. */
static inline double
test_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

static void *
test_call_alloc(void *user, size_t size)
{
	TestCall   *test = user;

	test->live++;
	return aligned_alloc(64, (size + 63) & ~(size_t) 63);
}

static void
test_call_free(void *user, void *memory)
{
	TestCall   *test = user;

	if (memory != NULL)
		test->live--;
	free(memory);
}

static bool
test_call_poll(void *user)
{
	TestCall   *test = user;
	bool		stop = test->stop_after >= 0 && test->polls >= test->stop_after;

	test->polls++;
	if (stop && test->stopped_at == 0)
		test->stopped_at = test_clock();
	return stop;
}

static bool
test_call_spill_write(void *user, int64_t offset, const void *data, size_t size)
{
	TestCall   *test = user;

	test->spilled += (long) size;
	return fseek(test->file, (long) offset, SEEK_SET) == 0 && fwrite(data, 1, size, test->file) == size;
}

static bool
test_call_spill_read(void *user, int64_t offset, void *data, size_t size)
{
	TestCall   *test = user;

	return fseek(test->file, (long) offset, SEEK_SET) == 0 && fread(data, 1, size, test->file) == size;
}

/* Start a call that never stops; it points back at *test. */
static inline void
test_call_init(TestCall *test)
{
	*test = (TestCall) {.stop_after = -1, .file = tmpfile()};
	test->call = (Call) {
		.host = {
			.alloc = test_call_alloc,
			.free = test_call_free,
			.spill_write = test_call_spill_write,
			.spill_read = test_call_spill_read,
			.user = test,
			.max_memory = (size_t) 1 << 30,
		},
		.poll = test_call_poll,
		.user = test,
		.max_pixels = 1000 * 1000,
		.threads = 1,
	};
}

/* Close the temporary file. */
static inline void
test_call_end(TestCall *test)
{
	fclose(test->file);
}

#endif

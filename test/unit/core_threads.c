/*
 * core_threads.c: how work is shared out, that no pool thread can take a
 * signal away from the main thread, and that denormals are zeros in our work
 * alone.
 */
#include <float.h>
#include <omp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "core/threads.h"
#include "between.h"
#include "pool_signals.h"

#define MOST_ITEMS 1000
#define MOST_THREADS 6

/* What one run did: how often each item was worked on, and by whom. */
typedef struct Record
{
	long		count;
	int			threads;
	int			visits[MOST_ITEMS];
	int			workers[MOST_ITEMS];
	int			calls[MOST_THREADS];	/* by worker */
	int			wrong;			/* pieces or workers out of range */
} Record;

static void
visit(void *data, int worker, long begin, long end)
{
	Record	   *record = data;

	if (worker < 0 || worker >= record->threads || begin < 0 || begin > end || end > record->count)
	{
		record->wrong++;
		return;
	}
	record->calls[worker]++;
	for (long i = begin; i < end; i++)
	{
		record->visits[i]++;
		record->workers[i] = worker;
	}
}

/* Run count items on `threads` threads. */
static void
run(Record *record, int threads, long count)
{
	memset(record, 0, sizeof *record);
	record->count = count;
	record->threads = threads;
	threads_run(threads, count, visit, record);
}

static void
test_every_item_once(void **state)
{
	static const long counts[] = {0, 1, 2, 3, 4, 5, 6, 7, 11, 64, 97, 1000};
	static Record record;
	static Record again;

	(void) state;
	for (int threads = 1; threads <= MOST_THREADS; threads++)
	{
		for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
		{
			/* OMP_DYNAMIC in the environment, or another library, must not
			 * take threads away: pieces would differ from run to run. */
			omp_set_dynamic(1);
			run(&record, threads, counts[k]);
			assert_int_equal(record.wrong, 0);
			for (long i = 0; i < counts[k]; i++)
				assert_int_equal(record.visits[i], 1);

			/* Pieces are contiguous, in the order of the workers, and all work. */
			for (int worker = 0; worker < threads; worker++)
				assert_between(record.calls[worker], counts[k] >= threads && threads > 1, 1);
			for (long i = 1; i < counts[k]; i++)
				assert_true(record.workers[i] >= record.workers[i - 1]);

			run(&again, threads, counts[k]);
			assert_memory_equal(record.workers, again.workers, sizeof record.workers);
		}
	}
}

typedef struct Polls
{
	long		polls;
	long		cancel_at;		/* 0: never */
	Record	   *record;
	long		visited[MOST_ITEMS];	/* items that had been worked on at each poll */
} Polls;

static bool
count_poll(void *user)
{
	Polls	   *polls = user;
	long		visited = 0;

	for (long i = 0; i < polls->record->count; i++)
		visited += polls->record->visits[i];
	polls->visited[polls->polls++] = visited;
	return polls->polls == polls->cancel_at;
}

/* In blocks: every item once, under its own number, a poll before each block;
 * a cancel leaves the rest undone. */
static void
test_polled_blocks(void **state)
{
	static const long blocks[] = {-1, 0, 1, 7, 100, MOST_ITEMS, 2 * MOST_ITEMS};
	Record		record;
	Polls		polls;
	Call call = *call_standalone();

	(void) state;
	call.poll = count_poll;
	call.user = &polls;
	for (call.threads = 1; call.threads <= 3; call.threads++)
	{
		for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++)
		{
			long		block = blocks[b] < 1 ? 1 : blocks[b];

			for (long cancel_at = 0; cancel_at <= 3; cancel_at++)
			{
				Status		status;
				long		expected;

				memset(&record, 0, sizeof record);
				record.count = MOST_ITEMS;
				record.threads = call.threads;
				polls = (Polls) {.cancel_at = cancel_at, .record = &record};
				status = threads_run_polled(&call, MOST_ITEMS, blocks[b], visit, &record);
				assert_int_equal(record.wrong, 0);
				for (long p = 0; p < polls.polls; p++)
					assert_int_equal(polls.visited[p], p * block);
				expected = cancel_at == 0 || (cancel_at - 1) * block >= MOST_ITEMS ?
					MOST_ITEMS : (cancel_at - 1) * block;
				assert_int_equal(status.code, expected == MOST_ITEMS ? LS_OK : LS_CANCELLED);
				for (long i = 0; i < MOST_ITEMS; i++)
					assert_int_equal(record.visits[i], i < expected);
			}
		}
	}
}

/* No number of threads is too small to ask for: the main thread remains. */
static void
test_odd_numbers(void **state)
{
	static Record record;

	(void) state;
	for (int threads = -1; threads <= 1; threads++)
	{
		memset(&record, 0, sizeof record);
		record.count = 10;
		record.threads = 1;
		threads_run(threads, record.count, visit, &record);
		assert_int_equal(record.wrong, 0);
		assert_int_equal(record.calls[0], 1);
		assert_int_equal(record.visits[9], 1);
		threads_use(threads);
		assert_int_equal(omp_get_max_threads(), 1);
	}
	threads_use(3);
	assert_int_equal(omp_get_max_threads(), 3);
	assert_true(threads_available() >= 1);
}

/* The pool grows and shrinks; whatever it does, its threads block everything. */
static void
test_pool_blocks_signals(void **state)
{
	static const int sizes[] = {2, 4, 2, 5, 1, 3, 3, 6};
	static Record record;
	uint64_t	before = blocked_signals(getpid());

	(void) state;
	if (!masks_are_known())
		skip();
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
	{
		int			threads;
		int			open;

		run(&record, sizes[i], MOST_ITEMS);
		count_pool_threads(&threads, &open);
		assert_true(threads >= sizes[i] - 1);
		assert_int_equal(open, 0);
	}
	assert_true(blocked_signals(getpid()) == before);
	assert_true((before & BLOCKABLE_SIGNALS) != BLOCKABLE_SIGNALS);
}

/* Half of the smallest normal number, as this thread computes it. */
static float
denormal(void)
{
	volatile float smallest = FLT_MIN;

	return smallest * 0.5f;
}

/* Count the items whose thread knows denormals. */
static void
count_denormals(void *data, int worker, long begin, long end)
{
	int		   *found = data;

	(void) worker;
	for (long i = begin; i < end; i++)
		found[i] = denormal() != 0;
}

static void
test_denormals_are_zeros(void **state)
{
	ThreadsState before;

	(void) state;
	if (getenv("LESIONSEG_TEST_QUICK") != NULL)	/* memcheck computes without this mode */
		skip();
#ifndef __SSE2__
	skip();
#endif
	for (int threads = 1; threads <= MOST_THREADS; threads++)
	{
		int			found[MOST_THREADS] = {0};

		threads_run(threads, MOST_THREADS, count_denormals, found);
		for (int i = 0; i < MOST_THREADS; i++)
			assert_int_equal(found[i], 0);
		assert_true(denormal() != 0);
	}
	threads_enter(&before);
	assert_true(denormal() == 0);
	threads_leave(&before);
	assert_true(denormal() != 0);
}

/* A signal that is held back is seen by every thread. */
static void
see_signal(void *data, int worker, long begin, long end)
{
	bool	   *seen = data;

	(void) worker;
	for (long i = begin; i < end; i++)
		seen[i] = threads_signalled(NULL);
}

static void
test_signal_is_seen_by_threads(void **state)
{
	bool		seen[2] = {false, false};
	ThreadsState before;
	sigset_t	one;
	int			taken = 0;

	(void) state;
	assert_false(threads_signalled(NULL));
	threads_enter(&before);
	kill(getpid(), SIGUSR1);
	threads_run(2, 2, see_signal, seen);
	sigemptyset(&one);
	sigaddset(&one, SIGUSR1);
	assert_int_equal(sigwait(&one, &taken), 0);
	threads_leave(&before);
	assert_int_equal(taken, SIGUSR1);
	assert_true(seen[0]);
	assert_true(seen[1]);
	assert_false(threads_signalled(NULL));
}

/* That fewer may be: test/t/settings.pl, where a server's user has a limit. */
static void
test_startable(void **state)
{
	(void) state;
	assert_int_equal(threads_startable(1), 1);
	assert_int_equal(threads_startable(3), 3);
	assert_int_equal(threads_startable(2), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_item_once),
		cmocka_unit_test(test_polled_blocks),
		cmocka_unit_test(test_odd_numbers),
		cmocka_unit_test(test_pool_blocks_signals),
		cmocka_unit_test(test_denormals_are_zeros),
		cmocka_unit_test(test_startable),
		cmocka_unit_test(test_signal_is_seen_by_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

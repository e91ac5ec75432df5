/*
 * nn_openblas_room.c: OpenBLAS multiplies on as many threads as there is room for. Where it finds none it tries for
 * ever, on threads that take no signal, so it runs in a child process, which is killed then.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cblas.h>
#include <cmocka.h>

#include "core/threads.h"
#include "nn/conv/openblas_room.h"

#define SIDE 192
#define THREADS 4
#define PRODUCTS 100

static float factor[SIDE * SIDE];
static float product[THREADS][SIDE * SIDE];

/* Let the process have so many MB more than it has; false where that fails. */
static bool
leave_room(long megabytes)
{
	FILE	   *memory = fopen("/proc/self/statm", "r");
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};
	long		pages = 0;
	bool		known = memory != NULL && fscanf(memory, "%ld", &pages) == 1;

	if (memory != NULL)
		fclose(memory);
	limit.rlim_cur = (rlim_t) pages * (rlim_t) sysconf(_SC_PAGESIZE) + (rlim_t) megabytes * 1024 * 1024;
	return known && setrlimit(RLIMIT_AS, &limit) == 0;
}

/* Multiply again and again on one thread. */
static void
multiply(void *data, int worker, long first, long last)
{
	(void) data;
	for (long i = first; i < last; i++)
		cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, factor, SIDE, factor, SIDE, 0,
					product[worker], SIDE);
}

/* Do nothing, so that the threads are there. */
static void
start(void *data, int worker, long first, long last)
{
	(void) data;
	(void) worker;
	(void) first;
	(void) last;
}

/* Run a check in a child process, for at most five minutes; what it returns. */
static int
in_child(int (*check) (void))
{
	pid_t		child = fork();
	pid_t		ended = 0;
	int			status = -1;

	if (child == 0)
		_exit(check());
	for (int i = 0; i < 3000 && ended == 0; i++)
	{
		usleep(100 * 1000);
		ended = waitpid(child, &status, WNOHANG);
	}
	if (ended == 0)
	{
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	}
	return status;
}

static int
is_refused(void)
{
	Status		status;

	if (!leave_room(100))
		return 2;
	status = openblas_need_room(THREADS);
	return status.code == LS_OUT_OF_MEMORY && status.hint[0] != '\0' ? 0 : 3;
}

static int
multiplies(void)
{
	threads_run(THREADS, THREADS, start, NULL);
	if (openblas_need_room(THREADS).code != LS_OK || openblas_need_room(THREADS).code != LS_OK)
		return 2;
	if (!leave_room(100))
		return 3;
	threads_run(THREADS, PRODUCTS, multiply, NULL);
	return 0;
}

static void
test_no_room(void **state)
{
	(void) state;
	assert_int_equal(in_child(is_refused), 0);
}

static void
test_room_is_kept(void **state)
{
	(void) state;
	assert_int_equal(in_child(multiplies), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_room_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * nn_thread_limit.c: OMP_THREAD_LIMIT=1 in the environment, where OpenBLAS
 * would wait for ever for threads that it does not get. OpenMP reads the
 * variable when it is loaded, so the program starts itself again with it; and
 * it waits with signals blocked, so that only its parent can end a hang.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "convolution_fixture.h"

/* Seconds until a hang is taken for one: the machine may be busy, and an emulator takes 90. */
#define PATIENCE 600

/* Products that OpenBLAS splits, in few tiles and in many. */
static const Case cases[] = {
	{"1x1", 1, 12, 12, 64, 64, 1, 1, 0, 1, 0, 0},
	{"3x3", 2, 12, 12, 32, 48, 3, 1, 1, 1, 0, 0},
	{"2x2 stride 2", 2, 16, 16, 32, 64, 2, 2, 0, 1, 0, 0},
};

static void
convolutions(void **state)
{
	const Fusion fusion = {.bias = true,.relu = true};

	(void) state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
	{
		Problem		p;

		make_problem(&cases[i], (int) i, &p);
		for (BackendKind kind = BACKEND_ONEDNN; kind <= BACKEND_OPENBLAS; kind++)
		{
			const Backend *backend;

			if (backend_find(kind, &backend).code != LS_OK)
				continue;
			check_problem(backend, &p, DATA_F32, fusion, 2);
			if (backend_has_bf16(backend))
				check_problem(backend, &p, DATA_BF16, fusion, 2);
		}
		free_problem(&p);
	}
}

static const char *program;		/* by which this one was started */

/* The same in a process that has the limit, through the emulator that runs this
 * one, if any (RUN of test/tools/unit). */
static void
limited_process(void **state)
{
	pid_t		child = fork();
	int			status = 0;
	int			waited = 0;

	(void) state;
	assert_true(child >= 0);
	if (child == 0)
	{
		setenv("OMP_THREAD_LIMIT", "1", 1);
		setenv("CMOCKA_MESSAGE_OUTPUT", "stdout", 1);	/* not counted with this process's */
		execl("/bin/sh", "sh", "-c", "exec $RUN \"$0\"", program, (char *) NULL);
		_exit(1);
	}
	while (waitpid(child, &status, WNOHANG) == 0)
	{
		if (waited++ == PATIENCE * 20)
			kill(child, SIGKILL);
		usleep(50 * 1000);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		fail_msg("convolutions hang");
	assert_int_equal(status, 0);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest here[] = {cmocka_unit_test(limited_process)};
	const struct CMUnitTest limited[] = {cmocka_unit_test(convolutions)};

	(void) argc;
	program = argv[0];
	return getenv("OMP_THREAD_LIMIT") == NULL ? cmocka_run_group_tests(here, NULL, NULL) :
		cmocka_run_group_tests(limited, NULL, NULL);
}

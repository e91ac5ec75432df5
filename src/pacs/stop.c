/*
 * stop.c: notes signals.
 */
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pacs/stop.h"

static volatile sig_atomic_t wanted = 0;

static void
note_signal(int number)
{
	(void) number;
	wanted = 1;
	alarm(STOP_SECONDS);
}

/* What it is at does not end: looking up a name, or a server that is silent. */
static void
end_now(int number)
{
	static const char said[] = "lesionseg-pacs: stopped by a signal, in the middle of what it was at\n";

	(void) number;
	if (write(STDERR_FILENO, said, sizeof said - 1) < 0)
		_exit(2);
	_exit(1);
}

void
stop_on_signals(void)
{
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = note_signal;	/* without SA_RESTART: a sleep ends */
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	action.sa_handler = end_now;
	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool
stop_wanted(void)
{
	return wanted != 0;
}

Status
stop_check(void)
{
	return stop_wanted() ? status_error(LS_CANCELLED, "stopped by a signal") : status_ok();
}

void
stop_sleep(int seconds)
{
	struct timespec left = {.tv_sec = 1};

	/* By the second: a signal that comes just before a sleep is then seen soon. */
	for (; seconds > 0 && !stop_wanted(); seconds--)
		nanosleep(&left, NULL);
}
